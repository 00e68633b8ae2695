"""What customers say: satisfaction, recommendation, reviews, and to whom it belongs."""

from datetime import datetime

from duckdb import DuckDBPyConnection

from forecast.history import in_force

#: Figures: means on a scale up to 5, NPS from -100 to 100, each with its number of answers.
SATISFACTION = ("csat", "csat_n", "nps", "nps_n", "review", "review_n")


def create_feedback(con: DuckDBPyConnection, as_of: datetime, *, into: str = "reviews") -> None:
    """Write the answers known at a moment.

    Columns: ``owner_id``, ``account_id``, ``source``, ``happened_at``, ``kind``, ``share``.

    ``share`` is the score over the scale's top, a decimal, so that means do not depend on the order of rows.

    An answer belongs to whom it names, else to the owner of its opportunity, order or account. Without a stated scale
    it is up to 10 for NPS and up to 5 else. Recommenders give at least nine tenths, detractors less than seven
    tenths of the scale, which are 9 and 10, and 0 to 6, of ten.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {into} AS
        SELECT coalesce(f.user_id, o.owner_id, s.user_id, a.owner_id, '') AS owner_id,
            coalesce(f.account_id, o.account_id, s.account_id) AS account_id, f.source, f."at" AS happened_at, f.kind,
            CAST(f.score / coalesce(nullif(f.scale_max, 0), CASE f.kind WHEN 'nps' THEN 10 ELSE 5 END)
                AS DECIMAL(18, 6)) AS share
        FROM {in_force("feedback", as_of)} f
        LEFT JOIN {in_force("opportunities", as_of)} o ON o.opportunity_id = f.opportunity_id
        LEFT JOIN {in_force("orders", as_of)} s ON s.order_id = f.order_id
        LEFT JOIN {in_force("accounts", as_of)} a ON a.account_id = f.account_id
        WHERE f.score IS NOT NULL AND f.kind IN ('csat', 'nps', 'review')
        """
    )
