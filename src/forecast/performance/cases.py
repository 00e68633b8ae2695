"""Who had which case from when to when, and what came of it: spells mined from histories, as known at a moment."""

from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.features.cases import case_versions
from forecast.history import sql_moment

#: A case lasts at least so long with its last holder.
_SECOND = "INTERVAL 1 SECOND"


def create_holdings(con: DuckDBPyConnection, entity: str, as_of: datetime, *, into: str = "holdings") -> None:
    """Write who held each case while it was open: one row per uninterrupted holding by one person.

    The last known version decides what a case came to: lost, reopened and won counts as won, and was open all the
    time. Who held it last while it was open has the outcome. A case that came already closed was never anybody's to
    win and has no row.

    Columns of the temp table: ``case_id``, ``owner_id``, ``got_at`` (when it became known that the person has it),
    ``until`` (handed on, removed, or ``as_of``: also when the case ended earlier, it could have gone on),
    ``event`` (``won``, ``lost`` or empty), ``ended_at`` (never before ``got_at``), ``amount`` (of the last version, in
    the case's currency).

    Parameters
    ----------
    con : DuckDB connection with histories
    entity : {"lead", "opportunity"}
    as_of : datetime
        Nothing recorded at or after this moment is seen.
    """
    moment = sql_moment(as_of)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {into} AS
        WITH known AS (SELECT * FROM {case_versions(entity)} WHERE known_from < {moment}),
        final AS (
            SELECT case_id, arg_max(event, known_from) AS event, arg_max(event_at, known_from) AS event_at,
                arg_max(amount, known_from) AS amount, least(max(known_to), {moment}) AS live_to
            FROM known WHERE live GROUP BY case_id
        ), entries AS (
            SELECT case_id, owner_id, known_from AS got_at FROM known WHERE live AND event = ''
            WINDOW w AS (PARTITION BY case_id ORDER BY known_from)
            QUALIFY row_number() OVER w = 1 OR owner_id IS DISTINCT FROM lag(owner_id) OVER w
        ), held AS (
            SELECT *, lead(got_at) OVER (PARTITION BY case_id ORDER BY got_at) AS given_at FROM entries
        )
        SELECT case_id, owner_id, got_at,
            coalesce(given_at, CASE event WHEN '' THEN live_to WHEN 'closed' THEN greatest(event_at, got_at)
                ELSE {moment} END) AS until,
            CASE WHEN given_at IS NULL AND event IN ('won', 'lost') THEN event ELSE '' END AS event,
            CASE WHEN given_at IS NULL AND event IN ('won', 'lost')
                THEN least(greatest(event_at, got_at + {_SECOND}), {moment}) END AS ended_at,
            amount
        FROM held JOIN final USING (case_id)
        WHERE owner_id IS NOT NULL AND owner_id <> ''
        ORDER BY case_id, got_at
        """
    )


def stage_order(con: DuckDBPyConnection, as_of: datetime) -> list[str]:
    """Open stages of opportunities, first to last, as deals went through them: by the mean place of first entry.

    A stage that less than one case in fifty ever entered is no step of the funnel and is left out.
    """
    rows = con.execute(
        f"""
        WITH entries AS (
            SELECT case_id, stage, min(known_from) AS entered
            FROM (SELECT opportunity_id AS case_id, stage, known_from FROM opportunities
                  WHERE known_from < {sql_moment(as_of)} AND known_from < known_to AND outcome IS NULL
                  AND closed_at IS NULL AND deleted_at IS NULL AND merged_into IS NULL)
            WHERE stage <> '' GROUP BY ALL
        ), places AS (
            SELECT *, row_number() OVER (PARTITION BY case_id ORDER BY entered, stage) AS place,
                count(*) OVER (PARTITION BY case_id) AS n_stages
            FROM entries
        )
        SELECT stage FROM places GROUP BY stage
        HAVING count(*) * 50 >= (SELECT count(DISTINCT case_id) FROM entries)
        ORDER BY avg(place), stage
        """
    ).fetchall()
    return [str(row[0]) for row in rows]


def create_stage_holdings(
    con: DuckDBPyConnection, as_of: datetime, stages: list[str], *, holdings: str, into: str = "stage_holdings"
) -> None:
    """Write who held each case in each step of the funnel: from entering a stage to a later one or the end.

    Going forward to any later stage, or a win, is a success; a loss is a failure. A case that falls back stays in the
    step that it had reached. ``got_at`` is when the person had the case in the step; ``event`` is ``won`` for a
    success.

    Columns: those of `create_holdings` and ``step``, the number of the stage.
    """
    order = pd.DataFrame({"stage": stages, "place": range(len(stages))}, columns=["stage", "place"])
    con.register("_order", order)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {into} AS
        WITH reached AS (
            SELECT opportunity_id AS case_id, known_from,
                max(CAST(place AS INTEGER)) OVER (PARTITION BY opportunity_id ORDER BY known_from) AS step
            FROM opportunities v JOIN _order ON v.stage = _order.stage
            WHERE known_from < {sql_moment(as_of)} AND known_from < known_to AND outcome IS NULL AND closed_at IS NULL
                AND deleted_at IS NULL AND merged_into IS NULL
        ), steps AS (
            SELECT case_id, step, min(known_from) AS entered_at FROM reached GROUP BY ALL
        ), spans AS (
            SELECT *, lead(entered_at) OVER (PARTITION BY case_id ORDER BY step) AS left_at FROM steps
        ), cut AS (
            SELECT h.case_id, h.owner_id, h.got_at AS held_from, s.step, greatest(h.got_at, s.entered_at) AS got_at,
                h.until, h.amount,
                CASE WHEN s.left_at IS NULL THEN h.event WHEN s.left_at < h.until THEN 'won' ELSE '' END AS event,
                CASE WHEN s.left_at IS NULL THEN h.ended_at WHEN s.left_at < h.until THEN s.left_at END AS ended_at
            FROM {holdings} h JOIN spans s USING (case_id)
            WHERE s.entered_at < h.until AND (h.ended_at IS NULL OR s.entered_at < h.ended_at)
                AND (s.left_at IS NULL OR s.left_at > h.got_at)
        )
        SELECT case_id, owner_id, held_from, step, got_at, until, event, ended_at, amount FROM cut
        ORDER BY case_id, step, got_at
        """
    )
    con.unregister("_order")
