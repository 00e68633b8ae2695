"""Which rows a model is judged on: later ones than it was fitted on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.conversion.population import MIN_ENTITIES

#: On time after the fit, whose labels were known when it began.
LATER_TIME = "later time"
#: On entities that came later, where the history is too short for later time.
LATER_ENTITIES = "later entities"

#: Origins tried: trying every day of ten years would take minutes and choose no better.
MAX_ORIGINS = 60


@dataclass(frozen=True)
class Block:
    """Rows to fit on and later rows to judge on, as boolean arrays of shape (n_rows,).

    ``origin`` is the first moment judged; with `LATER_TIME` the fit may know only what was known before it.
    """

    origin: pd.Timestamp
    train: NDArray[np.bool_]
    valid: NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """Consecutive blocks, oldest first; ``scheme`` is `LATER_TIME` or `LATER_ENTITIES`."""

    scheme: str
    blocks: tuple[Block, ...]

    @property
    def origin(self) -> pd.Timestamp:
        """First moment judged."""
        return min(block.origin for block in self.blocks)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """All rows judged; no row is in two blocks."""
        return np.asarray(np.logical_or.reduce([block.valid for block in self.blocks]))


def split_by_time(
    table: pd.DataFrame, label: "pd.Series[Any]", horizon_days: int, *, valid_share: float = 0.5, n_blocks: int = 3
) -> Split:
    """The later part of the labelled rows to judge on, in blocks, each by a fit on everything known before it.

    Of all origins that leave at least 20 won and 20 other entities on both sides, the one is taken at which the rows
    to judge on come nearest to ``valid_share``. Where there is none (the history is shorter than two horizons and a
    bit), blocks are made of entities in the order in which they were first met: fitted on earlier entities, judged on
    later ones, though the labels of both became known at the same time.

    Parameters
    ----------
    table : DataFrame
        ``entity_id``, ``as_of``; one row per snapshot.
    label : Series of float
        1.0, 0.0 or NaN (not known), on the index of ``table``.
    horizon_days : int
        Days from ``as_of`` after which a label is known.
    valid_share : float in (0, 1)
    n_blocks : int
        Most blocks; fewer when there are fewer moments.
    """
    as_of, known = table["as_of"], label.notna().to_numpy()
    window = pd.Timedelta(days=horizon_days)
    origins = np.sort(as_of[known].unique())
    origins = origins[:: max(1, len(origins) // MAX_ORIGINS)]
    shares = np.array([(as_of[known] >= origin).mean() for origin in origins])
    for position in np.argsort(np.abs(shares - valid_share), kind="stable"):
        origin = pd.Timestamp(origins[position])
        judged = known & (as_of >= origin).to_numpy()
        fitted = known & (as_of + window <= origin).to_numpy()
        if enough(table, label, fitted) and enough(table, label, judged):
            return Split(LATER_TIME, _blocks_of_time(as_of, known, judged, n_blocks))
    return _later_entities(table, known, valid_share, n_blocks)


def _blocks_of_time(
    as_of: "pd.Series[Any]", known: NDArray[np.bool_], judged: NDArray[np.bool_], n_blocks: int
) -> tuple[Block, ...]:
    moments = pd.DatetimeIndex(as_of)
    starts = pd.to_datetime(_starts(moments[judged].tz_localize(None).to_numpy(), n_blocks), utc=True)
    inside = starts.searchsorted(moments, side="right") - 1
    return tuple(
        Block(start, np.asarray(moments < start), known & (inside == number)) for number, start in enumerate(starts)
    )


def _later_entities(table: pd.DataFrame, known: NDArray[np.bool_], valid_share: float, n_blocks: int) -> Split:
    first_met = table.groupby("entity_id")["as_of"].transform("min")
    keys = pd.DataFrame({"first_met": first_met, "entity_id": table["entity_id"]})
    order = keys.groupby(["first_met", "entity_id"], sort=True).ngroup().to_numpy()
    starts = _starts(order[known & (order > np.quantile(order[known], 1 - valid_share))], n_blocks)
    inside = np.searchsorted(starts, order, side="right") - 1
    blocks = [
        Block(pd.Timestamp(first_met[inside == number].min()), order < start, known & (inside == number))
        for number, start in enumerate(starts)
    ]
    return Split(LATER_ENTITIES, tuple(blocks))


def _starts(values: NDArray[Any], n_blocks: int) -> NDArray[Any]:
    """First values of at most ``n_blocks`` consecutive blocks of about equal size."""
    ordered = np.sort(values)
    return np.unique(ordered[(np.arange(n_blocks) * len(ordered)) // n_blocks])


def enough(table: pd.DataFrame, label: "pd.Series[Any]", rows: NDArray[np.bool_]) -> bool:
    """Whether these rows hold at least 20 entities that were won and 20 that were not."""
    ids, y = table["entity_id"][rows], label[rows]
    return ids[y == 1].nunique() >= MIN_ENTITIES and ids[y == 0].nunique() >= MIN_ENTITIES
