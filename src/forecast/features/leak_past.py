"""Rules on what a history says too early: values that the source wrote into the past of cases that have closed."""

import numpy as np
from scipy.stats import fisher_exact, levene

from forecast.features.leak_judged import P_VALUE, Evidence, Floats, Ints, Judged, Mask
from forecast.features.leak_values import FIRST, OPEN, Cases

#: AUC at creation; honest columns known so early reach 0.8, single ones 0.9.
_KNOWN_TOO_EARLY = 0.95
#: The better a first value tells the outcome, the less else must speak against it: AUC, p.
_TIERS = ((0.9, 1e-3), (0.85, 1e-4), (0.7, P_VALUE))


def known_too_early(judged: Judged) -> Evidence | None:
    """The very first value tells the outcome nearly alone."""
    if not judged.comparable or (found := judged.auc(judged.column.codes[FIRST])) < _KNOWN_TOO_EARLY:
        return None
    return {"auc_at_creation": found, "n_won": int(judged.won.sum()), "n_lost": int(judged.lost.sum())}


def rewritten_in_the_past(judged: Judged) -> Evidence | None:
    """The first value tells the outcome, and cases too young to have one say less than those that have it.

    Honest first values are as far apart among young cases as they ever were, whatever became of the old ones. Whole
    cohorts are compared, closed and open cases alike, so that it does not matter who closes fast.
    """
    if not judged.comparable or (found := judged.auc(judged.column.codes[FIRST])) < _TIERS[-1][0]:
        return None
    cases = judged.cases
    order = np.flatnonzero(cases.seen_open)
    order = order[np.argsort(cases.first[order], kind="stable")]
    score = _log_odds(judged.column.codes[FIRST], cases)[order]
    still_open = np.asarray(cases.fate[order] == OPEN)
    # strong columns close cases fast, so open ones differ by nature: this alone proves nothing
    apart = found >= 0.85 and _narrower(score[~still_open], score[still_open]) < P_VALUE
    for old, young in _cohorts(still_open.astype(float)):
        before, now = score[:old], score[len(score) - young :]
        p = _narrower(before, now)
        if any(found >= auc and p < limit for auc, limit in _TIERS) or (apart and p < 0.05):
            return {
                "auc_at_creation": found,
                "spread_of_young_to_old": float(now.std() / before.std()),
                "young_cases": young,
            }
    return None


def _narrower(wide: Floats, narrow: Floats) -> float:
    """p-value of the second sample being as spread as the first (Brown & Forsythe 1974); 1 where it is not narrower."""
    if min(len(wide), len(narrow)) < 10 or np.ptp(wide) == 0 or narrow.std() >= wide.std():
        return 1.0
    return float(levene(wide, narrow, center="median").pvalue) if np.ptp(narrow) else 0.0


def _cohorts(still_open: Floats) -> list[tuple[int, int]]:
    """Sizes of an old cohort, nearly all closed, and of a young one, mostly open; sharper ones first."""
    place = np.arange(1, len(still_open) + 1)
    from_old, from_young = np.cumsum(still_open) / place, np.cumsum(still_open[::-1]) / place
    found = []
    for most_open, least_open in ((0.1, 0.8), (0.3, 0.6)):
        old = int(place[from_old <= most_open].max(initial=0))
        young = min(int(place[from_young >= least_open].max(initial=0)), len(place) - old)
        if min(old, young) >= 30:
            found.append((old, young))
    return found


def _log_odds(codes: Ints, cases: Cases) -> Floats:
    """What each case's code says of a win, in log-odds, shrunk by two rows of the base rate."""
    rows = cases.judged
    n = int(codes.max()) + 1
    total = np.bincount(codes[rows], minlength=n)
    won = np.bincount(codes[rows], weights=cases.fate[rows], minlength=n)
    base = cases.fate[rows].mean()
    rate = (won + 2 * base) / (total + 2)
    return np.asarray(np.log(rate / (1 - rate))[codes], dtype=float)


def rewritten_by_batch(judged: Judged) -> Evidence | None:
    """A later import gave versions of closed cases another value, and of open ones hardly ever."""
    cases, again = judged.cases, judged.column.rewritten
    closed, still_open = cases.closed & cases.seen_open, (cases.fate == OPEN) & cases.seen_open
    n_closed, n_open = int((again & closed).sum()), int((again & still_open).sum())
    total_closed, total_open = int(closed.sum()), int(still_open.sum())
    if n_closed < 10 or n_open / max(total_open, 1) > 0.1 * n_closed / total_closed:
        return None
    if float(fisher_exact([[n_closed, total_closed - n_closed], [n_open, total_open - n_open]])[1]) > P_VALUE:
        return None
    return {"closed_cases_rewritten": n_closed, "open_cases_rewritten": n_open}


def holds_closing_moment(judged: Judged) -> Evidence | None:
    """Holds the day of the closing, or the moment of the last version, three days before it or more."""
    n, n_met = _early_moments(judged, judged.column.meets)
    if n < 20 or n_met < 0.5 * n:
        return None
    return {"cases": n, "hold_the_day_of_closing": n_met}


def holds_later_moment(judged: Judged) -> Evidence | None:
    """Three days before the closing or more it holds a moment after it, though never one that lies ahead of now.

    Plans and terms reach beyond the closing too, but then some reach beyond now, and of open cases nearly all do.
    """
    n, n_later = _early_moments(judged, judged.column.outlasts)
    n_ahead = int(judged.column.ahead.sum())
    if n < 20 or n_later < 0.9 * n or n_ahead > 0.01 * len(judged.column.ahead):
        return None
    return {"cases": n, "hold_a_moment_after_closing": n_later, "cases_with_a_moment_ahead_of_now": n_ahead}


def _early_moments(judged: Judged, how: Mask) -> tuple[int, int]:
    """Cases whose first version is filled, three days before their closing or more; those of them in ``how``."""
    cases = judged.cases
    rows = cases.judged & (judged.column.codes[FIRST] != 0) & (cases.closing - cases.first > 3)
    return int(rows.sum()), int((how & rows).sum())
