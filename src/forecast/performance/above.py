"""Results above expectation: what each person's cases brought, what they were expected to, and what may be claimed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.performance.expectation import Pieces
from forecast.performance.members import COMPANY
from forecast.performance.skill import GRID, Skill, learn_skill, result_curves

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Nothing is claimed of a person, a team or a pair below this posterior probability.
CLAIM_LEVEL = 0.9
#: Lower and upper quantile of the 80 % interval.
_RANGE = (0.1, 0.9)
#: How far the sum of what was expected may be from what came: a share of it, or standard deviations.
_MAX_MISFIT, _MAX_MISFIT_DEVIATIONS = 0.15, 3.0
#: Columns of `Above.lines` without money.
LINE_COLUMNS = (
    "level", "id", "n_cases", "successes", "expected", "difference", "above", "low", "high", "pace", "p_ahead",
    "p_behind", "claim", "fits", "unseen",
)  # fmt: skip
_MONEY_COLUMNS = ("amount", "expected_amount", "amount_above", "amount_low", "amount_high")


@dataclass(frozen=True)
class Worth:
    """Money of cases, arrays as long as the spells: what a success is expected to bring, and what it brought."""

    expected: Floats
    actual: Floats


@dataclass(frozen=True)
class Above:
    """Results of one step of the funnel, or of all of it, against expectation.

    Attributes
    ----------
    people : tuple of str
        User ids, in the order of the arrays.
    n_cases, successes : int arrays of shape (n_people,)
        Cases that were open in the period while the person had them, and those of them that succeeded in it.
    expected : float array of shape (n_people,)
        Expected successes.
    amount, expected_amount : float arrays of shape (n_people,), or None
        The same in money.
    skill : Skill
    curves, amount_curves : arrays of shape (n_people, n_grid)
    """

    people: tuple[str, ...]
    n_cases: Codes
    successes: Codes
    expected: Floats
    amount: Floats | None
    expected_amount: Floats | None
    skill: Skill
    curves: Floats
    amount_curves: Floats | None

    def lines(self, groups: Mapping[tuple[str, str], Sequence[str]]) -> pd.DataFrame:
        """One row per group of people: sums of counts, and what of the difference lasts.

        Parameters
        ----------
        groups : mapping of (level, id) to user ids
            Users that had no case count nothing; a group without cases has no row.

        Returns
        -------
        DataFrame
            ``level``, ``id``, ``n_cases``, ``successes``, ``expected``, ``difference`` (successes - expected),
            ``above`` (posterior mean of what the people add, drawn to 0), ``low``, ``high`` (its 80 % interval),
            ``pace`` (factor on the pace of success, 1 as expected; geometric posterior mean, by expected successes),
            ``p_ahead``, ``p_behind`` (posterior probability that they are ahead of, or behind, the company; the rest
            is that there is no difference; NaN for the company itself), ``claim`` (``ahead``, ``behind`` or empty),
            ``fits`` (whether anything may be claimed at all),
            ``unseen`` (factor by which the pace of these cases would have to differ, unseen, to take the claim away;
            NaN without a claim) and, with money, ``amount``, ``expected_amount``, ``amount_above``, ``amount_low``,
            ``amount_high``.
        """
        place = {person: position for position, person in enumerate(self.people)}
        members = {
            key: np.array(sorted(place[person] for person in people if person in place), dtype=np.int64)
            for key, people in groups.items()
        }
        gains = self.skill.gains(self.curves)
        money = None if self.amount_curves is None else self.skill.gains(self.amount_curves)
        rows = [
            {"level": level, "id": name} | self._line(chosen, gains, money) | (_SELF if level == COMPANY else {})
            for (level, name), chosen in members.items()
            if len(chosen)
        ]
        columns = [*LINE_COLUMNS, *([] if money is None else _MONEY_COLUMNS)]
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def _mean_gains(self) -> Floats:
        return self.skill.mean_gains(self.curves)

    @cached_property
    def _mean_amount_gains(self) -> Floats:
        return np.zeros(len(self.people)) if self.amount_curves is None else self.skill.mean_gains(self.amount_curves)

    @cached_property
    def fits(self) -> bool:
        """Whether others' cases explain everybody's: what was expected of all adds up to what came, by and large.

        It does not where cases pass from hand to hand by the kind of work, so that some people never see an outcome;
        then nothing is claimed of anybody.
        """
        came, expected = float(self.successes.sum()), float(self.expected.sum())
        return bool(abs(came - expected) <= max(_MAX_MISFIT * came, _MAX_MISFIT_DEVIATIONS * np.sqrt(expected)))

    def _claim(self, ahead: float, behind: float) -> str:
        return claimed(ahead, behind) if self.fits else ""

    def _line(self, chosen: Codes, gains: Floats, money: Floats | None) -> dict[str, object]:
        gain = gains[:, chosen].sum(axis=1)
        if len(chosen) == 1:
            ahead, behind = float(self.skill.p_ahead[chosen[0]]), float(self.skill.p_behind[chosen[0]])
        else:
            ahead, behind = float((gain > 1e-9).mean()), float((gain < -1e-9).mean())
        claim = self._claim(ahead, behind)
        low, high = np.quantile(gain, _RANGE)
        weight = self.expected[chosen] / max(self.expected[chosen].sum(), 1e-12)
        factor = self.skill.factors[:, chosen] @ weight
        pace = float(np.exp((self.skill.marginal[chosen] @ GRID) @ weight))
        limit = np.quantile(factor, 1 - CLAIM_LEVEL if claim == "ahead" else CLAIM_LEVEL)
        line: dict[str, object] = {
            "n_cases": int(self.n_cases[chosen].sum()),
            "successes": int(self.successes[chosen].sum()),
            "expected": float(self.expected[chosen].sum()),
            "difference": float(self.successes[chosen].sum() - self.expected[chosen].sum()),
            "above": float(self._mean_gains[chosen].sum()),
            "low": float(low),
            "high": float(high),
            "pace": pace,
            "p_ahead": ahead,
            "p_behind": behind,
            "claim": claim,
            "fits": self.fits,
            "unseen": float(np.exp(abs(limit))) if claim else np.nan,
        }
        if money is not None and self.amount is not None and self.expected_amount is not None:
            earned = money[:, chosen].sum(axis=1)
            line |= {
                "amount": float(self.amount[chosen].sum()),
                "expected_amount": float(self.expected_amount[chosen].sum()),
                "amount_above": float(self._mean_amount_gains[chosen].sum()),
                "amount_low": float(np.quantile(earned, _RANGE[0])),
                "amount_high": float(np.quantile(earned, _RANGE[1])),
            }
        return line

    def ahead(self, one: str, other: str) -> float:
        """Posterior probability that one person's factor is above another's.

        Parameters
        ----------
        one, other : str
            User ids with cases in the period.

        Returns
        -------
        float in [0, 1]
            That and the reverse sum to at most 1: the rest is that they do not differ.
        """
        first, second = (self.skill.draws[:, self.people.index(person)] for person in (one, other))
        return float((first > second).mean())

    def comparisons(self, people: Sequence[str], of: str | None = None) -> pd.DataFrame:
        """Pairs of some people.

        Parameters
        ----------
        people : sequence of str
            User ids; those without cases in the period are left out.
        of : str, optional
            Only pairs of this person with each other one; default every ordered pair.

        Returns
        -------
        DataFrame
            ``id``, ``other_id``, ``p_ahead`` of the first, ``claim`` (``ahead``, ``behind`` or empty); sorted.
        """
        known = sorted(set(people) & set(self.people))
        draws = self.skill.draws[:, [self.people.index(person) for person in known]]
        rows = []
        for position, person in enumerate(known):
            if of is None or person == of:
                ahead, behind = (draws[:, [position]] > draws).mean(axis=0), (draws[:, [position]] < draws).mean(axis=0)
                rows += [
                    (person, other, float(p), self._claim(float(p), float(q)))
                    for other, p, q in zip(known, ahead, behind, strict=True)
                    if other != person
                ]
        return pd.DataFrame(rows, columns=["id", "other_id", "p_ahead", "claim"])


#: The company is neither ahead of itself nor behind.
_SELF = {"p_ahead": np.nan, "p_behind": np.nan, "claim": "", "unseen": np.nan}


def claimed(ahead: float, behind: float) -> str:
    """What may be said: ``ahead``, ``behind``, or nothing below the stated probability."""
    return "ahead" if ahead >= CLAIM_LEVEL else "behind" if behind >= CLAIM_LEVEL else ""


def judge(
    pieces: Pieces,
    people: Sequence[str],
    *,
    period: tuple[int, int],
    worth: Worth | None = None,
    random_state: int = 0,
) -> Above:
    """Results of a period above expectation.

    Parameters
    ----------
    pieces : Pieces
        Of all windows, see `forecast.performance.expectation.expect`.
    people : sequence of str
        User id of each person number.
    period : (first, last) window of the period
        With no window between them the result is empty.
    worth : Worth, optional
        Money of each spell.
    random_state : int

    Returns
    -------
    Above
    """
    n_people = len(people)
    skill = learn_skill(pieces, n_people, period=period, random_state=random_state)
    inside = pieces.of_windows(*period)
    spells = np.unique(inside.person * (pieces.spell.max(initial=0) + 1) + inside.spell)
    n_cases = np.bincount(spells // (pieces.spell.max(initial=0) + 1), minlength=n_people)
    expected = np.nan_to_num(inside.expected)

    def of_person(values: Floats) -> Floats:
        return np.asarray(np.bincount(inside.person, values, n_people))

    had_cases = np.flatnonzero(n_cases > 0)
    each, brought = None, None
    if worth is not None:
        each, brought = worth.expected[inside.spell], np.where(inside.succeeded, worth.actual[inside.spell], 0.0)
    curves = result_curves(inside.person, expected, n_people)[had_cases]
    return Above(
        people=tuple(people[position] for position in had_cases.tolist()),
        n_cases=n_cases[had_cases],
        successes=np.rint(of_person(inside.succeeded.astype(float)))[had_cases].astype(np.int64),
        expected=of_person(expected)[had_cases],
        amount=None if brought is None else of_person(brought)[had_cases],
        expected_amount=None if each is None else of_person(expected * each)[had_cases],
        skill=skill.of_people(had_cases),
        curves=curves,
        amount_curves=None if each is None else result_curves(inside.person, expected, n_people, each)[had_cases],
    )
