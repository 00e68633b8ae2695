"""From a definition to its tables: subjects are counted, joined, sorted, cut, and made to add up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput, NotAllowed, NotEnoughHistory
from forecast.explain.labels import Text
from forecast.funnel.visits import LEAD
from forecast.history import in_force
from forecast.money import minor_digits, round_to_total
from forecast.outlook.record import HORIZONS
from forecast.performance.kpis import Spans
from forecast.periods import Period, parse_period, period_of
from forecast.reports.catalogue import MEASURES, OF_LAKE
from forecast.reports.counting import Times, count
from forecast.reports.dimensions import DIMENSIONS, OTHER_KEY, TIME
from forecast.reports.facts import create_facts, create_people, create_places
from forecast.reports.measures import Measure
from forecast.reports.period_rules import first_of
from forecast.reports.report import NONE, ReportTable
from forecast.reports.rooms import TABLES, Rooms, RoomTable, Seen
from forecast.reports.spec import ReportSpec, Section
from forecast.reports.viewer import Viewer
from forecast.settings import Settings

_DECIMALS = 9


@dataclass
class ReportMaker:
    """Makes the tables of one report, on one connection.

    Parameters
    ----------
    con : DuckDB connection with histories
    rooms : Rooms
    settings : Settings
    period : Period
    as_of : datetime, UTC-aware
    viewer : Viewer
    stages : sequence of str
        Open stages in their order, where a mapping declares one.
    """

    con: DuckDBPyConnection
    rooms: Rooms
    settings: Settings
    period: Period
    as_of: datetime
    viewer: Viewer
    stages: Sequence[str] = ()
    _counted_from: set[str] = field(default_factory=set)

    def tables(self, spec: ReportSpec) -> tuple[ReportTable, ...]:
        """The tables of all sections."""
        create_places(self.con, self.as_of)
        create_people(self.con, self.as_of, self.viewer)
        return tuple(self._table(section, spec.filters_of(section)) for section in spec.sections)

    def _table(self, section: Section, filters: Mapping[str, tuple[str, ...]]) -> ReportTable:
        measures = tuple(MEASURES[name] for name in section.columns)
        title = section.title.text if section.title else _default_title(section)
        text = section.text.text if section.text else NONE
        dimensions = section.dimensions
        empty = pd.DataFrame(columns=[*dimensions, *section.columns])
        table = ReportTable(title, text, dimensions, measures, empty, {}, chart=section.chart, filters=filters)
        try:
            return self._filled(table, section, filters)
        except NotAllowed:
            return replace(table, note=_NOT_SHOWN)
        except (InvalidInput, NotEnoughHistory) as error:
            return replace(table, note=Text(str(error), f"此处没有可以给出的数据：{error}"))

    def _filled(self, table: ReportTable, section: Section, filters: Mapping[str, tuple[str, ...]]) -> ReportTable:
        by_subject: dict[str, list[str]] = {}
        for name in section.columns:
            by_subject.setdefault(MEASURES[name].subject, []).append(name)
        viewer = self._viewer(filters)
        found = {
            subject: self._subject(subject, names, section, filters, viewer, None)
            for subject, names in by_subject.items()
        }
        rows = self._sorted(self._joined(found, section), section)
        if len(rows) > section.limit and section.dimensions:
            kept = rows.head(section.limit)[list(section.dimensions)]
            found = {
                subject: self._subject(subject, names, section, filters, viewer, kept)
                for subject, names in by_subject.items()
            }
            rows = self._sorted(self._joined(found, section), section)
        totals = {name: value for one in found.values() for name, value in one.totals.items()}
        versions = sorted({one.model_version for one in found.values()} - {""})
        rows, totals = _adding_up(rows, totals, table.measures, self.settings.reporting_currency)
        note = NONE if len(rows) else _NOTHING
        return replace(table, rows=rows, totals=totals, model_version=", ".join(versions), note=note)

    def _subject(
        self,
        subject: str,
        names: list[str],
        section: Section,
        filters: Mapping[str, tuple[str, ...]],
        viewer: Viewer,
        kept: pd.DataFrame | None,
    ) -> RoomTable:
        if subject in OF_LAKE:
            return self._counted(subject, names, section, filters, kept)
        made = TABLES[subject](self.rooms, self._seen(viewer), section.dimensions)
        columns = {MEASURES[name].sql: name for name in names}
        rows = made.rows.reindex(columns=[*section.dimensions, *columns]).rename(columns=columns)
        for name in section.dimensions:
            rows[name] = rows[name].astype(object).where(rows[name].notna(), "")
            if name in filters:
                rows = rows[rows[name].isin(filters[name])]
        totals = {name: made.totals[column] for column, name in columns.items() if column in made.totals}
        if kept is not None:
            rows = _others_together(rows, section.dimensions, names, kept)
        return RoomTable(rows.reset_index(drop=True), totals, made.model_version)

    def _counted(
        self,
        subject: str,
        names: list[str],
        section: Section,
        filters: Mapping[str, tuple[str, ...]],
        kept: pd.DataFrame | None,
    ) -> RoomTable:
        if subject not in self._counted_from:
            create_facts(self.con, subject, self.as_of, self.settings, self.viewer, self.rooms.probabilities)
            self._counted_from.add(subject)
        by_key = dict(filters)
        if "team" in by_key:
            by_key["rep"] = tuple(self._people_in(by_key.pop("team"), by_key.get("rep")))
        version = self.rooms.outlook_version() if "weighted_pipeline" in names else ""
        rows, totals = count(
            self.con,
            subject,
            names,
            section.dimensions,
            self._times(section),
            filters=by_key,
            fiscal_year_start=self.settings.fiscal_year_start,
            kept=kept,
        )
        return RoomTable(rows, totals, version)

    def _times(self, section: Section) -> Times:
        zone = self.settings.zone
        spans = Spans.of(self.period, self.as_of, self.settings)
        if section.periods > 1:
            earliest = first_of(self.period, section.periods, self.settings.fiscal_year_start)
            spans = replace(spans, now=(earliest.start(zone), spans.now[1]))
        return Times(spans, self.period, self.as_of.astimezone(zone).date())

    # -- who ----------------------------------------------------------------------------------------------------------

    def _viewer(self, filters: Mapping[str, tuple[str, ...]]) -> Viewer:
        """The viewer of what rooms say, narrowed by filters on people."""
        viewer = self.viewer
        if "team" in filters or "rep" in filters:
            viewer = viewer.among(self._people_in(filters.get("team"), filters.get("rep")))
        return viewer

    def _people_in(self, teams: Sequence[str] | None, reps: Sequence[str] | None) -> list[str]:
        """People named, in teams and all below them."""
        pairs = self._pairs("users", "user_id", "team_id")
        if teams is None:
            return list(reps or ())
        parents = self._pairs("teams", "team_id", "parent_team_id")
        inside, level = set(teams), set(teams)
        while level := {team for team, parent in parents.items() if parent in level} - inside:
            inside |= level
        people = [user for user, team in pairs.items() if team in inside]
        return people if reps is None else [person for person in people if person in set(reps)]

    def _seen(self, viewer: Viewer) -> Seen:
        team_of = self._pairs("users", "user_id", "team_id")
        accounts = self.con.execute(
            f"SELECT account_id, region, industry FROM {in_force('accounts', self.as_of)} ORDER BY account_id"
        ).df()
        return Seen(
            viewer,
            viewer.whole_teams(team_of),
            team_of,
            self._pairs("teams", "team_id", "parent_team_id"),
            self.period.label,
            self.period.start(self.settings.zone).astimezone(self.settings.zone),
            accounts,
        )

    def _pairs(self, table: str, key: str, value: str) -> dict[str, str]:
        return dict(
            self.con.execute(
                f"SELECT {key}, {value} FROM {in_force(table, self.as_of)} WHERE {value} IS NOT NULL ORDER BY {key}"
            ).fetchall()
        )

    # -- order --------------------------------------------------------------------------------------------------------

    def _joined(self, found: Mapping[str, RoomTable], section: Section) -> pd.DataFrame:
        """All subjects side by side: rows that one has not count as nothing there."""
        keys = list(section.dimensions)
        tables = [one.rows for one in found.values()]
        rows = tables[0]
        for table in tables[1:]:
            rows = rows.merge(table, on=keys, how="outer", sort=False) if keys else pd.concat([rows, table], axis=1)
        rows = rows[[*keys, *section.columns]].copy()
        for name in section.columns:
            values = pd.to_numeric(rows[name]).astype(float).round(_DECIMALS)
            is_counted = MEASURES[name].total == "sum" or MEASURES[name].unit == "count"
            rows[name] = values.fillna(0.0) if is_counted else values
        if not keys:
            return rows
        # A row in which nothing happened in the period at all says nothing; between others a month without sales does.
        rows = rows[(rows[list(section.columns)].fillna(0.0) != 0).any(axis=1)]
        return self._without_gaps(rows, section) if keys in (["month"], ["quarter"]) else rows

    def _without_gaps(self, rows: pd.DataFrame, section: Section) -> pd.DataFrame:
        """Rows of all months or quarters from the first with something to the last of the span that has begun."""
        if rows.empty:
            return rows
        (kind,), start = section.dimensions, self.settings.fiscal_year_start
        today = self.as_of.astimezone(self.settings.zone).date()
        first = parse_period(str(rows[kind].min()), fiscal_year_start=start)
        labels, one = [], period_of(min(self.period.last, today), kind=kind, fiscal_year_start=start)
        while one.first >= first.first:
            labels.append(one.label)
            one = period_of(one.first - timedelta(days=1), kind=kind, fiscal_year_start=start)
        whole = pd.DataFrame({kind: labels[::-1]}).merge(rows, on=kind, how="left")
        counted = [name for name in section.columns if MEASURES[name].total == "sum" or MEASURES[name].unit == "count"]
        whole[counted] = whole[counted].fillna(0.0)
        return whole

    def _sorted(self, rows: pd.DataFrame, section: Section) -> pd.DataFrame:
        """By what the section says; else in the order of the calendar, stages or horizons; else largest first."""
        if not section.dimensions or rows.empty:
            return rows.reset_index(drop=True)
        first, keys = section.dimensions[0], list(section.dimensions)
        by, ascending = section.sort.lstrip("-"), not section.sort.startswith("-")
        if not by and first in TIME:
            by, ascending = first, True
        given = {"stage": (LEAD, *self.stages) if self.stages else (), "horizon": tuple(HORIZONS)}
        if not by and given.get(first):
            order = {key: place for place, key in enumerate(given[first])}
            rows = rows.assign(_place=rows[first].map(order).fillna(len(order)))
            by, ascending = "_place", True
        if not by and MEASURES[section.measures[0]].subject in ("funnel", "record"):
            return rows.reset_index(drop=True)
        by, ascending = (by, ascending) if by else (section.measures[0], False)
        is_other = rows[first] == OTHER_KEY
        ordered = rows.assign(_other=is_other).sort_values(
            ["_other", by, *(key for key in keys if key != by)],
            ascending=[True, ascending, *([True] * len([key for key in keys if key != by]))],
            na_position="last",
            kind="stable",
        )
        return ordered.drop(columns=["_other", "_place"], errors="ignore").reset_index(drop=True)


_NOT_SHOWN = Text(
    "This sums over rows that these rights do not open; ask for a person, a team or a manager's report.",
    "此处的合计包含您无权查看的数据；请按个人或团队查看，或向经理索取。",
)
_NOTHING = Text("Nothing in this period.", "本期间没有数据。")


def _default_title(section: Section) -> Text:
    names = [MEASURES[name].title for name in section.measures[:3]]
    by = [DIMENSIONS[name] for name in section.dimensions]
    english, chinese = ", ".join(name.en for name in names), "、".join(name.zh for name in names)
    if not by:
        return Text(english, chinese)
    return Text(
        f"{english} by {', '.join(name.en.lower() for name in by)}", f"{chinese}（按{'、'.join(n.zh for n in by)}）"
    )


def _others_together(
    rows: pd.DataFrame, dimensions: Sequence[str], names: Sequence[str], kept: pd.DataFrame
) -> pd.DataFrame:
    """The kept rows, and one with the sums of the others; what is no sum is missing there."""
    marked = rows.merge(kept.assign(_kept=True), on=list(dimensions), how="left")
    is_kept = marked["_kept"].notna().to_numpy()
    others: dict[str, Any] = dict.fromkeys(dimensions, OTHER_KEY)
    others |= {
        name: rows.loc[~is_kept, name].astype(float).sum() if MEASURES[name].total == "sum" else np.nan
        for name in names
    }
    return pd.concat([rows[is_kept], pd.DataFrame([others])], ignore_index=True)


def _adding_up(
    rows: pd.DataFrame, totals: Mapping[str, float], measures: Sequence[Measure], currency: str
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Money in whole smallest units so that rows sum to their total; totals only where there is one."""
    shown: dict[str, float] = {}
    rows = rows.copy()
    digits = minor_digits(currency)
    for measure in measures:
        values = rows[measure.name]
        if measure.total == "sum":
            total = round(float(values.sum()), digits) if measure.unit == "money" else float(values.sum())
            if measure.unit == "money" and len(values):
                rows[measure.name] = round_to_total(values.to_numpy(dtype=float), total, currency)
            shown[measure.name] = round(total, digits if measure.unit == "money" else _DECIMALS)
        else:
            if measure.unit == "money":
                rows[measure.name] = values.round(digits)
            if measure.total == "whole" and measure.name in totals:
                total = totals[measure.name]
                shown[measure.name] = round(total, digits if measure.unit == "money" else _DECIMALS)
    return rows, shown
