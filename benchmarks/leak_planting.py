"""Planting extra columns into the exports of a simulated company, as versions that a CRM would hold.

A column is a value per case that holds from its first version on, and moments at which it changes. Where a change falls
between two versions of the case a version is added: the CRM recorded that something was saved.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.datasets import Company

#: Table, key and columns of the event of each entity: won at, closed at.
TABLES = {"opportunity": ("opportunities", "opportunity_id"), "lead": ("leads", "lead_id")}
#: A column that splits the cases into a handful of segments.
SEGMENTS = {"opportunity": "product_id", "lead": "channel"}


@dataclass(frozen=True)
class Cases:
    """The cases of one table, as the CRM recorded them and as they truly were.

    Attributes
    ----------
    entity : {"opportunity", "lead"}
    versions : DataFrame
        The export, sorted by case and ``recorded_at``.
    frame : DataFrame, one row per case, index = case id
        ``first`` (first version), ``event_at`` and ``known_at`` (when it was closed by the source's word, and when that
        was recorded; NaT while open), ``won``, ``lost`` (as recorded), ``fate`` ("won", "lost", "") and ``fate_at``
        (the truth, also when it comes after the end), ``owner_id``, ``segment``.
    end : Timestamp
        Nothing is recorded from here on.
    """

    entity: str
    versions: pd.DataFrame
    frame: pd.DataFrame
    end: pd.Timestamp

    @property
    def closed(self) -> pd.DataFrame:
        """The cases recorded as won or lost."""
        return self.frame[self.frame["won"] | self.frame["lost"]]

    @property
    def wins(self) -> pd.DataFrame:
        return self.frame[self.frame["won"]]

    @property
    def losses(self) -> pd.DataFrame:
        return self.frame[self.frame["lost"]]


@dataclass(frozen=True)
class Column:
    """Values of a planted column.

    Attributes
    ----------
    name : str
        An existing column of this name is replaced.
    start : Series, index = case id
        Value from the first version on.
    changes : DataFrame
        ``case``, ``at`` (UTC), ``value``: the value from then on.
    touched : int
        Closed cases that carry the leak; for honest columns not used.
    """

    name: str
    start: "pd.Series[object]"
    changes: pd.DataFrame
    touched: int = 0


def cases_of(company: Company, entity: str) -> Cases:
    """The cases of a company, recorded and true."""
    table, key = TABLES[entity]
    versions = company.exports[table].sort_values([key, "recorded_at"], kind="stable", ignore_index=True)
    won_at = versions["converted_at"] if entity == "lead" else versions["closed_at"].where(versions["outcome"] == "won")
    is_closed = versions["closed_at"].notna()
    closing = versions[is_closed].assign(won=won_at[is_closed].notna()).drop_duplicates(key).set_index(key)
    frame = versions.drop_duplicates(key).set_index(key)[["recorded_at", "owner_id", SEGMENTS[entity]]]
    frame.columns = ["first", "owner_id", "segment"]
    frame["event_at"] = closing["closed_at"].reindex(frame.index)
    frame["known_at"] = closing["recorded_at"].reindex(frame.index)
    frame["won"] = closing["won"].reindex(frame.index, fill_value=False).astype(bool)
    frame["lost"] = frame["known_at"].notna() & ~frame["won"]
    truth = company.truth[table].set_index(key).reindex(frame.index)
    won_in_truth = truth["converted_at" if entity == "lead" else "won_at"]
    frame["fate"] = np.select([won_in_truth.notna(), truth["lost_at"].notna()], ["won", "lost"], "")
    frame["fate_at"] = won_in_truth.fillna(truth["lost_at"])
    return Cases(entity, versions, frame, pd.Timestamp(company.end))


def no_changes() -> pd.DataFrame:
    return pd.DataFrame({"case": [], "at": pd.Series([], dtype="datetime64[us, UTC]"), "value": []})


def changes(cases: pd.Index, at: "pd.Series[object]", value: object) -> pd.DataFrame:
    """One change per case."""
    moments = pd.to_datetime(pd.Series(np.asarray(at), dtype="datetime64[us]"), utc=True)
    return pd.DataFrame({"case": np.asarray(cases), "at": moments, "value": value})


def days(n: "np.ndarray | float") -> pd.TimedeltaIndex:
    """Durations of fractional days, to the microsecond."""
    return pd.TimedeltaIndex(np.rint(np.atleast_1d(n) * 86_400_000_000).astype("timedelta64[us]"))


def with_columns(cases: Cases, columns: list[Column]) -> pd.DataFrame:
    """The export with the planted columns: versions added for changes between versions, none after a deletion."""
    key = TABLES[cases.entity][1]
    base = cases.versions
    last = base.groupby(key)["recorded_at"].max()
    removed = base["deleted_at"].notna()
    if "merged_into" in base:
        removed |= base["merged_into"].notna()
    ended = base[removed].drop_duplicates(key).set_index(key)["recorded_at"].reindex(last.index).fillna(cases.end)
    moments = pd.concat([column.changes[["case", "at"]] for column in columns] or [no_changes()[["case", "at"]]])
    moments = moments.set_axis([key, "recorded_at"], axis=1).drop_duplicates()
    moments["recorded_at"] = moments["recorded_at"].astype(base["recorded_at"].dtype)
    starts = moments[key].map(cases.frame["first"])
    moments = moments[(moments["recorded_at"] > starts) & (moments["recorded_at"] < moments[key].map(ended))]
    known = pd.MultiIndex.from_frame(base[[key, "recorded_at"]])
    moments = moments[~pd.MultiIndex.from_frame(moments).isin(known)]
    rows = pd.concat([base.assign(_row=np.arange(len(base))), moments]).sort_values(
        [key, "recorded_at", "_row"], kind="stable"
    )
    rows = base.iloc[rows["_row"].ffill().astype(int)].assign(recorded_at=rows["recorded_at"].to_numpy())
    rows["recorded_at"] = pd.to_datetime(rows["recorded_at"], utc=True).astype("datetime64[us, UTC]")
    rows = rows.reset_index(drop=True)
    values = {column.name: _values(column, rows[key], rows["recorded_at"]) for column in columns}
    planted = rows.assign(**values)
    return planted.sort_values(["recorded_at", key], kind="stable", ignore_index=True)


def _values(column: Column, case: "pd.Series[object]", at: "pd.Series[object]") -> "np.ndarray | pd.Series[object]":
    """The value of a column in every version: the last change not later than the version."""
    long_ago = pd.Timestamp("1900-01-01", tz="UTC")
    start = pd.DataFrame({"case": column.start.index, "at": long_ago, "value": column.start.to_numpy()})
    steps = pd.concat([start, column.changes]) if len(column.changes) else start
    steps["at"] = steps["at"].astype("datetime64[us, UTC]")
    steps = steps.sort_values("at", kind="stable")
    asked = pd.DataFrame({"case": case, "at": at, "order": np.arange(len(case))}).sort_values("at", kind="stable")
    found = pd.merge_asof(asked, steps, on="at", by="case").sort_values("order")["value"]
    if pd.api.types.is_numeric_dtype(column.start) or pd.api.types.is_bool_dtype(column.start):
        return found.to_numpy(dtype=column.start.dtype)
    return found.astype(object).where(found.notna(), None).to_numpy(object)


Maker = Callable[[Cases, np.random.Generator], Column]


@dataclass(frozen=True)
class Kind:
    """A way to make a column.

    Attributes
    ----------
    name : str
    what : str
        One sentence.
    make : callable
        ``make(cases, rng) -> Column``.
    hurts : {"last version", "point in time", ""}
        Who learns the outcome from the leak: only a reader of the last version of each case, or already a model that
        sees the version in force before the closing. Empty for honest columns.
    entities : tuple of str
        Where it can be planted.
    late_only : bool
        Only where closings are often recorded late.
    """

    name: str
    what: str
    make: Maker
    hurts: str = ""
    entities: tuple[str, ...] = ("opportunity", "lead")
    late_only: bool = False


def by_name(kinds: list[Kind]) -> Mapping[str, Kind]:
    return {kind.name: kind for kind in kinds}
