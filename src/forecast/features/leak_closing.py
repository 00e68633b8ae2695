"""Rules on what comes with a closing: columns set, rewritten or emptied at it, after it, or moments before."""

import numpy as np
from scipy.stats import binom, fisher_exact

from forecast.features.leak_judged import P_VALUE, Evidence, Ints, Judged, Mask
from forecast.features.leak_values import CLOSING, FINAL, HOUR_BEFORE, LAST_OPEN, OPEN


def only_after_closing(judged: Judged) -> Evidence | None:
    """Never set in any version of an open case, but set in versions of closed ones."""
    n_after = int((judged.set_after & judged.cases.closed).sum())
    if n_after < 3 or judged.set_open.any():
        return None
    return {"closed_cases_with_it": n_after, "open_cases_with_it": 0}


def filled_at_closing(judged: Judged) -> Evidence | None:
    """Most closed cases that have it got it at the closing or after, at a pace that open cases do not know."""
    cases = judged.cases
    rows = cases.closed & cases.seen_open
    filled = rows & (judged.set_open | judged.set_after)
    late = filled & ~judged.set_open
    n_filled, n_late = int(filled.sum()), int(late.sum())
    if n_filled < 10 or n_late < 0.5 * n_filled:
        return None
    # an export of the current state shows the fields of open cases too
    still_open = (cases.fate == OPEN) & cases.seen_open
    open_share = float(judged.set_open[still_open].mean()) if still_open.any() else 0.0
    if open_share >= 0.2 * n_filled / int(rows.sum()):
        return None
    at_closing = int((late & judged.is_set(judged.column.codes[CLOSING])).sum())
    if at_closing < 0.5 * n_late and _pace_ratio(judged, filled, late) > 0.1:
        return None
    return {"closed_cases_with_it": n_filled, "filled_at_closing_or_after": n_late, "share_of_open_with_it": open_share}


def changed_at_closing(judged: Judged) -> Evidence | None:
    """Filled, emptied or changed at the closing or after, for one outcome only."""
    return _one_sided(judged, LAST_OPEN, FINAL) if judged.column.is_attribute else None


def rewritten_at_closing(judged: Judged) -> Evidence | None:
    """What it says after the closing tells the outcome; what it said before did not."""
    return _gains(judged, LAST_OPEN, FINAL) if judged.column.is_attribute else None


def jumps_before_closing(judged: Judged) -> Evidence | None:
    """In the last hour before the closing it changed to what tells the outcome, or for one outcome only."""
    return _one_sided(judged, HOUR_BEFORE, LAST_OPEN) or _gains(judged, HOUR_BEFORE, LAST_OPEN)


def moments_before_closing(judged: Judged) -> Evidence | None:
    """Set while open nearly always within a day of the closing, unlike what else is recorded of open cases."""
    changes, cases = judged.column.changes, judged.cases
    rows = changes.is_open & judged.is_set(changes.code) & ((cases.fate[changes.case] != OPEN) | _followed(judged))
    n = int(rows.sum())
    if n < 8 or judged.pace.last_day > 0.6:
        return None
    case = changes.case[rows]
    n_last_day = int(((cases.fate[case] != OPEN) & (changes.at[rows] >= cases.ended[case] - 1)).sum())
    if n_last_day < 0.9 * n or binom.sf(n_last_day - 1, n, judged.pace.last_day) > P_VALUE:
        return None
    return {"times_set_while_open": n, "within_a_day_of_closing": n_last_day, "usual_share": judged.pace.last_day}


def _slots(judged: Judged, before: int, after: int) -> tuple[Ints, Ints]:
    """Codes of two slots, the later one as before where no version in between gave another value.

    A moment's code counts from its version, so another code alone is no change.
    """
    cases, changes = judged.cases, judged.column.changes
    since = cases.ended - 1 / 24 if after == LAST_OPEN else cases.closing
    rows = (changes.is_open == (after == LAST_OPEN)) & (changes.at >= since[changes.case])
    changed = np.zeros(len(cases.fate), dtype=bool)
    changed[changes.case[rows]] = True
    old, new = judged.column.codes[before], judged.column.codes[after]
    return old, np.where(changed | (old == 0) | (new == 0), new, old)


def _one_sided(judged: Judged, before: int, after: int) -> Evidence | None:
    """Filled, emptied or changed between two slots, for one outcome at least ten times as often as for the other."""
    if not judged.comparable:
        return None
    old, new = _slots(judged, before, after)
    was, is_ = judged.is_set(old), judged.is_set(new)
    moved = {"filled": ~was & is_, "emptied": was & ~is_, "changed": was & is_ & (old != new)}
    n_won, n_lost = int(judged.won.sum()), int(judged.lost.sum())
    for how, rows in moved.items():
        won, lost = int((rows & judged.won).sum()), int((rows & judged.lost).sum())
        high, low = max(won / n_won, lost / n_lost), min((won + 0.5) / n_won, (lost + 0.5) / n_lost)
        if high < 0.03 or high < 10 * low:
            continue
        # who fills or empties a field at the end of one outcome only does so by rule; values may change by chance
        if float(fisher_exact([[won, n_won - won], [lost, n_lost - lost]])[1]) < (
            P_VALUE if how == "changed" else 1e-4
        ):
            return {"how": how, "share_of_won": won / n_won, "share_of_lost": lost / n_lost}
    return None


def _gains(judged: Judged, before: int, after: int) -> Evidence | None:
    """The later slot tells the outcome (AUC 0.95), the earlier far less."""
    if not judged.comparable:
        return None
    old, new = _slots(judged, before, after)
    if np.array_equal(old, new):
        return None
    later = judged.auc(new)
    if later < 0.95 or (earlier := judged.auc(old)) > later - 0.1:
        return None
    return {"auc_before": earlier, "auc_after": later}


def _pace_ratio(judged: Judged, filled: Mask, late: Mask) -> float:
    """Fills per day of open life over fills per day after the closing, of cases that ended up filled."""
    cases, changes = judged.cases, judged.column.changes
    when = np.full(len(cases.fate), np.inf)
    rows = judged.is_set(changes.code)
    np.minimum.at(when, changes.case[rows], changes.at[rows])
    open_days = np.minimum(when, cases.closing)[filled] - cases.first[filled]
    after_days = (np.where(np.isfinite(when), when, cases.closing) - cases.closing)[late]
    while_open = float((filled & ~late).sum()) / max(float(open_days.sum()), 1e-9)
    after = float(late.sum()) / max(float(after_days.sum()), 1e-9)
    return while_open / after


def _followed(judged: Judged) -> Mask:
    """Changes that have been followed for more than a day."""
    return np.asarray(judged.column.changes.at < judged.cases.cutoff - 1)
