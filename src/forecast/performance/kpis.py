"""The classic figures of people and teams in a period, each with its number of cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.history import sql_moment
from forecast.performance.follow_up import create_contacts, create_inquiries
from forecast.performance.revenue import create_deals, create_earned
from forecast.performance.satisfaction import SATISFACTION, create_feedback
from forecast.periods import Period, period_of
from forecast.schema import CHANNELS
from forecast.settings import Settings

#: Figures in the order of the table, after ``level`` and ``id``.
SALES = ("revenue", "revenue_before", "growth", "revenue_year_before", "growth_year", "won", "lost", "decided_win_rate",
         "in_hand", "cycle_days")  # fmt: skip
ACTIVITY = ("contacts", *(f"contacts_{channel}" for channel in CHANNELS))
FOLLOW_UP = ("inquiries", "answered", "answered_share", "response_hours", "tasks_due", "overdue", "done_late")


@dataclass(frozen=True)
class Spans:
    """The part of a period that had passed, and the same part of the period before and of the one a year before.

    Each is (first moment, first moment after), in UTC; None where the calendar has no such period.
    """

    now: tuple[datetime, datetime]
    before: tuple[datetime, datetime]
    year_before: tuple[datetime, datetime] | None

    @classmethod
    def of(cls, period: Period, as_of: datetime, settings: Settings) -> "Spans":
        """Spans of a period as of a moment: a running period is compared with as much of the earlier ones.

        Raises
        ------
        InvalidInput
            If the period had not begun.
        """
        zone = settings.zone
        start, end = period.start(zone), period.end(zone)
        if as_of <= start:
            raise InvalidInput(
                f"The period {period.label} had not begun at {as_of:%Y-%m-%d %H:%M:%SZ}; performance looks back, ask "
                "for an earlier period or a later `as_of`."
            )
        passed = min(as_of, end) - start

        def same_part(other: Period) -> tuple[datetime, datetime]:
            first = other.start(zone)
            return first, other.end(zone) if as_of >= end else min(first + passed, other.end(zone))

        last_year = _a_year_before(period, settings)
        return cls(
            (start, min(as_of, end)),
            same_part(_period_with(period, period.first - timedelta(days=1), settings)),
            None if last_year is None else same_part(last_year),
        )


def _period_with(period: Period, day: date, settings: Settings) -> Period:
    kinds = {7: "week", 28: "month", 29: "month", 30: "month", 31: "month"}
    kind = kinds.get(period.days, "quarter" if period.days < 100 else "year")
    return period_of(day, kind=kind, fiscal_year_start=settings.fiscal_year_start)


def _a_year_before(period: Period, settings: Settings) -> Period | None:
    if period.days == 7:  # the same ISO week, which the year before may not have had
        year, week, _ = period.first.isocalendar()
        try:
            return _period_with(period, date.fromisocalendar(year - 1, week, 1), settings)
        except ValueError:
            return None
    return _period_with(period, period.first.replace(year=period.first.year - 1), settings)


def create_facts(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> None:
    """Write the temp tables that the figures are counted from: deals, earned, contacts, inquiries, reviews."""
    create_deals(con, as_of, settings)
    create_earned(con, as_of, settings)
    create_contacts(con, as_of)
    create_inquiries(con)
    create_feedback(con, as_of)


def owners_of_facts(con: DuckDBPyConnection, spans: Spans) -> list[str]:
    """Everybody to whom a row of the period belongs; empty for nobody."""
    start, end = (sql_moment(moment) for moment in spans.now)
    rows = con.execute(
        f"""
        SELECT owner_id FROM earned WHERE happened_at >= {start} AND happened_at < {end}
        UNION SELECT coalesce(owner_id, '') FROM deals
            WHERE created_at < {end} AND (closed_at IS NULL OR closed_at >= {start})
        UNION SELECT owner_id FROM contacts WHERE happened_at >= {start} AND happened_at < {end}
        UNION SELECT owner_id FROM reviews WHERE happened_at >= {start} AND happened_at < {end}
        """
    ).fetchall()
    return sorted(str(row[0]) for row in rows)


def measure_kpis(con: DuckDBPyConnection, spans: Spans) -> pd.DataFrame:
    """Figures of every line of ``members``, counted from ``deals``, ``earned``, ``contacts``, ``inquiries``,
    ``reviews``.

    A team's line counts the rows of its people together: shares are of sums, medians over all rows, never means of
    means.

    Parameters
    ----------
    con : DuckDB connection
        After `create_facts` and `create_members`.
    spans : Spans

    Returns
    -------
    DataFrame
        ``level``, ``id``, then `SALES`, `ACTIVITY`, `FOLLOW_UP` and `SATISFACTION`; shares and medians of nothing are
        NaN. Sorted by level (company, team, user) and id.
    """
    frames = [con.sql("SELECT DISTINCT level, id FROM members").df()]
    frames += [_sales(con, spans), _activity(con, spans), _follow_up(con, spans), _satisfaction(con, spans)]
    table = frames[0]
    for frame in frames[1:]:
        table = table.merge(frame, on=["level", "id"], how="left")
    counts = [name for name in table if name in _COUNTS]
    table[counts] = table[counts].fillna(0).astype("int64")
    amounts = ["revenue", "revenue_before", "revenue_year_before"]
    table[amounts[:2]] = table[amounts[:2]].fillna(0.0)
    if spans.year_before is not None:
        table[amounts[2]] = table[amounts[2]].fillna(0.0)
    table["growth"] = _ratio(table["revenue"], table["revenue_before"]) - 1
    table["growth_year"] = _ratio(table["revenue"], table["revenue_year_before"]) - 1
    table["decided_win_rate"] = _ratio(table["won"], table["won"] + table["lost"])
    table["answered_share"] = _ratio(table["answered"], table["inquiries"])
    ordered: pd.DataFrame = table[["level", "id", *SALES, *ACTIVITY, *FOLLOW_UP, *SATISFACTION]]
    return ordered.sort_values(["level", "id"]).reset_index(drop=True)


_COUNTS = frozenset(
    ("won", "lost", "in_hand", *ACTIVITY, "inquiries", "answered", "tasks_due", "overdue", "done_late",
     "csat_n", "nps_n", "review_n")
)  # fmt: skip


def _ratio(above: "pd.Series[float]", below: "pd.Series[float]") -> "pd.Series[float]":
    """NaN where there is nothing to divide by."""
    divisor = below.astype(float)
    return above.astype(float) / divisor.where(divisor > 0)


def _inside(column: str, span: tuple[datetime, datetime] | None) -> str:
    if span is None:
        return "false"
    return f"({column} >= {sql_moment(span[0])} AND {column} < {sql_moment(span[1])})"


def _grouped(con: DuckDBPyConnection, rows: str, figures: Sequence[str]) -> pd.DataFrame:
    frame: pd.DataFrame = con.sql(
        f"SELECT level, id, {', '.join(figures)} FROM members JOIN {rows} r USING (owner_id) GROUP BY level, id"
    ).df()
    return frame


def _sales(con: DuckDBPyConnection, spans: Spans) -> pd.DataFrame:
    money = _grouped(
        con,
        "earned",
        [
            f"CAST(sum(amount) FILTER ({_inside('happened_at', span)}) AS DOUBLE) AS {name}"
            for name, span in (
                ("revenue", spans.now),
                ("revenue_before", spans.before),
                ("revenue_year_before", spans.year_before),
            )
        ],
    )
    end = sql_moment(spans.now[1])
    decided = _inside("closed_at", spans.now)
    days = "(epoch_us(closed_at) - epoch_us(created_at)) / 86400e6"
    cases = _grouped(
        con,
        "(SELECT * REPLACE (coalesce(owner_id, '') AS owner_id) FROM deals)",
        [
            *(f"count(*) FILTER (outcome = '{name}' AND {decided}) AS {name}" for name in ("won", "lost")),
            f"count(*) FILTER (created_at < {end} AND (closed_at IS NULL OR closed_at >= {end})) AS in_hand",
            f"median({days}) FILTER (outcome = 'won' AND {decided}) AS cycle_days",
        ],
    )
    return money.merge(cases, on=["level", "id"], how="outer")


def _activity(con: DuckDBPyConnection, spans: Spans) -> pd.DataFrame:
    ours = f"is_done AND direction IS DISTINCT FROM 'in' AND {_inside('happened_at', spans.now)}"
    by_channel = [f"count(*) FILTER ({ours} AND channel = '{name}') AS contacts_{name}" for name in CHANNELS]
    return _grouped(con, "contacts", [f"count(*) FILTER ({ours}) AS contacts", *by_channel])


def _follow_up(con: DuckDBPyConnection, spans: Spans) -> pd.DataFrame:
    asked, end = _inside("happened_at", spans.now), sql_moment(spans.now[1])
    answered = f"answered_at < {end}"
    hours = "(epoch_us(answered_at) - epoch_us(happened_at)) / 3600e6"
    answers = _grouped(
        con,
        "inquiries",
        [
            f"count(*) FILTER ({asked}) AS inquiries",
            f"count(*) FILTER ({asked} AND {answered}) AS answered",
            f"median({hours}) FILTER ({asked} AND {answered}) AS response_hours",
        ],
    )
    due = _inside("due_at", spans.now)
    tasks = _grouped(
        con,
        "contacts",
        [
            f"count(*) FILTER ({due}) AS tasks_due",
            f"count(*) FILTER ({due} AND NOT is_done) AS overdue",
            f"count(*) FILTER ({due} AND is_done AND happened_at > due_at) AS done_late",
        ],
    )
    return answers.merge(tasks, on=["level", "id"], how="outer")


def _satisfaction(con: DuckDBPyConnection, spans: Spans) -> pd.DataFrame:
    rows = f"(SELECT * FROM reviews WHERE {_inside('happened_at', spans.now)})"
    return _grouped(
        con,
        rows,
        [
            "avg(5 * share) FILTER (kind = 'csat') AS csat",
            "count(*) FILTER (kind = 'csat') AS csat_n",
            "100 * avg(CASE WHEN share >= 0.9 THEN 1 WHEN share < 0.7 THEN -1 ELSE 0 END) FILTER (kind = 'nps') AS nps",
            "count(*) FILTER (kind = 'nps') AS nps_n",
            "avg(5 * share) FILTER (kind = 'review') AS review",
            "count(*) FILTER (kind = 'review') AS review_n",
        ],
    )
