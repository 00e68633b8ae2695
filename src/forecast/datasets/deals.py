"""How simulated deals live and die: a Markov process whose win probabilities can be computed exactly.

On every working day an open deal may be won, lost, advance or fall back one stage, at hazards that depend on its
stage, on what is known of it from the start, whether it had a demo, the season, common shocks, and a hidden quality of
three classes. The hidden class also decides how readily the customer answers and asks, so that interactions tell
about it. Given all that was seen of a deal the class follows Bayes' rule, and with it the probability of a win.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STAGES = ("qualification", "needs_analysis", "proposal", "negotiation")
QUALITIES = ("poor", "fair", "good")
QUALITY_SHARES = np.array([0.3, 0.4, 0.3])
QUALITY_EFFECTS = np.array([-0.8, 0.0, 0.8])  # on the log hazard of a win at signal 1
DEMO_EFFECT = 0.7

# Daily log hazards at pace 1 by stage; deviations from their mean shrink with the signal.
_WIN = np.log([0.0015, 0.004, 0.012, 0.03])
_LOSE = np.log([0.012, 0.010, 0.009, 0.008])
_ADVANCE = np.log([0.05, 0.045, 0.04, 1e-12])
_BACK = np.log([1e-12, 0.006, 0.006, 0.006])
_LOSE_SENSITIVITY = -0.5  # of the log hazard of a loss to the score that drives wins
_ADVANCE_SENSITIVITY = 0.3

# Chances per working day of an open deal.
_OUTBOUND = 0.10
_NEWSLETTER = 0.01
_DEMO = 0.015
_ANSWERED = np.array([-0.8, 0.0, 0.8])  # log-odds that an outbound contact is answered, by quality
_INBOUND = np.log(0.04) + np.array([-0.7, 0.0, 0.7])  # log chance that the customer writes, by quality

ADVANCE, BACK, WIN, LOSE = 1, 2, 3, 4
OUT_ANSWERED, OUT_UNANSWERED, INBOUND, DEMO, NEWSLETTER = 1, 2, 3, 4, 5
NEVER = np.iinfo(np.int64).max


def _flatten(log_hazards: Floats, signal: float) -> Floats:
    """Log hazards of which only the share ``signal`` of their differences is left."""
    mean = np.log(np.mean(np.exp(log_hazards)))
    return np.asarray(mean + signal * (log_hazards - mean))


@dataclass(frozen=True)
class Events:
    """Things that happened to deals, sorted by day: parallel arrays of shape (n_events,)."""

    deal: Ints
    day: Ints
    kind: Ints

    def on(self, first: int, last: int) -> "Events":
        """Those of days ``first`` <= day < ``last``."""
        low, high = np.searchsorted(self.day, [first, last])
        return Events(self.deal[low:high], self.day[low:high], self.kind[low:high])


@dataclass(frozen=True)
class DealProcess:
    """The laws that deals follow. Days are counted from the company's first day.

    Attributes
    ----------
    season : array of shape (n_days,)
        Factor on the hazard of a win by day; 0 on days when nobody works.
    shocks : array of shape (n_days, n_groups)
        Log factors on the hazard of a win by day and group of deals (team).
    pace : float
        Factor on all hazards.
    signal : float
        0 makes all deals alike in their hazards of a win or a loss; 1 gives the full differences.
    confounding : float
        How much the hidden quality decides who gets a demo; 0 is a randomised experiment.
    """

    season: Floats
    shocks: Floats
    pace: float = 1.0
    signal: float = 1.0
    confounding: float = 0.0

    @cached_property
    def win(self) -> Floats:
        """Log hazards of a win by stage, shape (n_stages,)."""
        return _flatten(_WIN, self.signal)

    @cached_property
    def lose(self) -> Floats:
        """Log hazards of a loss by stage, shape (n_stages,)."""
        return _flatten(_LOSE, self.signal)

    @cached_property
    def quality(self) -> Floats:
        """Effects of the hidden classes on the log hazard of a win, shape (n_classes,)."""
        return self.signal * QUALITY_EFFECTS

    @cached_property
    def answered(self) -> Floats:
        """Probability that an outbound contact is answered, by class."""
        return np.asarray(1 / (1 + np.exp(-self.signal * _ANSWERED)))

    @cached_property
    def inbound(self) -> Floats:
        """Probability of a workday with an inquiry, by class."""
        return np.exp(_flatten(_INBOUND, self.signal))

    @cached_property
    def demo_chance(self) -> Floats:
        """Probability of a workday with a demo while there was none, by class."""
        return -np.expm1(-_DEMO * np.exp(self.confounding * QUALITY_EFFECTS))

    @property
    def demo_effect(self) -> float:
        """Effect of a demo on the log hazard of a win from the next day on."""
        return self.signal * DEMO_EFFECT

    def is_workday(self, day: int) -> bool:
        """Whether anything happens on that day."""
        return bool(self.season[day] > 0)

    def chances(
        self, day: int, score: Floats, shock: Floats, stage: Ints, demo: Ints
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Probabilities of advance, back, win and loss on one working day; arguments broadcast.

        Winning and losing are competing constant hazards over the day: either happens with probability
        1 - exp(-total), each by its share. A deal that is still open then moves or stays likewise.
        """
        win = self.season[day] * np.exp(self.win[stage] + score + self.demo_effect * demo + shock)
        lose = np.exp(self.lose[stage] + _LOSE_SENSITIVITY * score)
        advance = np.exp(_ADVANCE[stage] + _ADVANCE_SENSITIVITY * score)
        back = np.exp(_BACK[stage])
        stays_open = np.exp(-self.pace * (win + lose))
        ends = (1 - stays_open) / (win + lose)
        moves = stays_open * -np.expm1(-self.pace * (advance + back)) / (advance + back)
        return advance * moves, back * moves, win * ends, lose * ends


