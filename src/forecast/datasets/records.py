"""How simulated facts become records of a CRM: ids, moments, lateness, deletions, merges, attributes."""

from datetime import date

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from forecast.schema import SYSTEM_COLUMNS, TABLES

_DAY_US = 86_400_000_000


def ids(prefix: str, numbers: ArrayLike) -> NDArray[np.object_]:
    """``O000012`` for 12; a missing value for negative numbers."""
    numbers = np.asarray(numbers, dtype=np.int64)
    names = (prefix + pd.Series(np.arange(numbers.max(initial=0) + 2)).astype(str).str.zfill(6)).to_numpy(object)
    named: NDArray[np.object_] = names[numbers]
    named[numbers < 0] = None
    return named


def kept(values: ArrayLike, where: NDArray[np.bool_]) -> NDArray[np.object_]:
    """The values where the condition holds, missing elsewhere."""
    given: NDArray[np.object_] = np.array(values, dtype=object)
    given[~where] = None
    return given


def moments(start: date, days: ArrayLike) -> pd.Series:
    """Moments in UTC of fractional days since ``start``; NaN becomes NaT."""
    days = np.asarray(days, dtype=float)
    offsets = np.rint(np.nan_to_num(days) * _DAY_US).astype("timedelta64[us]")
    when = np.where(np.isnan(days), np.datetime64("NaT"), np.datetime64(start, "us") + offsets)
    return pd.Series(when.astype("datetime64[us]")).dt.tz_localize("UTC")


def dates(start: date, days: ArrayLike) -> pd.Series:
    """Whole days since ``start`` as dates (midnight, without a zone)."""
    whole = np.floor(np.asarray(days, dtype=float)).astype("timedelta64[D]")
    return pd.Series((np.datetime64(start, "D") + whole).astype("datetime64[us]"))


def delayed(recorded: NDArray[np.float64], share: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Days on which facts were recorded when a share of them comes one day late or more (mean a week)."""
    late = rng.random(len(recorded)) < share
    return recorded + np.where(late, 1 + rng.exponential(6, len(recorded)), 0.0)


def delete_some(
    rows: pd.DataFrame, key: str, share: float, end: pd.Timestamp, rng: np.random.Generator
) -> pd.DataFrame:
    """Delete a share of the entities at a random moment after their first version; nothing follows a deletion."""
    first = rows.groupby(key, sort=True)["recorded_at"].min()
    first = first[rng.random(len(first)) < share]
    deleted_at = (first + (end - first) * rng.random(len(first))).dt.floor("us")
    when = rows[key].map(deleted_at).astype("datetime64[us, UTC]")
    rows = rows[when.isna() | (rows["recorded_at"] < when)]
    last = rows.sort_values("recorded_at", kind="stable").groupby(key, sort=True).tail(1)
    last = last[last[key].isin(first.index)].sort_values(key)
    moment = last[key].map(deleted_at).astype("datetime64[us, UTC]")
    graves = last.assign(recorded_at=moment, deleted_at=moment)
    return pd.concat([rows.assign(deleted_at=pd.Series(pd.NaT, rows.index, "datetime64[us, UTC]")), graves])


def merge_some(rows: pd.DataFrame, key: str, share: float, end: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    """Merge a share of the entities into others, at a random moment when both are known."""
    first = rows.groupby(key, sort=True)["recorded_at"].min()
    names = rng.permutation(first.index.to_numpy())
    n_merged = min(round(share * len(names)), len(names) // 2)
    if not n_merged:
        return rows.assign(merged_into=None)
    duplicate, survivor = names[:n_merged], names[n_merged : 2 * n_merged]
    known = pd.Series(np.maximum(first[duplicate].to_numpy(), first[survivor].to_numpy()), index=duplicate)
    merged_at = (known + (end - known) * rng.random(n_merged)).dt.floor("us").astype("datetime64[us, UTC]")
    into = pd.Series(survivor, index=duplicate, dtype=object)
    when = rows[key].map(merged_at).astype("datetime64[us, UTC]")
    rows = rows[when.isna() | (rows["recorded_at"] < when)]
    last = rows.sort_values("recorded_at", kind="stable").groupby(key, sort=True).tail(1)
    last = last[last[key].isin(duplicate)].sort_values(key)
    graves = last.assign(
        recorded_at=last[key].map(merged_at).astype("datetime64[us, UTC]"), merged_into=last[key].map(into)
    )
    return pd.concat([rows.assign(merged_into=None), graves])


def finished(table: str, rows: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
    """What the CRM holds at ``end``: rows recorded before, sorted by moment and key."""
    rows = rows[rows["recorded_at"] < end]
    times = rows.select_dtypes(["datetime", "datetimetz"])
    rows = rows.assign(**{str(name): times[name].dt.as_unit("us") for name in times})
    order = ["recorded_at", *TABLES[table].key]
    return rows.sort_values(order, kind="stable").reset_index(drop=True)


def canonical(table: str, export: pd.DataFrame) -> pd.DataFrame:
    """An export with the columns beyond the schema folded into one JSON column ``attributes``."""
    own = [name for name in (*TABLES[table].by_name, *SYSTEM_COLUMNS) if name in export]
    extra = [name for name in export if name not in own]
    rows = export[own].copy()
    if extra:
        fields = ", ".join(f'"{name}" := "{name}"' for name in extra)
        with duckdb.connect() as con:
            con.register("export", export[extra].assign(_order=np.arange(len(export))))
            folded = con.execute(
                f"SELECT json_merge_patch('{{}}', to_json(struct_pack({fields}))) AS j FROM export ORDER BY _order"
            ).df()
        rows["attributes"] = folded["j"].to_numpy(object)
    return rows
