"""Paths of what territories can bring, whoever works them: what targets of equal difficulty rest on.

A territory is what an owner has to work with: accounts, leads that arrive, opportunities that are open. Its potential
is its own number of arrivals and open opportunities; how many of them are won, and for how much, is the whole
company's experience. That one person wins more than another shows only as a spread around the potential, which is
learned from all of them together and belongs to nobody.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.errors import InvalidInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: What results vary by beyond potential and chance while nothing was learned (a standard deviation of 30 %), and how
#: many pairs of owner and window that assumption is worth.
PRIOR_SPREAD, PRIOR_CELLS = 0.09, 8.0
#: The same for the company as a whole (10 %), in windows.
PRIOR_COMMON, PRIOR_WINDOWS = 0.01, 3.0
#: Draws of amounts that are held at once.
_CHUNK = 4_000_000


@dataclass(frozen=True)
class Potential:
    """What territories have to work with in a span ahead, by class of case (for example leads of small accounts).

    Attributes
    ----------
    open_deals : int array of shape (n_owners, n_classes)
        Open opportunities.
    open_wins : array of shape (n_owners, n_classes)
        How many of them the company would be expected to win in the span.
    new_wins : array of shape (n_owners, n_classes)
        Wins to be expected of what is yet to arrive: see `expected_new_wins`.
    amounts : sequence of n_classes arrays
        What wins of each class brought, company-wide.
    variance : array of shape (n_owners,)
        Relative variance of the owner's factor: `Spread.owner` and how well the own arrival rate is known.
    common : float
        Relative variance of the factor that all share.
    """

    open_deals: Ints
    open_wins: Floats
    new_wins: Floats
    amounts: tuple[Floats, ...]
    variance: Floats
    common: float


@dataclass(frozen=True)
class Rates:
    """Arrivals of each owner, per whole window of history.

    Attributes
    ----------
    mean : array of shape (n_owners, n_classes)
        Shrunk to the mean over the owners of the class.
    relative_variance : array of shape (n_owners,)
        Of the rate over all classes.
    """

    mean: Floats
    relative_variance: Floats


@dataclass(frozen=True)
class Spread:
    """Relative variances of results around the potential: of one owner in one window, of the company in one window."""

    owner: float
    common: float


def arrival_rates(arrivals: Ints, exposure: Floats) -> Rates:
    """Arrivals to be expected, from what arrived: gamma-Poisson, its prior by the moments of the class.

    Parameters
    ----------
    arrivals : int array of shape (n_owners, n_classes)
    exposure : array of shape (n_owners,)
        For how long each owner was there, in windows, above 0. Who came late has few arrivals, and is shrunk more.
    """
    if (exposure <= 0).any():
        raise InvalidInput(f"`exposure` must be above 0, got {exposure.min()}.")
    time = exposure[:, None]
    mean = arrivals.sum(axis=0) / time.sum()
    # Var(n_i) = m e_i + B e_i^2, summed over the owners.
    between = ((arrivals - mean * time) ** 2 - mean * time).sum(axis=0) / (time**2).sum()
    between = np.maximum(between, (0.05 * mean) ** 2)  # owners are never all the same
    weight = np.divide(mean, between, out=np.ones_like(mean), where=between > 0)
    rate = (arrivals + weight * mean) / (time + weight)
    variance = (rate / (time + weight)).sum(axis=1)
    total = rate.sum(axis=1)
    relative = np.divide(variance, total**2, out=np.zeros(len(total)), where=total > 0)
    return Rates(rate, relative)


def expected_new_wins(rates: Rates, company_wins: Floats, is_active: NDArray[np.bool_]) -> Floats:
    """Share the wins that the company expects of what is yet to arrive, by arrivals.

    Parameters
    ----------
    rates : Rates
    company_wins : array of shape (n_classes,)
    is_active : bool array of shape (n_owners,)
        Who can still win something.

    Returns
    -------
    array of shape (n_owners, n_classes)
    """
    working = rates.mean * is_active[:, None]
    total = working.sum(axis=0)
    share = np.divide(working, total, out=np.zeros_like(working), where=total > 0)
    return np.asarray(share * company_wins)


def fit_spread(wins: Ints, potential: Floats, relative_variance: Floats) -> Spread:
    """How much results vary beyond potential and chance, by the method of moments.

    Within a window the company's number of wins is taken as given; what an owner's own differs from the own part of
    it, beyond the variance of a multinomial draw and the error of the own rate, is spread: skill and luck of its own
    that later count as luck. Both are shrunk to a prior.

    Parameters
    ----------
    wins : int array of shape (n_windows, n_owners)
        Of past windows as long as the span ahead.
    potential : array of shape (n_windows, n_owners)
        In any unit; 0 for who was not there.
    relative_variance : array of shape (n_owners,)
        Of the potential.
    """
    total = wins.sum(axis=1, keepdims=True).astype(float)
    whole = potential.sum(axis=1, keepdims=True)
    expected = total * np.divide(potential, whole, out=np.zeros_like(potential), where=whole > 0)
    chance = expected * (1 - np.divide(expected, total, out=np.zeros_like(expected), where=total > 0))
    beyond = (wins - expected) ** 2 - chance - relative_variance * expected**2
    beyond, square = beyond[expected > 0], expected[expected > 0] ** 2
    typical = square.mean() if len(square) else 1.0
    owner = (beyond.sum() + PRIOR_CELLS * PRIOR_SPREAD * typical) / (square.sum() + PRIOR_CELLS * typical)
    return Spread(float(max(owner, 0.0)), _common(total.ravel()))


def _common(totals: Floats) -> float:
    """Relative variance of the company's number of wins beyond chance; neighbours are compared, so a trend is none."""
    mean = totals.mean() if len(totals) else 0.0
    if mean <= 0:
        return PRIOR_COMMON
    steps = np.diff(totals)
    beyond = (steps**2).sum() / 2 - mean * len(steps)
    return float(max((beyond / mean**2 + PRIOR_WINDOWS * PRIOR_COMMON) / (len(steps) + PRIOR_WINDOWS), 0.0))


