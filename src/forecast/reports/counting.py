"""Measures of the lake in SQL: one query per subject, rows by the dimensions and the same figures over all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.history import sql_moment
from forecast.performance.kpis import Spans
from forecast.periods import Period
from forecast.reports.catalogue import MEASURES
from forecast.reports.dimensions import OTHER_KEY

#: The column of a table of facts that holds each dimension's key; the calendar's are made of the local day.
_COLUMNS = {
    "rep": "owner_id",
    "region": "region",
    "industry": "industry",
    "category": "category",
    "account": "account_id",
    "stage": "stage",
    "channel": "channel",
    "source": "source",
    "month": "strftime(local_day, '%Y-%m')",
}
_QUARTER = (
    "(year(local_day) - CASE WHEN month(local_day) < {start} THEN 1 ELSE 0 END) || 'Q' || "
    "(((month(local_day) - {start} + 12) % 12) // 3 + 1)"
)


@dataclass(frozen=True)
class Times:
    """What a table is about, and what is compared with it.

    Attributes
    ----------
    spans : Spans
        Of the period; ``now`` may begin earlier, with the first of several periods.
    period : Period
    today : date
        The day of ``as_of`` in the workspace's zone.
    """

    spans: Spans
    period: Period
    today: date

    def filled(self, sql: str, whole: str) -> str:
        """An expression of a measure with its placeholders filled."""
        return sql.format(
            now=_inside(self.spans.now),
            before=_inside(self.spans.before),
            year=_inside(self.spans.year_before),
            end=sql_moment(self.spans.now[1]),
            first=f"DATE '{self.period.first}'",
            last=f"DATE '{self.period.last}'",
            today=f"DATE '{self.today}'",
        ).replace("_whole", whole)

    @property
    def any_span(self) -> str:
        """Rows that count for something."""
        spans = (self.spans.now, self.spans.before, self.spans.year_before)
        return " OR ".join(_inside(span) for span in spans)


def _inside(span: tuple[datetime, datetime] | None) -> str:
    if span is None:
        return "false"
    return f"(happened_at >= {sql_moment(span[0])} AND happened_at < {sql_moment(span[1])})"


def count(
    con: DuckDBPyConnection,
    subject: str,
    measures: Sequence[str],
    dimensions: Sequence[str],
    times: Times,
    *,
    filters: Mapping[str, Sequence[str]],
    fiscal_year_start: int,
    kept: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Measures of one subject, by the dimensions and over everything.

    Parameters
    ----------
    con : DuckDB connection
        With ``facts_<subject>`` and ``_named_teams(team_id)``.
    measures, dimensions : sequence of str
    times : Times
    filters : mapping of dimension to keys
    fiscal_year_start : int in 1..12
    kept : DataFrame, optional
        Rows of keys to tell apart; all others are one row.

    Returns
    -------
    rows : DataFrame
        ``dimensions`` (keys, text), then the measures; sorted by keys.
    totals : dict of measure to value
        NaN where there is nothing to say.
    """
    keys = {name: _key(name, fiscal_year_start) for name in dimensions}
    within = [f"({times.any_span})"] if subject != "pipeline" else []
    for place, (name, values) in enumerate(sorted(filters.items())):
        con.register(f"_filter_{place}", pd.DataFrame({"key": pd.Series(list(values), dtype=object)}))
        within.append(f"{_key(name, fiscal_year_start)} IN (SELECT CAST(key AS VARCHAR) FROM _filter_{place})")
    rows = (
        f"(SELECT *, {', '.join(f'{sql} AS _key_{name}' for name, sql in keys.items()) or '1 AS _one'} "
        f"FROM facts_{subject} WHERE {' AND '.join(within) or 'true'})"
    )
    if kept is not None:
        rows = _with_others(con, rows, dimensions, kept)
    columns = [f"_key_{name}" for name in dimensions]
    whole = f"grouping({', '.join(columns)})" if columns else "1"
    figures = ", ".join(f'CAST({times.filled(MEASURES[name].sql, whole)} AS DOUBLE) AS "{name}"' for name in measures)
    sets = f"GROUP BY GROUPING SETS (({', '.join(columns)}), ())" if columns else ""
    shown = "".join(f"{column}, " for column in columns)
    frame = con.sql(f"SELECT {shown}{whole} AS _is_whole, {figures} FROM {rows} {sets}").df()
    frame = frame.rename(columns={f"_key_{name}": name for name in dimensions})
    total = frame[frame["_is_whole"] > 0]
    totals = {name: float(total[name].iloc[0]) if len(total) else float("nan") for name in measures}
    parts = frame[frame["_is_whole"] == 0] if columns else frame
    parts = parts.drop(columns="_is_whole").sort_values(list(dimensions)) if columns else parts[list(measures)]
    return parts.reset_index(drop=True), totals


def _key(dimension: str, fiscal_year_start: int) -> str:
    if dimension == "quarter":
        return _QUARTER.format(start=fiscal_year_start)
    if dimension == "team":
        return "CASE WHEN team_id IN (SELECT team_id FROM _named_teams) THEN team_id ELSE '' END"
    return _COLUMNS[dimension]


def _with_others(con: DuckDBPyConnection, rows: str, dimensions: Sequence[str], kept: pd.DataFrame) -> str:
    """The rows, with the keys of all that are not kept replaced by one."""
    con.register("_kept_keys", kept[list(dimensions)].astype(object))
    joined = " AND ".join(f"r._key_{name} = k.{name}" for name in dimensions)
    other = OTHER_KEY.replace("'", "''")
    names = ", ".join(
        f"CASE WHEN k.{name} IS NULL THEN '{other}' ELSE r._key_{name} END AS _key_{name}" for name in dimensions
    )
    excluded = ", ".join(f"_key_{name}" for name in dimensions)
    return f"(SELECT r.* EXCLUDE ({excluded}), {names} FROM {rows} r LEFT JOIN _kept_keys k ON {joined})"
