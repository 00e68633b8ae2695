"""What a rep can change about a case, and which changes are possible.

Only what a rep can do is a lever: features marked ``activity`` (contacts, answers, overdue tasks). What is merely typed
(stage, amount, expected close, category) is none: typing something else changes the score, not the deal. A company that
knows better names further columns, such as a discount. What customers do is never one.

Sums follow: one more telephone call is one more contact, one more of ours, and one more of the account.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.conversion.reasons import reason_code
from forecast.errors import InvalidInput
from forecast.features import describe

#: Subjects that are sums over the others, or hang on what the customer does: they follow, nobody moves them alone.
FOLLOWING = ("all", "account", "account_in", "account_out", "in", "web")

#: Sums that each contact of ours adds to.
SUMS = ("all", "out", "account", "account_out")

#: Which way a measure of activity can go from one day to the next: done cannot be undone.
ONLY_UP = r"count(_\d+d)?|planned"
ONLY_DOWN = r"days_since_last|overdue|response_hours_(mean|median)"

WINDOWS = ("count_7d", "count_30d", "count_90d", "count_365d", "count")


@dataclass(frozen=True)
class Lever:
    """Features of one reason that a rep changes together.

    ``named`` ones were named by the company: they may take any value that was seen.
    """

    code: str
    features: tuple[str, ...]
    named: bool = False


def find_levers(names: Sequence[str], changeable: Sequence[str] = ()) -> list[Lever]:
    """Levers among the columns of a table.

    Parameters
    ----------
    names : sequence of str
    changeable : sequence of str
        Columns that a rep may honestly set, beside the activities.

    Returns
    -------
    list of Lever, sorted by code

    Raises
    ------
    InvalidInput
        If a column named is not there.
    """
    if missing := sorted(set(changeable) - set(names)):
        raise InvalidInput(f"`changeable` names columns that are not there: {missing}.")
    by_code: dict[tuple[str, bool], list[str]] = {}
    for name in names:
        if name in changeable or is_activity(name):
            by_code.setdefault((reason_code(name), name in changeable), []).append(name)
    return [Lever(code, tuple(sorted(found)), named) for (code, named), found in sorted(by_code.items())]


def is_activity(name: str) -> bool:
    """Whether a feature is something that a rep does, and that can be done without anything else following from it."""
    try:
        feature = describe(name)
    except InvalidInput:
        return False
    measure = name.rsplit("__", 1)[-1]
    moves = re.fullmatch(f"{ONLY_UP}|{ONLY_DOWN}", measure) is not None
    own = feature.subject not in FOLLOWING or measure.startswith("response_hours")
    return feature.effort == "activity" and moves and own


def is_possible(lever: Lever, before: pd.DataFrame, after: pd.DataFrame) -> np.ndarray:
    """Whether each change could happen, and is one; shape (n,).

    Counts do not fall, the last contact does not move into the past, overdue tasks are not added; what is known does
    not become unknown.

    Parameters
    ----------
    before, after : DataFrames of shape (n, n_features_of_the_lever)
    """
    same = np.ones(len(before), dtype=bool)
    possible = np.ones(len(before), dtype=bool)
    for name in lever.features:
        old, new = before[name], after[name]
        equal = ((old == new) | (old.isna() & new.isna())).to_numpy()
        same &= equal
        if lever.named:
            possible &= new.notna().to_numpy()
            continue
        x, y = old.to_numpy(dtype=float), new.to_numpy(dtype=float)
        up = re.fullmatch(ONLY_UP, name.rsplit("__", 1)[-1]) is not None
        forward = np.where(np.isnan(x), ~np.isnan(y), (y >= x) if up else (y <= x))
        possible &= equal | forward
    return possible & ~same


def with_sums(before: pd.DataFrame, after: pd.DataFrame, changed: Sequence[str]) -> pd.DataFrame:
    """``after`` with the sums moved by as much as the contacts that make them up.

    Parameters
    ----------
    before, after : DataFrames of shape (n, k)
        Rows of the feature table before and after a change of ``changed``.
    changed : sequence of str
        Features that were changed.

    Returns
    -------
    DataFrame of shape (n, k)
        Counts of all contacts, ours and the account's grow by the largest growth of a changed subject (one call may be
        seen under its channel, its kind and its result); their last contact is at most as long ago; the trend follows.
    """
    contacts = [name for name in changed if _is_contact(name)]
    moved: dict[str, np.ndarray | pd.Series] = {}
    for window in WINDOWS:
        parts = [name for name in contacts if name.endswith(f"__{window}")]
        if parts:
            growth = (after[parts].fillna(0) - before[parts].fillna(0)).max(axis=1).clip(lower=0)
            moved |= {name: before[name] + growth for name in _sums(window, before, changed)}
    recent = [name for name in contacts if name.endswith("__days_since_last")]
    if recent:
        last = after[recent].min(axis=1)
        for name in _sums("days_since_last", before, changed):
            moved[name] = np.fmin(before[name], last)
    after = after.assign(**moved)
    trend, month, quarter = (f"interactions__all__{part}" for part in ("trend", "count_30d", "count_90d"))
    if moved and {trend, month, quarter} <= set(after.columns):
        after[trend] = 2 * (after[month] + 1) / (after[quarter] - after[month] + 2)
    return after


def _is_contact(name: str) -> bool:
    return name.startswith("interactions__") and name.split("__")[1] not in ("plan", *FOLLOWING)


def _sums(measure: str, table: pd.DataFrame, changed: Sequence[str]) -> list[str]:
    names = [f"interactions__{subject}__{measure}" for subject in SUMS]
    return [name for name in names if name in table and name not in changed]
