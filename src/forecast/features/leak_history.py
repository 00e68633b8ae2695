"""The leak hunter where there is a version history: each rule compares what was known before the closing with after.

An honest column may change while a case is open, come late in the process, be missing for reasons, predict strongly, or
go on changing after the closing of won and lost cases alike. Each rule asks for something that none of these does.
Thresholds are set so that a column must be far from chance: with 3,000 honest columns fewer than one false alarm.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, fisher_exact, levene

from forecast.evaluation.univariate import univariate_auc
from forecast.features.leak_values import (
    CLOSING,
    FINAL,
    FIRST,
    HOUR_BEFORE,
    LAST_OPEN,
    LOST,
    OPEN,
    WON,
    Cases,
    Column,
)
from forecast.features.suspects import LEAK, Fact, Suspect

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Below so many cases of each outcome nothing is said that needs a comparison of outcomes.
MIN_OUTCOMES = 10
_P = 1e-6
#: A value that so large a share of the filled ones has counts as "not set yet": false, 0, "none".
_USUAL = 0.9
_NEARLY_PERFECT = 0.97
#: AUC at creation; honest columns known so early reach 0.8, single ones 0.9.
_KNOWN_TOO_EARLY = 0.95
#: The better a first value tells the outcome, the less else must speak against it: AUC, p.
_TIERS = ((0.9, 1e-3), (0.85, 1e-4), (0.7, _P))
#: Days of a case's life in which columns of closed and of open cases are compared.
_FIRST_DAYS = (0.0, 3.0, 10.0)

Evidence = dict[str, Fact]


@dataclass
class Pace:
    """What becomes of changes while open, over all columns: the chances that one column must beat."""

    last_day: float = 0.0  # share that come within a day of the closing
    won: float = 0.0  # share of cases that end so
    lost: float = 0.0


def find_leaks(cases: Cases, columns: Iterable[Column]) -> list[Suspect]:
    """The columns that leak, each by the first rule that it breaks; sorted by table and name."""
    held = list(columns)
    pace = _pace(cases, held)
    suspects = []
    for column in held:
        judged = _Judged(cases, column, pace)
        for kind, rule in _RULES.items():
            if not column.is_own and kind not in _RULES_OF_RELATED:
                continue
            if evidence := rule(judged):
                suspects.append(Suspect(column.table, column.name, LEAK, kind, evidence))
                break
    return sorted(suspects, key=lambda suspect: (suspect.table, suspect.column))


class _Judged:
    """One column beside the fates of its cases."""

    def __init__(self, cases: Cases, column: Column, pace: Pace) -> None:
        self.cases, self.column, self.pace = cases, column, pace
        self.usual = _usual_code(column)
        changes = column.changes
        self.set_open = self._any_set([FIRST, HOUR_BEFORE, LAST_OPEN])
        self.set_open[changes.case[changes.is_open & self.is_set(changes.code)]] = True
        self.set_since = np.where(self._any_set([FIRST]), cases.first, np.inf)  # when it was first set while open
        rows = changes.is_open & self.is_set(changes.code)
        np.minimum.at(self.set_since, changes.case[rows], changes.at[rows])
        self.set_after = self._any_set([CLOSING, FINAL])
        self.won, self.lost = cases.judged & (cases.fate == WON), cases.judged & (cases.fate == LOST)

    def is_set(self, code: Ints) -> Mask:
        """Whether codes say more than nothing or the usual."""
        return np.asarray((code != 0) & (code != self.usual))

    @property
    def comparable(self) -> bool:
        return bool(min(self.won.sum(), self.lost.sum()) >= MIN_OUTCOMES)

    def auc(self, slot: int) -> float:
        """How well the value of a slot alone tells won from lost."""
        rows = self.cases.judged
        return univariate_auc(self.column.codes[slot][rows], self.cases.fate[rows], self.cases.fold[rows])

    def _any_set(self, slots: list[int]) -> Mask:
        return np.asarray(self.is_set(self.column.codes[slots]).any(axis=0))


def only_after_closing(judged: _Judged) -> Evidence | None:
    """Never set in any version of an open case, but set in versions of closed ones."""
    n_after = int((judged.set_after & judged.cases.closed).sum())
    if n_after < 3 or judged.set_open.any():
        return None
    return {"closed_cases_with_it": n_after, "open_cases_with_it": 0}


def filled_at_closing(judged: _Judged) -> Evidence | None:
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


def changed_at_closing(judged: _Judged) -> Evidence | None:
    """Filled, emptied or changed at the closing or after, for one outcome only."""
    return _one_sided(judged, LAST_OPEN, FINAL) if judged.column.is_attribute else None


def rewritten_at_closing(judged: _Judged) -> Evidence | None:
    """What it says after the closing tells the outcome; what it said before did not."""
    return _gains(judged, LAST_OPEN, FINAL) if judged.column.is_attribute else None


def jumps_before_closing(judged: _Judged) -> Evidence | None:
    """In the last hour before the closing it changed to what tells the outcome, or for one outcome only."""
    return _one_sided(judged, HOUR_BEFORE, LAST_OPEN) or _gains(judged, HOUR_BEFORE, LAST_OPEN)


def moments_before_closing(judged: _Judged) -> Evidence | None:
    """Set while open nearly always within a day of the closing, unlike what else is recorded of open cases."""
    changes, cases = judged.column.changes, judged.cases
    rows = changes.is_open & judged.is_set(changes.code) & ((cases.fate[changes.case] != OPEN) | _followed(judged))
    n = int(rows.sum())
    if n < 8 or judged.pace.last_day > 0.6:
        return None
    case = changes.case[rows]
    n_last_day = int(((cases.fate[case] != OPEN) & (changes.at[rows] >= cases.ended[case] - 1)).sum())
    if n_last_day < 0.9 * n or binom.sf(n_last_day - 1, n, judged.pace.last_day) > _P:
        return None
    return {"times_set_while_open": n, "within_a_day_of_closing": n_last_day, "usual_share": judged.pace.last_day}


def settles(judged: _Judged) -> Evidence | None:
    """Once set while open, a case closes and with one outcome for one value; no open case has it."""
    changes, cases = judged.column.changes, judged.cases
    rows = changes.is_open & judged.is_set(changes.code)
    n = int(rows.sum())
    if n < 20:
        return None
    fate, code = cases.fate[changes.case[rows]], changes.code[rows]
    won, lost = (np.bincount(code[fate == value], minlength=int(code.max()) + 1) for value in (WON, LOST))
    # what the other rows with the same value foretell: a value seen once foretells nothing
    n_pure = int(won[won - 1 > lost].sum() + lost[lost - 1 > won].sum())
    chance = max(judged.pace.won, judged.pace.lost)
    if n_pure < _NEARLY_PERFECT * n or binom.sf(n_pure - 1, n, chance) > _P:
        return None
    return {"times_set_while_open": n, "closed_as_its_value_says": n_pure, "usual_share": chance}


def known_too_early(judged: _Judged) -> Evidence | None:
    """The very first value tells the outcome nearly alone."""
    if not judged.comparable or (found := judged.auc(FIRST)) < _KNOWN_TOO_EARLY:
        return None
    return {"auc_at_creation": found, "n_won": int(judged.won.sum()), "n_lost": int(judged.lost.sum())}


def rewritten_in_the_past(judged: _Judged) -> Evidence | None:
    """The first value tells the outcome, and cases too young to have one say less than those that have it.

    Honest first values are as far apart among young cases as they ever were, whatever became of the old ones. Whole
    cohorts are compared, closed and open cases alike, so that it does not matter who closes fast.
    """
    if not judged.comparable or (found := judged.auc(FIRST)) < _TIERS[-1][0]:
        return None
    cases = judged.cases
    order = np.flatnonzero(cases.seen_open)
    order = order[np.argsort(cases.first[order], kind="stable")]
    score = _log_odds(judged.column.codes[FIRST], cases)[order]
    still_open = np.asarray(cases.fate[order] == OPEN)
    # strong columns close cases fast, so open ones differ by nature: this alone proves nothing
    apart = found >= 0.85 and _narrower(score[~still_open], score[still_open]) < _P
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


def filled_for_closed_only(judged: _Judged) -> Evidence | None:
    """Set in the first days of cases that have closed, hardly ever of open ones created in the same time."""
    return next((found for days in _FIRST_DAYS if (found := _closed_only(judged, days))), None)


def rewritten_by_batch(judged: _Judged) -> Evidence | None:
    """A later import gave versions of closed cases another value, and of open ones hardly ever."""
    cases, again = judged.cases, judged.column.rewritten
    closed, still_open = cases.closed & cases.seen_open, (cases.fate == OPEN) & cases.seen_open
    n_closed, n_open = int((again & closed).sum()), int((again & still_open).sum())
    total_closed, total_open = int(closed.sum()), int(still_open.sum())
    if n_closed < 10 or n_open / max(total_open, 1) > 0.1 * n_closed / total_closed:
        return None
    if float(fisher_exact([[n_closed, total_closed - n_closed], [n_open, total_open - n_open]])[1]) > _P:
        return None
    return {"closed_cases_rewritten": n_closed, "open_cases_rewritten": n_open}


def holds_closing_moment(judged: _Judged) -> Evidence | None:
    """Holds the day of the closing, or the moment of the last version, three days before it or more."""
    cases = judged.cases
    rows = cases.judged & (judged.column.codes[FIRST] != 0) & (cases.closing - cases.first > 3)
    n, n_met = int(rows.sum()), int((judged.column.meets & rows).sum())
    if n < 20 or n_met < 0.5 * n:
        return None
    return {"cases": n, "hold_the_day_of_closing": n_met}


_RULES: dict[str, Callable[[_Judged], Evidence | None]] = {
    "only_after_closing": only_after_closing,
    "rewritten_by_batch": rewritten_by_batch,
    "holds_closing_moment": holds_closing_moment,
    "known_too_early": known_too_early,
    "rewritten_in_the_past": rewritten_in_the_past,
    "filled_for_closed_only": filled_for_closed_only,
    "moments_before_closing": moments_before_closing,
    "jumps_before_closing": jumps_before_closing,
    "settles": settles,
    "filled_at_closing": filled_at_closing,
    "changed_at_closing": changed_at_closing,
    "rewritten_at_closing": rewritten_at_closing,
}
#: An account goes on living after a deal: what it gets at a win is honest for the next deal.
_RULES_OF_RELATED = ("only_after_closing", "known_too_early", "rewritten_in_the_past", "filled_for_closed_only")


def _one_sided(judged: _Judged, before: int, after: int) -> Evidence | None:
    """Filled, emptied or changed between two slots, for one outcome at least ten times as often as for the other."""
    if not judged.comparable:
        return None
    old, new = judged.column.codes[before], judged.column.codes[after]
    was, is_ = judged.is_set(old), judged.is_set(new)
    moved = {"filled": ~was & is_, "emptied": was & ~is_, "changed": was & is_ & (old != new)}
    n_won, n_lost = int(judged.won.sum()), int(judged.lost.sum())
    for how, rows in moved.items():
        won, lost = int((rows & judged.won).sum()), int((rows & judged.lost).sum())
        high, low = max(won / n_won, lost / n_lost), min((won + 0.5) / n_won, (lost + 0.5) / n_lost)
        if high < 0.03 or high < 10 * low:
            continue
        # who fills or empties a field at the end of one outcome only does so by rule; values may change by chance
        if float(fisher_exact([[won, n_won - won], [lost, n_lost - lost]])[1]) < (_P if how == "changed" else 1e-4):
            return {"how": how, "share_of_won": won / n_won, "share_of_lost": lost / n_lost}
    return None


def _gains(judged: _Judged, before: int, after: int) -> Evidence | None:
    """The later slot tells the outcome (AUC 0.95), the earlier far less."""
    if not judged.comparable or np.array_equal(judged.column.codes[before], judged.column.codes[after]):
        return None
    later = judged.auc(after)
    if later < 0.95 or (earlier := judged.auc(before)) > later - 0.1:
        return None
    return {"auc_before": earlier, "auc_after": later}


def _closed_only(judged: _Judged, days: float) -> Evidence | None:
    """The same of all cases that were open for at least so many days."""
    cases = judged.cases
    rows = np.flatnonzero(cases.seen_open & (cases.closing - cases.first > days))
    rows = rows[np.argsort(cases.first[rows], kind="stable")]
    is_set = judged.set_since <= cases.first + days
    n_open = n_open_set = 0
    expected = 0.0
    for block in np.array_split(rows, int(np.clip(len(rows) // 40, 1, 10))):
        still_open = cases.fate[block] == OPEN
        if still_open.any() and (~still_open).sum() >= 5:
            n_open += int(still_open.sum())
            n_open_set += int(is_set[block[still_open]].sum())
            expected += still_open.sum() * float(is_set[block[~still_open]].mean())
    if expected < 5 or n_open_set > 0.05 * expected:
        return None
    if binom.cdf(n_open_set, n_open, 0.7 * expected / n_open) > _P:  # 0.7: open cases may be of another sort
        return None
    return {"open_cases": n_open, "open_cases_with_it": n_open_set, "expected_as_closed_ones": expected, "days": days}


def _pace_ratio(judged: _Judged, filled: Mask, late: Mask) -> float:
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


def _pace(cases: Cases, columns: list[Column]) -> Pace:
    own = [column.changes for column in columns if column.is_own]
    case = np.concatenate([changes.case[changes.is_open] for changes in own])
    at = np.concatenate([changes.at[changes.is_open] for changes in own])
    if not len(case):
        return Pace()
    fate = cases.fate[case]
    last_day = (fate != OPEN) & (at >= cases.ended[case] - 1)
    return Pace(float(last_day.mean()), float((fate == WON).mean()), float((fate == LOST).mean()))


def _followed(judged: _Judged) -> Mask:
    """Changes that have been followed for more than a day."""
    return np.asarray(judged.column.changes.at < judged.cases.cutoff - 1)


def _usual_code(column: Column) -> int:
    """The code of nearly all values while open, where there are others at all; else -1."""
    seen = column.codes[[FIRST, LAST_OPEN]]
    filled = seen[seen != 0]
    if not len(filled):
        return -1
    counts = np.bincount(filled)
    usual = int(counts.argmax())
    others = (column.codes != 0) & (column.codes != usual)
    has_others = others.any() or ((column.changes.code != 0) & (column.changes.code != usual)).any()
    return usual if counts[usual] >= _USUAL * len(filled) and usual != 1 and has_others else -1


def _log_odds(codes: Ints, cases: Cases) -> Floats:
    """What each case's code says of a win, in log-odds, shrunk by two rows of the base rate."""
    rows = cases.judged
    n = int(codes.max()) + 1
    total = np.bincount(codes[rows], minlength=n)
    won = np.bincount(codes[rows], weights=cases.fate[rows], minlength=n)
    base = cases.fate[rows].mean()
    rate = (won + 2 * base) / (total + 2)
    return np.asarray(np.log(rate / (1 - rate))[codes], dtype=float)