@dataclass(frozen=True)
class Deals:
    """Simulated deals with all that happened to them; arrays of shape (n,).

    ``score`` is the effect of the known traits on the log hazard of a win at day 0, ``slope`` its change per day.
    A deal is at risk from the day after ``created`` on; ``closed`` is the day it was won or lost (`NEVER`: not until
    the end of the simulation).
    """

    process: DealProcess
    created: Ints
    score: Floats
    slope: Floats
    group: Ints
    quality: Ints
    closed: Ints
    won: NDArray[np.bool_]
    transitions: Events
    contacts: Events

    def win_probability(self, deals: Ints, days: Ints, horizon_days: int, *, quality_known: bool = False) -> Floats:
        """True P(won within ``horizon_days`` | everything that was seen of the deal before the day).

        Parameters
        ----------
        deals, days : arrays of shape (n,)
            Deal numbers, and the day at whose first moment each is asked for.
        horizon_days : int
            The days ``day`` to ``day + horizon_days - 1`` count.
        quality_known : bool
            Condition on the hidden quality too.

        Returns
        -------
        array of shape (n,)
            NaN for deals that are not open then. Season, drift and common shocks are taken as they really came.
        """
        probability = np.full(len(deals), np.nan)
        for day, stage, demo, log_likelihood in self._beliefs(np.unique(days)):
            asked = np.flatnonzero((days == day) & (self.created[deals] < day) & (self.closed[deals] >= day))
            if not len(asked):
                continue
            deal = deals[asked]
            if quality_known:
                belief = np.eye(len(QUALITIES))[self.quality[deal]]
            else:
                relative = log_likelihood[deal] + np.log(QUALITY_SHARES)
                belief = np.exp(relative - relative.max(axis=1, keepdims=True))
                belief /= belief.sum(axis=1, keepdims=True)
            for part in np.array_split(np.arange(len(asked)), max(1, len(asked) // 2000)):
                probability[asked[part]] = self._win_within(
                    deal[part], belief[part], stage[deal[part]], demo[deal[part]], day, horizon_days
                )
        return probability

    def _beliefs(self, days: Ints) -> Iterator[tuple[int, Ints, Ints, Floats]]:
        """At the first moment of each day: stages, demo flags and log likelihoods of the classes, for all deals."""
        process = self.process
        n = len(self.created)
        stage, demo = np.zeros(n, np.int64), np.zeros(n, np.int64)
        log_likelihood = np.zeros((n, len(QUALITIES)))
        contact = np.zeros((NEWSLETTER + 1, len(QUALITIES)))
        contact[OUT_ANSWERED] = np.log(process.answered)
        contact[OUT_UNANSWERED] = np.log1p(-process.answered)
        contact[INBOUND] = np.log(process.inbound) - np.log1p(-process.inbound)
        contact[DEMO] = np.log(process.demo_chance) - np.log1p(-process.demo_chance)
        done = 0
        for asked in (int(day) for day in days):
            for day in range(done, asked):
                if not process.is_workday(day):
                    continue
                open_ = np.flatnonzero((self.created < day) & (self.closed >= day))
                score = (self.score + self.slope * day)[open_, None] + process.quality
                shock = process.shocks[day, self.group[open_], None]
                chances = process.chances(day, score, shock, stage[open_, None], demo[open_, None])
                stays = 1 - np.stack(chances).sum(axis=0)
                seen = np.log(stays) + np.log1p(-process.inbound)
                seen += np.where(demo[open_, None] == 0, np.log1p(-process.demo_chance), 0.0)
                log_likelihood[open_] += seen

                contacts = self.contacts.on(day, day + 1)
                np.add.at(log_likelihood, contacts.deal, contact[contacts.kind])
                moved = self.transitions.on(day, day + 1)
                place = np.searchsorted(open_, moved.deal)
                happened = np.stack(chances)[moved.kind - 1, place]
                log_likelihood[moved.deal] += np.log(happened) - np.log(stays[place])

                stage[moved.deal] += (moved.kind == ADVANCE).astype(np.int64) - (moved.kind == BACK)
                demo[contacts.deal[contacts.kind == DEMO]] = 1
            done = max(done, asked)
            yield asked, stage, demo, log_likelihood

    def _win_within(self, deal: Ints, belief: Floats, stage: Ints, demo: Ints, day: int, horizon_days: int) -> Floats:
        """Carry the distribution over (class, stage, demo) forward day by day and collect what is won."""
        process = self.process
        n, n_stages = len(deal), len(STAGES)
        at = np.zeros((n, len(QUALITIES), n_stages, 2))
        at[np.arange(n), :, stage, demo] = belief
        stages = np.arange(n_stages)[:, None]
        demos = np.arange(2)
        demo_chance = process.demo_chance[:, None]
        won = np.zeros(n)
        for later in range(day, min(day + horizon_days, len(process.season))):
            if not process.is_workday(later):
                continue
            score = (self.score + self.slope * later)[deal, None] + process.quality
            shock = process.shocks[later, self.group[deal]][:, None, None, None]
            advance, back, win, lose = process.chances(later, score[:, :, None, None], shock, stages, demos)
            won += np.einsum("ijkl,ijkl->i", at, win)
            up, down = at * advance, at * back
            at = at * (1 - advance - back - win - lose)
            at[:, :, 1:] += up[:, :, :-1]
            at[:, :, :-1] += down[:, :, 1:]
            gets_demo = at[..., 0] * demo_chance
            at[..., 0] -= gets_demo
            at[..., 1] += gets_demo
        return won


def simulate_deals(
    process: DealProcess,
    *,
    created: Ints,
    score: Floats,
    slope: Floats,
    group: Ints,
    rng: np.random.Generator,
) -> Deals:
    """Let deals live day by day until the last day of the process's season.

    Parameters
    ----------
    created, score, slope, group : arrays of shape (n,)
        See `Deals`; ``group`` is the column of the process's shocks.
    """
    n = len(created)
    quality = rng.choice(len(QUALITIES), size=n, p=QUALITY_SHARES)
    stage, demo = np.zeros(n, np.int64), np.zeros(n, np.int64)
    closed, won = np.full(n, NEVER), np.zeros(n, bool)
    order = np.argsort(created, kind="stable")
    arrivals = np.searchsorted(created[order], np.arange(len(process.season) + 1))
    open_ = np.empty(0, np.int64)
    transitions, contacts = _Log(), _Log()
    for day in range(len(process.season)):
        if day:
            open_ = np.concatenate([open_, order[arrivals[day - 1] : arrivals[day]]])
        if not process.is_workday(day) or not len(open_):
            continue
        hidden = quality[open_]
        level = score[open_] + slope[open_] * day + process.quality[hidden]
        chances = process.chances(day, level, process.shocks[day, group[open_]], stage[open_], demo[open_])

        draws = rng.random((5, len(open_)))
        reached = draws[0] < _OUTBOUND
        answered = draws[1] < process.answered[hidden]
        contacts.add(open_, day, np.where(reached, np.where(answered, OUT_ANSWERED, OUT_UNANSWERED), 0))
        contacts.add(open_, day, np.where(draws[2] < process.inbound[hidden], INBOUND, 0))
        contacts.add(open_, day, np.where(draws[3] < _NEWSLETTER, NEWSLETTER, 0))
        has_demo = (draws[4] < process.demo_chance[hidden]) & (demo[open_] == 0)
        contacts.add(open_, day, np.where(has_demo, DEMO, 0))

        edges = np.cumsum(np.stack(chances), axis=0)
        n_passed = (rng.random(len(open_)) < edges).sum(axis=0)
        kind = np.where(n_passed > 0, 5 - n_passed, 0)  # all four edges above the draw: the first kind
        transitions.add(open_, day, kind)
        stage[open_] += (kind == ADVANCE).astype(np.int64) - (kind == BACK)
        demo[open_[has_demo]] = 1
        ends = kind >= WIN
        closed[open_[ends]] = day
        won[open_[kind == WIN]] = True
        open_ = open_[~ends]
    return Deals(process, created, score, slope, group, quality, closed, won, transitions.events(), contacts.events())


class _Log:
    """Collects what happens, one array per day."""

    def __init__(self) -> None:
        self._parts: list[tuple[Ints, Ints, Ints]] = []

    def add(self, deals: Ints, day: int, kind: Ints) -> None:
        """Note the deals of this day whose kind is not 0."""
        happened = np.flatnonzero(kind)
        if len(happened):
            self._parts.append((deals[happened], np.full(len(happened), day), kind[happened]))

    def events(self) -> Events:
        """All that was noted, by day, then in the order noted."""
        if not self._parts:
            empty = np.empty(0, np.int64)
            return Events(empty, empty, empty)
        deal, day, kind = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return Events(deal, day, kind.astype(np.int64))


def pace_for(process: DealProcess, *, censoring: float, ages: Floats, score: Floats) -> float:
    """Factor on all hazards at which the share ``censoring`` of deals of these ages is expected to be still open.

    The seasons are averaged, demos come on average; deals are represented by at most 60 of their scores.
    """
    sample = np.quantile(score, (np.arange(60) + 0.5) / 60)[:, None] + process.quality
    n_stages = len(STAGES)
    stages = np.arange(n_stages)
    level = sample[..., None]
    win = process.season.mean() * np.exp(process.win[stages] + level + 0.5 * process.demo_effect)
    work = np.mean(process.season > 0)
    lose = work * np.exp(process.lose[stages] + _LOSE_SENSITIVITY * level)
    advance = work * np.exp(_ADVANCE[stages] + _ADVANCE_SENSITIVITY * level)
    back = work * np.exp(_BACK[stages]) + 0 * level
    step = np.zeros((*sample.shape, n_stages, n_stages))
    step[..., stages, stages] = 1 - win - lose - advance - back
    step[..., stages[:-1], stages[1:]] = advance[..., :-1]
    step[..., stages[1:], stages[:-1]] = back[..., 1:]
    step = np.linalg.matrix_power(step, 5)
    at = np.zeros((*sample.shape, n_stages))
    at[..., 0] = 1
    still_open = []
    for _ in range(1500):
        still_open.append(at.sum(axis=-1).mean(axis=0) @ QUALITY_SHARES)
        at = np.einsum("ijk,ijkl->ijl", at, step)
    grid = 5.0 * np.arange(1500)
    paces = np.geomspace(0.02, 50, 400)
    open_share = np.array([np.interp(pace * ages, grid, still_open).mean() for pace in paces])
    return float(np.interp(-censoring, -open_share, paces))