def territory_paths(potential: Potential, *, n_paths: int = 2000, random_state: int = 0) -> Floats:
    """Joint paths of what territories bring in the span ahead.

    Wins of each class are drawn from the open opportunities (binomial) and from what arrives (Poisson), under a factor
    that all share and one of the owner, both gamma with mean 1; each win brings one of the amounts of its class.

    Parameters
    ----------
    potential : Potential
    n_paths : int
    random_state : int

    Returns
    -------
    array of shape (n_paths, n_owners)
    """
    n_owners, n_classes = potential.new_wins.shape
    common, own, wins, sizes = (np.random.default_rng([random_state, part]) for part in range(4))
    shared = _factors(common, np.array([potential.common]), n_paths)
    factor = shared * _factors(own, potential.variance, n_paths)
    paths = np.zeros((n_paths, n_owners))
    for code in range(n_classes):
        deals, mean = potential.open_deals[:, code], potential.open_wins[:, code]
        chance = np.divide(mean, deals, out=np.zeros(n_owners), where=deals > 0)
        number = wins.poisson(potential.new_wins[:, code] * factor)
        number += wins.binomial(deals, np.minimum(chance * factor, 1.0))
        paths += _sums_of(number, potential.amounts[code], sizes)
    return paths


def _factors(rng: np.random.Generator, variance: Floats, n_paths: int) -> Floats:
    """Gamma factors with mean 1 and these variances, shape (n_paths, n)."""
    wide = np.maximum(variance, 1e-12)
    drawn = rng.gamma(1 / wide, wide, (n_paths, len(wide)))
    return np.where(variance > 1e-12, drawn, 1.0)


def _sums_of(number: Ints, amounts: Floats, rng: np.random.Generator) -> Floats:
    """Sum of as many random amounts as each cell has wins."""
    sums = np.zeros(number.shape)
    if not len(amounts):
        return sums
    for rows in np.array_split(np.arange(len(number)), max(1, -(-int(number.sum()) // _CHUNK))):
        counts = number[rows].ravel()
        drawn = amounts[rng.integers(0, len(amounts), int(counts.sum()))]
        sums[rows] = np.bincount(np.repeat(np.arange(len(counts)), counts), drawn, len(counts)).reshape(len(rows), -1)
    return sums


def match_company(paths: Floats, company: Floats) -> Floats:
    """Scale each path so that the company's results are those of the outlook: territories share out one and the same.

    The path on which the territories together bring their k-th least gets the company's k-th least; shares within a
    path stay. So the odds of the company, and its range, are those of the outlook.

    Parameters
    ----------
    paths : array of shape (n_paths, n_owners)
    company : array of shape (n_paths,)
        What all of them together bring on the paths of the outlook.

    Returns
    -------
    array of shape (n_paths, n_owners)
    """
    total = paths.sum(axis=1)
    order = np.argsort(total, kind="stable")
    wanted = np.empty_like(total)
    wanted[order] = np.sort(company)
    usual = paths.mean(axis=0)
    share = np.divide(paths, total[:, None], out=np.zeros_like(paths), where=total[:, None] > 0)
    if usual.sum() > 0:
        share[total <= 0] = usual / usual.sum()
    return np.asarray(share * wanted[:, None])
