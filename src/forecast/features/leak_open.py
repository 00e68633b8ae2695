"""Rules on what open cases should hold by now: values that a history shows early, but only of cases that have closed.

Where a source writes a value into the past of cases that have closed, the history says that they held it long before
their closing; then some cases that still are open should hold it too. How many is told by the closed ones alone: by how
long after the value they closed (see `forecast.features.leak_due`). So neither a value that speeds cases up, nor one
that was used only for a time, nor one that always comes shortly before the closing looks like a leak.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from forecast.features.leak_due import due_by_cohort, due_by_lag
from forecast.features.leak_judged import P_VALUE, Evidence, Floats, Ints, Judged, Mask
from forecast.features.leak_values import FIRST, LOST, WON

#: At most this share of the open cases that are due may hold the values; from the other on it speaks for the column.
_FEW, _NOT_FEW = 0.15, 0.5
#: Chance of so few by luck, were only 0.7 of the expected ones due; with all of them due it is far smaller.
_DUE = 0.7
_LEVEL = 1e-3
#: The same where the column is stronger than honest ones are known to be: its first value has that AUC, or the values
#: settle the outcome: in 97 % of the cases, by chance p.
_IF_STRONG, _STRONG, _SETTLED, _SETTLED_P = 0.05, 0.9, 0.97, 1e-9
#: Values are put together by how far (log-odds of a win) they lie from the base rate.
_FAR = (2.0, 1.0)
_MIN_CASES = 15


def filled_for_closed_only(judged: Judged) -> Evidence | None:
    """Set early in cases that have closed, hardly ever in open ones."""
    return _fewer_open(judged, judged.is_set(np.arange(_n_codes(judged))))


def values_of_closed_only(judged: Judged) -> Evidence | None:
    """Values (or their absence) that tell the outcome stand early in cases that have closed, hardly ever in open ones.

    Which values tell the outcome is read from closed cases only, so the choice does not bend what open ones say.
    """
    if not judged.comparable:
        return None
    return next((found for values in _telling(judged) if (found := _fewer_open(judged, values))), None)


def settles(judged: Judged) -> Evidence | None:
    """Once set while open, a case closes and with one outcome for one value; hardly an open case has it."""
    changes, cases = judged.column.changes, judged.cases
    rows = changes.is_open & judged.is_set(changes.code)
    n = int(rows.sum())
    if n < 20:
        return None
    fate, code = cases.fate[changes.case[rows]], changes.code[rows]
    won, lost = (np.bincount(code[fate == value], minlength=int(code.max()) + 1) for value in (WON, LOST))
    n_pure, chance = _foretold(won, lost), max(judged.pace.won, judged.pace.lost)
    if n_pure < _SETTLED * n or binom.sf(n_pure - 1, n, chance) > P_VALUE:
        return None
    due = due_by_lag(cases, _held(judged, judged.is_set(np.arange(_n_codes(judged)))).since)
    if due.n_open > max(_FEW * due.expected, 1):  # it comes shortly before the closing, and is there until then
        return None
    return {"times_set_while_open": n, "closed_as_its_value_says": n_pure, "usual_share": chance}


def _foretold(won: Ints, lost: Ints) -> int:
    """Rows that ended as the others with the same value say: a value seen once foretells nothing."""
    return int(won[won - 1 > lost].sum() + lost[lost - 1 > won].sum())


@dataclass(frozen=True)
class _Held:
    """Since when each case has one of some values (infinite: never while open), and which it had first (-1: none)."""

    since: Floats
    code: Ints


def _held(judged: Judged, values: Mask) -> _Held:
    first, changes = judged.column.codes[FIRST], judged.column.changes
    at_first = judged.cases.seen_open & values[first]
    since, code = np.where(at_first, judged.cases.first, np.inf), np.where(at_first, first, -1)
    rows = np.flatnonzero(changes.is_open & values[changes.code])
    rows = rows[np.argsort(-changes.at[rows], kind="stable")]  # the earliest is written last and stays
    rows = rows[changes.at[rows] < since[changes.case[rows]]]
    since[changes.case[rows]], code[changes.case[rows]] = changes.at[rows], changes.code[rows]
    return _Held(since, code)


def _fewer_open(judged: Judged, values: Mask) -> Evidence | None:
    """Evidence that open cases hold the values far less often than they should."""
    cases, held = judged.cases, _held(judged, values)
    rows = cases.judged & (held.since < cases.closing)
    if rows.sum() < _MIN_CASES:
        return None
    is_settled = _settle(held.code[rows], cases.fate[rows], float(cases.fate[cases.judged].mean()))
    is_strong = is_settled or judged.auc(judged.column.codes[FIRST]) >= _STRONG
    level = _IF_STRONG if is_strong else _LEVEL
    pace = judged.pace.still_open
    dues = [due_by_lag(cases, held.since), due_by_cohort(cases, held.since <= cases.first)]
    # neither may speak against the other
    if any(due.n_open > max(_NOT_FEW * pace * due.expected, 1) for due in dues):
        return None
    for due in dues:
        if due.n_open <= _FEW * pace * due.expected and due.chance(_DUE * pace) < level:
            facts = {"open_cases_with_it": due.n_open, "open_cases_due": round(pace * due.expected, 1)}
            return {"closed_cases_with_it": int(rows.sum()), **facts}
    return None


def _settle(code: Ints, won: Ints, base: float) -> bool:
    """Whether values settle the outcome, judged by the other cases with the same value."""
    n_codes = int(code.max()) + 1
    n_right = _foretold(*(np.bincount(code[won == value], minlength=n_codes) for value in (WON, LOST)))
    return n_right >= _SETTLED * len(code) and float(binom.sf(n_right - 1, len(code), max(base, 1 - base))) < _SETTLED_P


def _telling(judged: Judged) -> Iterator[Mask]:
    """Sets of codes far above and far below the base rate of wins, the farthest first."""
    cases, changes, n = judged.cases, judged.column.changes, _n_codes(judged)
    seen = np.flatnonzero(cases.seen_open)
    pairs = [seen * n + judged.column.codes[FIRST][seen], (changes.case * n + changes.code)[changes.is_open]]
    case, code = np.divmod(np.unique(np.concatenate(pairs)), n)
    code, won = code[cases.judged[case]], cases.fate[case[cases.judged[case]]]
    base = cases.fate[cases.judged].mean()
    rate = (np.bincount(code, weights=won, minlength=n) + 2 * base) / (np.bincount(code, minlength=n) + 2)
    far = np.log(rate / (1 - rate)) - np.log(base / (1 - base))
    for limit in _FAR:
        yield far >= limit
        yield far <= -limit


def _n_codes(judged: Judged) -> int:
    return 1 + max(int(judged.column.codes.max(initial=0)), int(judged.column.changes.code.max(initial=0)))
