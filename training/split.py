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
class Split:
    """Rows to fit on and to judge on, as boolean arrays of shape (n_rows,).

    ``origin`` is the first moment judged; with `LATER_TIME` the fit may know only what was known before it.
    """

    scheme: str
    origin: pd.Timestamp
    train: NDArray[np.bool_]
    valid: NDArray[np.bool_]


def split_by_time(
    table: pd.DataFrame, label: "pd.Series[Any]", horizon_days: int, *, valid_share: float = 0.3
) -> Split:
    """The latest part of the labelled rows to judge on, everything whose window ended before it to fit on.

    Of all origins that leave at least 20 won and 20 other entities on both sides, the one is taken at which the rows
    to judge on come nearest to ``valid_share``. Where there is none (the history is shorter than two horizons and a
    bit), the entities that were first met last are judged, with all of their labels known only later than the fit.

    Parameters
    ----------
    table : DataFrame
        ``entity_id``, ``as_of``; one row per snapshot.
    label : Series of float
        1.0, 0.0 or NaN (not known), on the index of ``table``.
    horizon_days : int
        Days from ``as_of`` after which a label is known.
    valid_share : float in (0, 1)
    """
    as_of, known = table["as_of"], label.notna().to_numpy()
    window = pd.Timedelta(days=horizon_days)
    origins = np.sort(as_of[known].unique())
    origins = origins[:: max(1, len(origins) // MAX_ORIGINS)]
    shares = np.array([(as_of[known] >= origin).mean() for origin in origins])
    for position in np.argsort(np.abs(shares - valid_share), kind="stable"):
        origin = pd.Timestamp(origins[position])
        train, valid = (as_of < origin).to_numpy(), known & (as_of >= origin).to_numpy()
        fitted = known & (as_of + window <= origin).to_numpy()
        if enough(table, label, fitted) and enough(table, label, valid):
            return Split(LATER_TIME, origin, train, valid)
    return _later_entities(table, label, known, valid_share)


def _later_entities(
    table: pd.DataFrame, label: "pd.Series[Any]", known: NDArray[np.bool_], valid_share: float
) -> Split:
    first_met = table.groupby("entity_id")["as_of"].transform("min")
    order = pd.Series(list(zip(first_met, table["entity_id"], strict=True)), index=table.index).rank(method="dense")
    for share in (valid_share, 0.5):
        limit = np.quantile(order[known], 1 - share)
        train, later = (order <= limit).to_numpy(), (order > limit).to_numpy()
        if enough(table, label, known & train) and enough(table, label, known & later):
            break
    return Split(LATER_ENTITIES, pd.Timestamp(first_met[later].min()), train, known & later)


def enough(table: pd.DataFrame, label: "pd.Series[Any]", rows: NDArray[np.bool_]) -> bool:
    """Whether these rows hold at least 20 entities that were won and 20 that were not."""
    ids, y = table["entity_id"][rows], label[rows]
    return ids[y == 1].nunique() >= MIN_ENTITIES and ids[y == 0].nunique() >= MIN_ENTITIES
