"""Point-in-time mining: one row per (entity, moment), made only of what was known at that moment."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from types import ModuleType

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.features import (
    account,
    attributes,
    calendar,
    changes,
    feedback,
    interactions,
    owner,
    purchases,
    stage,
)
from forecast.features.cases import open_entities, outcomes, snapshot_spine
from forecast.features.spine import create_spine, utc_moments

__all__ = [
    "FAMILIES",
    "Feature",
    "build_features",
    "describe",
    "feature_columns",
    "open_entities",
    "outcomes",
    "snapshot_spine",
]

#: Every feature family by name: a module with ``build(con, spine) -> relation`` and ``DESCRIBED``.
FAMILIES: dict[str, ModuleType] = {
    "account": account,
    "attributes": attributes,
    "calendar": calendar,
    "changes": changes,
    "feedback": feedback,
    "interactions": interactions,
    "owner": owner,
    "purchases": purchases,
    "stage": stage,
}


@dataclass(frozen=True)
class Feature:
    """What a feature is.

    ``effort`` says how easily a rep can fake it: ``hard`` (outcomes, orders, what customers do), ``activity`` (what a
    rep logs), ``typed`` (what a rep enters: stage, amount, expected close). ``kind`` is ``number``, ``category`` or
    ``boolean`` (1.0, 0.0).
    """

    name: str
    family: str
    subject: str
    kind: str
    effort: str


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
    features: pd.DataFrame = pd.concat(frames, axis=1)
    return features


def feature_columns(frame: pd.DataFrame) -> list[str]:
    """The features of a frame of `build_features`: all columns but the keys."""
    return [column for column in frame.columns if column not in _KEYS]


def describe(name: str) -> Feature:
    """What the feature of that name is.

    Raises
    ------
    InvalidInput
        If no family makes a feature of that name.
    """
    family, _, rest = name.partition("__")
    for pattern, kind, effort in FAMILIES[family].DESCRIBED if family in FAMILIES else ():
        if re.fullmatch(pattern, rest):
            return Feature(name, family, rest.partition("__")[0], kind, effort)
    raise InvalidInput(f"{name!r} is no feature; names look like 'stage__days_in' or 'interactions__phone__count_30d'.")
