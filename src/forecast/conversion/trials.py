"""Small trials out of what reps did and did not do: who is compared with whom, and from when time is counted."""

import numpy as np
import pandas as pd

from forecast.conversion.population import as_utc, check_outcomes
from forecast.errors import InvalidInput

#: Columns of the actions table, as `forecast.features.actions.window_actions` gives it.
ACTION_COLUMNS = ("entity_id", "as_of", "action", "delay_days", "minutes")

#: ``action`` of contacts by the customer: no step to suggest, but what often prompts one.
CUSTOMER = "customer"

#: Comparison rows of the more frequent side per row of the other.
MOST_PER_ROW = 4


def draw_trials(
    taken_at: np.ndarray, days: np.ndarray, window_days: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both sides of the trials that snapshots start [1]_.

    A case that got the action within the window, while open, enters at the moment of the action. A case that was open
    and had not had it enters, as its counterpart, at a moment drawn from the moments of the actions, if it is still
    open and without the action then; it may get the action later, as usual. So both sides have survived equally long
    when the count of days begins: cases that close early are not counted as cases that were left alone (immortal
    time [2]_). A case that closed before its moment belongs to no side, and an action after the closing is none.

    Actions come at office hours, and at later moments fewer cases are left to wait: moments are drawn by one over the
    share of cases still waiting then, so that they are spread alike on both sides.

    Parameters
    ----------
    taken_at : array of shape (n,)
        Days from each snapshot to the action, infinite where it was not taken in the window.
    days : array of shape (n,)
        Days from each snapshot to the end of the case, or of its follow-up.

    Returns
    -------
    (rows, treated, delay)
        Rows of the snapshot table, a row may be on both sides; which side; days from the snapshot to the moment.

    References
    ----------
    .. [1] Hernán & Robins (2016), Using big data to emulate a target trial. Am. J. Epidemiology 183; sequential
       trials: Danaei et al. (2013), Observational data for comparative effectiveness research. SMMR 22.
    .. [2] Suissa (2008), Immortal time bias in pharmacoepidemiology. Am. J. Epidemiology 167.
    """
    acted = np.flatnonzero((taken_at < window_days) & (taken_at < days))
    if not len(acted):
        return acted, np.zeros(0, dtype=bool), np.zeros(0)
    moments = taken_at[acted]
    left = np.sort(np.minimum(days, taken_at))
    waiting_share = 1 - np.searchsorted(left, moments, side="right") / len(left)
    chance = 1 / np.maximum(waiting_share, 1 / len(left))
    drawn = rng.choice(moments, len(days), p=chance / chance.sum())
    waiting = np.flatnonzero((drawn < days) & (drawn < taken_at))
    rows = np.concatenate([acted, waiting])
    return rows, np.arange(len(rows)) < len(acted), np.concatenate([moments, drawn[waiting]])


def thinned(treated: np.ndarray, known: np.ndarray, max_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of at most so many rows with known outcomes, at most 4 of one side to 1 of the other; sorted."""
    by_arm = [rng.permutation(np.flatnonzero(known & (treated == arm))) for arm in (True, False)]
    smaller = min(len(by_arm[0]), len(by_arm[1]), max_rows // 2)
    larger = min(MOST_PER_ROW * smaller, max_rows - smaller)
    return np.sort(np.concatenate([arm[: max(smaller, larger)] for arm in by_arm]))


def checked_tables(
    features: pd.DataFrame, outcomes: pd.DataFrame, actions: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features joined with outcomes, and actions with moments in UTC.

    Raises
    ------
    InvalidInput
        If a column is missing, an action is there twice, or no feature row has an outcome.
    """
    for name, frame, columns in (("features", features, ACTION_COLUMNS[:2]), ("actions", actions, ACTION_COLUMNS)):
        missing = [column for column in columns if column not in frame.columns]
        if missing:
            raise InvalidInput(f"The {name} are missing columns {missing}; there are {list(frame.columns)[:8]}.")
    twice = actions.duplicated(["entity_id", "as_of", "action"])
    if twice.any():
        raise InvalidInput(
            f"{int(twice.sum())} of {len(actions)} actions are there twice; keep the first of each window."
        )
    left = features.assign(as_of=as_utc(features["as_of"]))
    right = check_outcomes(outcomes)[["entity_id", "as_of", "event", "days"]]
    table = left.merge(right, on=["entity_id", "as_of"], how="inner", validate="one_to_one")
    if not len(table):
        raise InvalidInput(f"None of {len(features)} feature rows has an outcome; join on `entity_id` and `as_of`.")
    return table, actions.assign(as_of=as_utc(actions["as_of"]))


def first_delays(table: pd.DataFrame, actions: pd.DataFrame, action: str) -> np.ndarray:
    """Days from each snapshot to the first such action, infinite where there was none; shape (n,)."""
    taken = actions.loc[actions["action"] == action, ["entity_id", "as_of", "delay_days"]]
    found = table[["entity_id", "as_of"]].merge(taken, on=["entity_id", "as_of"], how="left", validate="one_to_one")
    return found["delay_days"].fillna(np.inf).to_numpy(dtype=float)
