"""Which snapshots teach the win probability, and how far ahead the data can say anything."""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from forecast.errors import InvalidInput, NotEnoughHistory

#: Horizons that are tried when the wanted one lacks follow-up, days.
HORIZONS = (365, 180, 90, 60, 30, 14, 7)

#: Distinct entities won, and not won, within a horizon that make it worth learning.
MIN_ENTITIES = 20

#: Columns of a feature table that are keys, not features.
KEYS = ("entity", "entity_id", "as_of")

OUTCOME_COLUMNS = ("entity_id", "as_of", "event", "days")


def as_utc(moments: pd.Series) -> pd.Series:
    """A column of moments as ``datetime64[us, UTC]``; without a zone they are taken as UTC."""
    return pd.to_datetime(moments, utc=True).dt.as_unit("us")


def check_outcomes(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Outcomes with moments in UTC.

    Raises
    ------
    InvalidInput
        If a column is missing or a number of days is negative or missing.
    """
    missing = [name for name in OUTCOME_COLUMNS if name not in outcomes.columns]
    if missing:
        raise InvalidInput(f"Outcomes are missing columns {missing}; there are {sorted(outcomes.columns)}.")
    wrong = ~(outcomes["days"] >= 0)
    if wrong.any():
        raise InvalidInput(
            f"`days` must be 0 or more, got {outcomes['days'][wrong].iloc[0]} in {wrong.sum()} outcomes."
        )
    return outcomes.assign(as_of=as_utc(outcomes["as_of"]))


def joined(features: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Features with their outcomes, sorted by (as_of, entity_id), so that no result depends on the order of rows.

    Raises
    ------
    InvalidInput
        If a key is missing or doubled, or features lack outcomes.
    """
    missing = [name for name in ("entity_id", "as_of") if name not in features.columns]
    if missing:
        raise InvalidInput(f"Features are missing columns {missing}; there are {list(features.columns)[:5]}.")
    if not len(features):
        raise NotEnoughHistory("There is no snapshot to learn from.")
    outcomes = check_outcomes(outcomes)[["entity_id", "as_of", "event", "days"]]
    left = features.assign(as_of=as_utc(features["as_of"]))
    for name, frame in (("Features", left), ("Outcomes", outcomes)):
        doubled = frame.duplicated(["entity_id", "as_of"]).sum()
        if doubled:
            raise InvalidInput(f"{name} have {doubled} doubled rows of one (entity_id, as_of).")
    table = left.merge(outcomes, on=["entity_id", "as_of"], how="left")
    lacking = int(table["days"].isna().sum())
    if lacking:
        raise InvalidInput(
            f"{lacking} of {len(table)} feature rows have no outcome row of the same (entity_id, as_of)."
        )
    return table.sort_values(["as_of", "entity_id"], kind="stable", ignore_index=True)


def window_labels(outcomes: pd.DataFrame, horizon_days: int, cutoff: datetime) -> pd.Series:
    """Won within the horizon: 1.0, not: 0.0, not known: NaN.

    Known are snapshots whose whole window lies before the cutoff: taking earlier wins of younger snapshots would select
    the fast ones. An entity deleted inside the window is not known.

    Parameters
    ----------
    outcomes : DataFrame
        ``entity_id``, ``as_of``, ``event`` ("won", "lost", "" = open or censored), ``days`` from as_of to the event, or
        to the end of what is known.
    horizon_days : int
    cutoff : datetime, UTC-aware

    Returns
    -------
    Series of float, index of ``outcomes``
    """
    window = pd.Timedelta(days=horizon_days)
    complete = as_utc(outcomes["as_of"]) + window <= pd.Timestamp(cutoff)
    within = outcomes["days"] <= horizon_days
    event = outcomes["event"].fillna("")
    label = np.where(within & (event == "won"), 1.0, 0.0)
    unknown = ~complete | (within & (event == "") & (outcomes["days"] < horizon_days))
    return pd.Series(label, index=outcomes.index).mask(unknown)


def follow_up_end(outcomes: pd.DataFrame) -> pd.Timestamp:
    """The moment up to which outcomes are known: the latest end of any snapshot's follow-up."""
    ends = as_utc(outcomes["as_of"]) + pd.to_timedelta(outcomes["days"], unit="D")
    return pd.Timestamp(ends.max())


def supported_horizon(outcomes: pd.DataFrame, wanted: int, *, cutoff: Any = None) -> int:
    """The longest horizon, at most the wanted one, that the follow-up supports.

    A horizon is supported by at least 20 distinct entities won within it and 20 not won within it, among snapshots
    whose whole window lies before the cutoff.

    Parameters
    ----------
    outcomes : DataFrame
        As for `window_labels`.
    wanted : int
        Days.
    cutoff : datetime, optional
        End of what is known; default `follow_up_end`.

    Returns
    -------
    int
        ``wanted`` or one of `HORIZONS`; the shortest of them when none is supported (the scores are then wide).
    """
    candidates = [wanted, *(days for days in HORIZONS if days < wanted)]
    if not len(outcomes):
        return candidates[-1]
    outcomes = check_outcomes(outcomes)
    end = follow_up_end(outcomes) if cutoff is None else cutoff
    for days in candidates:
        label = window_labels(outcomes, days, end)
        won = outcomes["entity_id"][label == 1].nunique()
        not_won = outcomes["entity_id"][label == 0].nunique()
        if won >= MIN_ENTITIES and not_won >= MIN_ENTITIES:
            return days
    return candidates[-1]
