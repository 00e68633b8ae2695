"""Point-in-time mining: one row per (entity, moment), made only of what was known at that moment."""

from collections.abc import Sequence
from datetime import UTC, tzinfo
from types import ModuleType

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.features import attributes, interactions, stage
from forecast.features.cases import open_entities, outcomes, snapshot_spine
from forecast.features.spine import create_spine, utc_moments

__all__ = [
    "FAMILIES",
    "build_features",
    "feature_columns",
    "open_entities",
    "outcomes",
    "snapshot_spine",
]

#: Every feature family by name; a family is a module with ``build(con, spine) -> relation``.
FAMILIES: dict[str, ModuleType] = {
    "attributes": attributes,
    "interactions": interactions,
    "stage": stage,
}

_KEYS = ["entity_id", "as_of"]


def build_features(
    con: DuckDBPyConnection,
    spine: pd.DataFrame,
    entity: str,
    families: Sequence[str] | None = None,
    *,
    zone: tzinfo = UTC,
) -> pd.DataFrame:
    """Features of many (entity, moment) rows at once, each from what was known strictly before its moment.

    Parameters
    ----------
    con : DuckDB connection
        With histories, as ``Lake.connect`` or `forecast.history.connect_tables` gives.
    spine : DataFrame
        ``entity_id``, ``as_of`` (UTC); other columns are ignored.
    entity : {"lead", "opportunity"}
    families : sequence of str, optional
        Names in `FAMILIES`; default all.
    zone : tzinfo
        The workspace's time zone, for calendar days.

    Returns
    -------
    DataFrame
        ``entity_id``, ``as_of``, then the features: numbers and yes/no as float64 with NaN, categories as text with
        None. Sorted by ``as_of``, ``entity_id``. Which columns there are depends on what was known before the last
        moment of the spine; a later spine has every column of an earlier one.

    Raises
    ------
    InvalidInput
        If the entity or a family is unknown, or the spine lacks a column or has a row twice.
    """
    chosen = sorted(FAMILIES if families is None else set(families))
    if unknown := [name for name in chosen if name not in FAMILIES]:
        raise InvalidInput(f"Feature families {unknown} are unknown; there are {list(FAMILIES)}.")
    name = create_spine(con, spine, entity, zone=zone)
    keys = con.sql(f"SELECT entity_id, as_of FROM {name} ORDER BY row").df()
    frames = [keys.assign(entity_id=keys["entity_id"].astype(object), as_of=utc_moments(keys["as_of"]))]
    for family in chosen if len(keys) else []:
        frame = FAMILIES[family].build(con, name).order("as_of, entity_id").df()
        assert frame[_KEYS].equals(keys), f"family {family} does not give one row per spine row"
        frames.append(frame.drop(columns=_KEYS))
    return pd.concat(frames, axis=1)


def feature_columns(frame: pd.DataFrame) -> list[str]:
    """The features of a frame of `build_features`: all columns but the keys."""
    return [column for column in frame.columns if column not in _KEYS]
