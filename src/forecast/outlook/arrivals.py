"""Wins that are yet to be created: how many each owner may expect, and what they bring."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.outlook.season import Season

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Past wins older than this say little about what will arrive.
MEMORY_DAYS = 730.0
#: Amounts and speed of an owner weigh as much as the team's when it has this many wins; likewise team and company.
PRIOR_WINS, TEAM_PRIOR_WINS = 5.0, 20.0
#: More wins than this are not drawn one by one, but at least so many of each owner and path.
_MAX_DRAWN, _MIN_SAMPLE = 8_000_000, 50
#: Range of the number of wins that the company's rate weighs against an owner's own.
_WEAKEST, _STRONGEST = 1.0, 50.0


@dataclass(frozen=True)
class Arrivals:
    """Past wins (or orders), in days before ``as_of``.

    Attributes
    ----------
    owner : int array of shape (n_events,)
    created_days, closed_days : array of shape (n_events,)
        Days from ``as_of`` to creation and win, negative; equal for orders.
    known_days : array of shape (n_events,)
        When the win was first recorded.
    count : array of shape (n_events,)
        How many events a row stands for.
    """

    owner: Codes
    created_days: Floats
    closed_days: Floats
    known_days: Floats
    count: Floats

    def binned(self) -> "Arrivals":
        """The same by whole days, equal rows put together: enough to count."""
        if not len(self.owner):
            return self
        days = [np.floor(days) for days in (self.created_days, self.closed_days, self.known_days)]
        rows, count = np.unique(np.column_stack([self.owner, *days]), axis=0, return_counts=True)
        created, closed, known = (rows[:, column] + 0.5 for column in (1, 2, 3))
        return Arrivals(rows[:, 0].astype(np.int64), created, closed, known, count.astype(float))


@dataclass(frozen=True)
class Rates:
    """Expected wins of each owner in a span ahead.

    Attributes
    ----------
    expected : array of shape (n_owners,)
    n_own : array of shape (n_owners,)
        Own past wins behind it, recent ones weighing more.
    prior : float
        Wins that the shared rate weighs against them.
    """

    expected: Floats
    n_own: Floats
    prior: float


def event_intensities(
    past: Arrivals,
    *,
    at: float,
    from_days: float,
    to_days: float,
    first_days: float,
    season: Season,
    half_life_days: float,
) -> tuple[Floats, Floats]:
    """How many wins like each past one are expected in a span ahead, and the weight of each past one.

    A win that took d days from creation is created after ``at`` and won in the span if it closes between the later of
    its start and d, and its end. Past wins with such a d were seen as long as history reached back before their
    closing by more than d: their rate is their number over that time, older ones fading with the half-life.

    Parameters
    ----------
    past : Arrivals
    at : float
        Moment of the forecast in days from ``as_of``; only what was recorded before it counts.
    from_days, to_days : float
        The span, in days after ``at``.
    first_days : float
        Begin of the history in days from ``as_of``.
    season : Season
    half_life_days : float

    Returns
    -------
    intensity, weight : arrays of shape (n_events,)
    """
    cycle = past.closed_days - past.created_days
    age = at - past.closed_days
    used = (past.known_days < at) & (age > 0) & (age <= MEMORY_DAYS)
    weight = np.where(used, past.count * 0.5 ** (np.maximum(age, 0) / half_life_days), 0.0)
    begins = at + np.minimum(np.maximum(cycle, from_days), to_days)
    ahead = season.clock(np.full(len(cycle), at + to_days)) - season.clock(begins)
    history = at - first_days
    seen = np.minimum(np.maximum(history - cycle, history / 4), MEMORY_DAYS)
    back = np.arange(int(np.ceil(min(max(history, 1.0), MEMORY_DAYS))))
    paced = season.at(np.asarray(at - back - 0.5, dtype=float)) * 0.5 ** ((back + 0.5) / half_life_days)
    exposure = np.interp(seen, np.arange(len(back) + 1), np.concatenate([[0.0], np.cumsum(paced)]))
    return weight * ahead / np.maximum(exposure, 0.5), weight


def owner_rates(
    intensity: Floats,
    weight: Floats,
    owner: Codes,
    *,
    team: Codes,
    is_active: NDArray[np.bool_],
    present: Floats,
    shrink: bool,
) -> Rates:
    """Each owner's expected wins: own experience, shrunk to the team's and the company's.

    Own wins are Poisson around a rate that varies over owners like a gamma distribution around the team's mean; its
    shape is read from how much more owners differ than Poisson numbers would. The sum stays the company's.

    Parameters
    ----------
    intensity, weight : arrays of shape (n_events,)
        From `event_intensities`.
    owner : int array of shape (n_events,)
    team : int array of shape (n_owners,)
    is_active : bool array of shape (n_owners,)
        Who has left keeps the own number; see `draw_arrivals`.
    present : array of shape (n_owners,)
        Share of the remembered time in which each owner was there, in (0, 1].
    shrink : bool
        Else each owner's own rate.
    """
    n_owners = len(team)
    raw, n_own = (np.bincount(owner, values, n_owners).astype(float) for values in (intensity, weight))
    total, n_total = float(raw[is_active].sum()), float(n_own[is_active].sum())
    if not shrink or total <= 0:
        return Rates(raw, n_own, PRIOR_WINS)
    exposure = present * n_total / total  # past wins for each win expected ahead
    settled = is_active & (present > 0.5)
    prior = _prior_wins(n_own[settled] / present[settled])
    mean = total / present[is_active].sum()
    n_teams = int(team.max(initial=0)) + 1
    team_wins, team_exposure = (
        np.bincount(team[is_active], values[is_active], n_teams) for values in (n_own, exposure)
    )
    team_mean = (TEAM_PRIOR_WINS + team_wins) / (TEAM_PRIOR_WINS / mean + team_exposure)
    own = (prior + n_own) / (prior / team_mean[team] + exposure)
    own *= total / own[is_active].sum()
    return Rates(np.where(is_active, own, raw), n_own, prior)


def _prior_wins(n_own: Floats) -> float:
    """Shape of the gamma distribution of rates over owners, by moments."""
    if len(n_own) < 3:
        return PRIOR_WINS
    mean = float(n_own.mean())
    excess = max(float(n_own.var(ddof=1)) - mean, 0.0)
    return float(np.clip(mean**2 / max(excess, 1e-9), _WEAKEST, _STRONGEST))


@dataclass(frozen=True)
class Drawn:
    """Wins drawn for all paths: parallel arrays of shape (n_drawn,).

    Where there are too many to draw each, a cell of a path and an owner has a sample of them.

    Attributes
    ----------
    path, owner, event : int array
        ``event`` is the past win that it is like.
    drawer : int array
        For whom it was drawn; another than ``owner`` where that one has left.
    scale : array
        Factor on its amount, so that the sum of a sample varies as the sum of all would.
    rest : array of shape (n_paths, n_owners), optional
        How many mean amounts of ``drawer`` each cell has on top, so that its mean is that of all.
    """

    path: Codes
    owner: Codes
    event: Codes
    drawer: Codes
    scale: Floats
    rest: Floats | None = None

    def amounts(self, amount: Floats, factor: Floats) -> Floats:
        """What each drawn one counts, given the amounts of past wins and a factor for each path and owner."""
        return np.asarray(amount[self.event] * self.scale * factor[self.path, self.drawer])

    def means(self, amount: Floats, code: Codes, n_units: int) -> Floats:
        """Mean amount of what was drawn for each owner, by unit, shape (n_owners, n_units)."""
        assert self.rest is not None
        n_owners, known = self.rest.shape[1], code >= 0
        cell = self.drawer[known] * n_units + code[known]
        sums = np.bincount(cell, amount[self.event[known]], n_owners * n_units).reshape(n_owners, n_units)
        return np.asarray(sums / np.maximum(np.bincount(self.drawer, minlength=n_owners), 1)[:, None])


def draw_arrivals(
    rates: Rates,
    intensity: Floats,
    owner: Codes,
    *,
    team: Codes,
    is_active: NDArray[np.bool_],
    shrink: bool,
    multiplier: Floats,
    rng: np.random.Generator,
) -> Drawn:
    """Draw the number of wins of each owner and path, and for each a past win that it is like.

    The number is Poisson around the owner's rate times the shock of the path. What a win brings is copied from a past
    one: of the owner, the team or the company, by how many wins each has. What owners who left would have won goes to
    active owners, of their team if there are any.

    Parameters
    ----------
    multiplier : array of shape (n_paths, n_owners)

    Returns
    -------
    Drawn
        ``event`` is the index of the past win.
    """
    counts = rng.poisson(np.maximum(rates.expected, 0) * multiplier)
    drawn = np.minimum(counts, max(_MIN_SAMPLE, _MAX_DRAWN // max(counts.size, 1)))
    path, who = np.nonzero(drawn)
    repeats, scales = drawn[path, who], np.sqrt(counts[path, who] / drawn[path, who])
    path, who, scale = (np.repeat(values, repeats) for values in (path, who, scales))
    drawer = who.astype(np.int64)
    event = _pick(rates, intensity, owner, team, who, shrink=shrink, is_active=is_active, rng=rng)
    if shrink and is_active.any():
        left = np.flatnonzero(~is_active[who])
        who = who.copy()
        who[left] = _heirs(rates, team, is_active, team[who[left]], rng)
    rest = counts - np.sqrt(counts * drawn.astype(float)) if (drawn < counts).any() else None
    return Drawn(path.astype(np.int64), who.astype(np.int64), event, drawer, scale, rest)


def _pick(
    rates: Rates,
    intensity: Floats,
    owner: Codes,
    team: Codes,
    who: Codes,
    *,
    shrink: bool,
    is_active: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Codes:
    """A past win for each drawn one, in proportion to the intensities of a pool: own, team's or company's."""
    if not len(who):
        return np.empty(0, dtype=np.int64)
    by_owner = np.lexsort((np.arange(len(owner)), owner, team[owner]))  # teams, within them owners, stand together
    total = np.concatenate([[0.0], np.cumsum(intensity[by_owner])])
    first, last = _runs(owner[by_owner], len(team))
    team_first, team_last = _runs(team[owner[by_owner]], int(team.max(initial=0)) + 1)
    low, high = total[first[who]], total[last[who]]
    if shrink:
        n_own, n_team = rates.n_own, np.bincount(team, rates.n_own)[team]
        level = rng.random(len(who))
        keeps_own = level < np.where(is_active, n_own / (n_own + PRIOR_WINS), 1.0)[who]
        keeps_own &= high > low
        of_team = rng.random(len(who)) < (n_team / (n_team + TEAM_PRIOR_WINS))[who]
        team_low, team_high = total[team_first[team[who]]], total[team_last[team[who]]]
        of_team &= team_high > team_low
        low = np.where(keeps_own, low, np.where(of_team, team_low, 0.0))
        high = np.where(keeps_own, high, np.where(of_team, team_high, total[-1]))
    place = np.searchsorted(total, low + rng.random(len(who)) * (high - low), side="right") - 1
    return np.asarray(by_owner[np.clip(place, 0, len(owner) - 1)], dtype=np.int64)


def _runs(codes: Codes, n: int) -> tuple[Codes, Codes]:
    """First and last place (exclusive) of each code in an array where equal codes stand together."""
    length = np.bincount(codes, minlength=n)
    first = np.zeros(n, dtype=np.int64)
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    first[codes[starts]] = starts
    return first, first + length


def _heirs(rates: Rates, team: Codes, is_active: NDArray[np.bool_], teams: Codes, rng: np.random.Generator) -> Codes:
    """An active owner for each win of one who left, in proportion to their rates."""
    order = np.lexsort((np.arange(len(team)), team))
    share = np.where(is_active, np.maximum(rates.expected, 1e-12), 0.0)[order]
    total = np.concatenate([[0.0], np.cumsum(share)])
    first, last = _runs(team[order], int(team.max(initial=0)) + 1)
    low, high = total[first[teams]], total[last[teams]]
    empty = high <= low
    low, high = np.where(empty, 0.0, low), np.where(empty, total[-1], high)
    place = np.searchsorted(total, low + rng.random(len(teams)) * (high - low), side="right") - 1
    return np.asarray(order[np.clip(place, 0, len(team) - 1)], dtype=np.int64)
