"""Performance of people and teams in a period: figures, results above expectation, steps, suggestions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.history import in_force, sql_moment
from forecast.performance.above import LINE_COLUMNS, Above
from forecast.performance.attainment import read_targets
from forecast.performance.incidence import win_incidence
from forecast.performance.kpis import Spans, create_facts, measure_kpis, owners_of_facts
from forecast.performance.members import create_members
from forecast.performance.steps import WIN, Judged, judge_steps
from forecast.performance.suggestions import suggest
from forecast.periods import Period
from forecast.settings import Settings

#: What results are called beside the figures.
_RENAMED = {
    "n_cases": "cases", "successes": "wins", "expected": "expected_wins", "difference": "wins_difference",
    "above": "wins_above", "low": "wins_above_low", "high": "wins_above_high",
    "amount": "won_amount", "amount_low": "amount_above_low", "amount_high": "amount_above_high",
}  # fmt: skip
_RESULTS = (
    "cases", "wins", "expected_wins", "wins_difference", "wins_above", "wins_above_low", "wins_above_high",
    "won_amount", "expected_amount", "amount_above", "amount_above_low", "amount_above_high",
    "pace", "p_ahead", "p_behind", "claim", "fits", "unseen",
)  # fmt: skip
_DECIMALS = 9
#: Conversion is won within so many days of getting the case; "ever" is not known of open ones.
CONVERSION_DAYS = 365


@dataclass(frozen=True)
class Performance:
    """How people and teams did in a period, as it was known at ``as_of``.

    Attributes
    ----------
    period : Period
    as_of : datetime
    currency : str
        Of all amounts: the reporting currency.
    kpis : DataFrame
        Figures per line, see `forecast.performance.kpis.measure_kpis`, with ``conversion``, ``conversion_n``,
        ``days_to_win``, ``target``, ``attainment``.
    judged : Judged
    members : DataFrame
        ``level``, ``id``, ``owner_id``: whose rows add up to each line.
    names : mapping of team_id to name
    """

    period: Period
    as_of: datetime
    currency: str
    kpis: pd.DataFrame
    judged: Judged
    members: pd.DataFrame
    names: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def people_of(self) -> Mapping[tuple[str, str], Sequence[str]]:
        """Users of every line, in the order of the table: company, teams, users."""
        grouped = self.members.groupby(["level", "id"], sort=True)["owner_id"]
        return {(str(level), str(name)): list(people) for (level, name), people in grouped}

    @cached_property
    def steps(self) -> pd.DataFrame:
        """Every line in the whole and in each step: columns of `Above.lines` and ``step``; sorted by the funnel."""
        frames = [above.lines(self.people_of).assign(step=step) for step, above in self.judged.steps.items()]
        if not frames:
            return pd.DataFrame(columns=[*LINE_COLUMNS, "step"])
        return _rounded(pd.concat(frames, ignore_index=True))

    def to_frame(self) -> pd.DataFrame:
        """Figures and results above expectation, one row for the company, each team and each person.

        Returns
        -------
        DataFrame
            ``level``, ``id``, ``name`` (of a team), the figures, then ``cases``, ``wins``, ``expected_wins``,
            ``wins_difference``, ``wins_above`` with its 80 % range, the same in money, ``p_ahead``, ``p_behind``,
            ``claim``, ``fits``, ``unseen``: missing where nothing could be expected.
        """
        whole = self.steps[self.steps["step"] == WIN].rename(columns=_RENAMED)
        results = whole.reindex(columns=["level", "id", *_RESULTS])
        table = self.kpis.merge(results, on=["level", "id"], how="left")
        table["claim"] = table["claim"].fillna("").astype(object)
        table.insert(2, "name", [self.names.get(name) for name in table["id"]])
        return _rounded(table)

    def suggestions(self, level: str, name: str, *, visible: Collection[str] = ()) -> list[dict[str, Any]]:
        """What one person or team may work on; see `forecast.performance.suggestions.suggest`.

        Parameters
        ----------
        level : {"user", "team", "company"}
        name : str
            The id.
        visible : collection of str
            Colleagues who may be named.
        """
        rows = self.steps[(self.steps["level"] == level) & (self.steps["id"] == name)]
        person = name if level == "user" else None
        return suggest(rows, self.judged.steps, person=person, visible=visible)

    def comparisons(self, people: Collection[str], of: str | None = None) -> pd.DataFrame:
        """Pairs of some people, or of one with the others, by the whole result; see `Above.comparisons`."""
        above: Above | None = self.judged.steps.get(WIN)
        if above is None:
            return pd.DataFrame(columns=["id", "other_id", "p_ahead", "claim"])
        return _rounded(above.comparisons(sorted(people), of))


def measure(
    con: DuckDBPyConnection,
    period: Period,
    as_of: datetime,
    settings: Settings,
    approved: pd.DataFrame | None = None,
) -> Performance:
    """Performance of everybody in a period, from what was known at ``as_of``.

    Parameters
    ----------
    con : DuckDB connection with histories
    period : Period
        Begun before ``as_of``; of a running one the part that has passed.
    as_of : datetime, UTC-aware
    settings : Settings
    approved : DataFrame, optional
        Approved targets of the period, as the store gives them.

    Returns
    -------
    Performance

    Raises
    ------
    InvalidInput
        If the period had not begun.
    DataUnavailable
        If an amount has no exchange rate.
    """
    spans = Spans.of(period, as_of, settings)
    create_facts(con, as_of, settings)
    judged = judge_steps(con, spans, as_of, settings)
    people = {*owners_of_facts(con, spans), *(person for above in judged.steps.values() for person in above.people)}
    members = create_members(con, as_of, sorted(people))
    kpis = measure_kpis(con, spans).merge(_conversion(con, spans), on=["level", "id"], how="left")
    kpis = kpis.merge(read_targets(con, period, as_of, settings, members, approved), on=["level", "id"], how="left")
    kpis["conversion_n"] = kpis["conversion_n"].fillna(0).astype("int64")
    kpis["attainment"] = kpis["revenue"] / kpis["target"].where(kpis["target"] > 0)
    names = con.sql(f"SELECT team_id, name FROM {in_force('teams', as_of)} WHERE name IS NOT NULL").fetchall()
    return Performance(
        period, as_of, settings.reporting_currency, kpis, judged, members, {str(key): str(name) for key, name in names}
    )


def _conversion(con: DuckDBPyConnection, spans: Spans) -> pd.DataFrame:
    """Win rate and days to win of deals that were open in the period, open ones counted while they were open."""
    start, end = (sql_moment(moment) for moment in spans.now)
    rows = con.sql(
        f"""
        SELECT m.level, m.id, (epoch_us(greatest(h.got_at, {start})) - epoch_us(h.got_at)) / 86400e6 AS age_from,
            (epoch_us(least(h.until, coalesce(h.ended_at, h.until), {end})) - epoch_us(h.got_at)) / 86400e6 AS age_to,
            CASE WHEN h.ended_at < {end} AND h.event = 'won' THEN 1 WHEN h.ended_at < {end} AND h.event = 'lost' THEN 2
                ELSE 0 END AS event
        FROM deal_holdings h JOIN members m USING (owner_id)
        WHERE h.got_at < {end} AND least(h.until, coalesce(h.ended_at, h.until)) > {start}
        """
    ).df()
    keys = rows[["level", "id"]].drop_duplicates().sort_values(["level", "id"], ignore_index=True)
    group = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(rows[["level", "id"]]))
    found = win_incidence(
        group.astype(np.int64),
        rows["age_from"].to_numpy(dtype=float),
        rows["age_to"].to_numpy(dtype=float),
        rows["event"].to_numpy(dtype=np.int64),
        len(keys),
        horizon_days=CONVERSION_DAYS,
    )
    table: pd.DataFrame = keys.assign(
        conversion=found.win_rate, conversion_n=found.n_cases, days_to_win=found.median_days
    )
    return table


def _rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers that a machine's last bits do not change."""
    floats = frame.select_dtypes("float").columns
    rounded: pd.DataFrame = frame.round({str(name): _DECIMALS for name in floats})
    return rounded
