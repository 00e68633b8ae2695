"""What of a difference is the person: the posterior of everybody's factor on the pace of success.

A person's factor exp(u) acts on the hazard of success: a case expected to succeed with probability p does so with
``1 - (1 - p)^exp(u)``. Between people u is normal with spread τ, or there is no difference at all (τ = 0, as likely
beforehand as not). In each window of time a person also has luck of their own, w normal with spread σ: common causes of
their cases that do not last. What lasts over windows tells τ from σ. Both are integrated out, so that a claim has to
hold whatever they are.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from forecast.performance.expectation import Pieces

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Log factors at which posteriors are computed: from a twentieth to twenty times the expected pace.
GRID = np.round(np.arange(-60, 61) * 0.05, 2)
_NONE = int(np.flatnonzero(GRID == 0)[0])
#: Spreads between people, and of a person's luck between windows.
SPREADS = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.55, 0.75, 1.0])
LUCK_SPREADS = np.array([0.0, 0.1, 0.2, 0.35, 0.5, 0.75])
#: Prior probability that people do not differ; the rest is half-normal with these scales.
NO_DIFFERENCE, _SPREAD_SCALE, _LUCK_SCALE = 0.5, 0.5, 0.35
N_DRAWS = 4000


@dataclass(frozen=True)
class Skill:
    """Posterior of everybody's log factor.

    Attributes
    ----------
    marginal : array of shape (n_people, n_grid)
        Each person's own posterior on `GRID`; rows sum to 1.
    draws : int array of shape (n_draws, n_people)
        Joint draws, as positions in `GRID`: for sums and comparisons of people.
    spread, luck : float
        Posterior means of τ and σ.
    no_difference : float
        Posterior probability that people do not differ.
    """

    marginal: Floats
    draws: Codes
    spread: float
    luck: float
    no_difference: float

    @property
    def p_ahead(self) -> Floats:
        """Posterior probability that the factor is above 1, shape (n_people,)."""
        return np.asarray(self.marginal[:, _NONE + 1 :].sum(axis=1))

    @property
    def p_behind(self) -> Floats:
        """Posterior probability that the factor is below 1; with `p_ahead` less than 1 by that of no difference."""
        return np.asarray(self.marginal[:, :_NONE].sum(axis=1))

    def mean_gains(self, curves: Floats) -> Floats:
        """Posterior mean of what each person adds to the expected result, shape (n_people,)."""
        return np.asarray((self.marginal * (curves - curves[:, [_NONE]])).sum(axis=1))

    def of_people(self, chosen: Codes) -> "Skill":
        """Only some people, in that order."""
        return replace(self, marginal=self.marginal[chosen], draws=self.draws[:, chosen])

    @cached_property
    def factors(self) -> Floats:
        """Log factors of the draws, shape (n_draws, n_people)."""
        return np.asarray(GRID[self.draws])

    def gains(self, curves: Floats) -> Floats:
        """What each draw adds to the expected result, shape (n_draws, n_people).

        Parameters
        ----------
        curves : array of shape (n_people, n_grid)
            Result at each factor, see `result_curves`.
        """
        people = np.arange(len(curves))
        return np.asarray(curves[people, self.draws] - curves[:, _NONE])


def learn_skill(pieces: Pieces, n_people: int, *, period: tuple[int, int], random_state: int = 0) -> Skill:
    """Posterior of everybody's factor in a period; spreads come from all windows.

    Parameters
    ----------
    pieces : Pieces
        Of all windows; those without expectation tell nothing.
    n_people : int
    period : (first, last) window of the period
    random_state : int

    Returns
    -------
    Skill
    """
    windows = int(pieces.window.max()) + 1 if len(pieces.window) else 1
    cells = _cell_likelihoods(pieces, n_people * windows, windows).reshape(n_people, windows, len(GRID))
    first, last = period
    with_luck = [_smooth(cells, luck) for luck in LUCK_SPREADS]
    priors = np.log(np.maximum([_normal(0.0, spread) for spread in SPREADS], 1e-300))
    everything = np.stack([smoothed.sum(axis=1) for smoothed in with_luck])
    evidence = logsumexp(everything[:, None] + priors[:, None, :], axis=-1).sum(axis=-1)
    weights = np.exp(evidence + _log_prior() - logsumexp(evidence + _log_prior()))
    of_period = np.stack([smoothed[:, first : last + 1].sum(axis=1) for smoothed in with_luck])
    return Skill(
        *_posterior(of_period, priors, weights, random_state),
        float(weights.sum(axis=0) @ SPREADS),
        float(weights.sum(axis=1) @ LUCK_SPREADS),
        float(weights[:, 0].sum()),
    )


def result_curves(person: Codes, expected: Floats, n_people: int, worth: Floats | None = None) -> Floats:
    """Result of each person if the pace were that factor of the expected one: ``Σ worth · (1 - (1 - p)^exp(u))``.

    Parameters
    ----------
    person : int array of shape (n,)
    expected : array of shape (n,)
        NaN counts as nothing.
    worth : array of shape (n,), optional
        What a success brings; default 1.

    Returns
    -------
    array of shape (n_people, n_grid), rising along the grid
    """
    pace = _pace(expected)
    each = np.ones(len(person)) if worth is None else worth
    return np.column_stack([np.bincount(person, each * -np.expm1(-np.exp(u) * pace), n_people) for u in GRID])


def _pace(expected: Floats) -> Floats:
    return np.asarray(-np.log1p(-np.nan_to_num(expected)))


def _cell_likelihoods(pieces: Pieces, n_cells: int, windows: int) -> Floats:
    """Log likelihood of what came of each person's cases in each window, at each factor; (n_cells, n_grid)."""
    known = ~np.isnan(pieces.expected)
    cell, pace = (pieces.person * windows + pieces.window)[known], _pace(pieces.expected[known])
    won = pieces.succeeded[known]
    waited = np.bincount(cell[~won], pace[~won], n_cells)
    return np.column_stack(
        [
            np.bincount(cell[won], np.log(-np.expm1(-np.exp(u) * np.maximum(pace[won], 1e-12))), n_cells)
            - np.exp(u) * waited
            for u in GRID
        ]
    )


def _normal(centre: float, spread: float) -> Floats:
    """Weights of a normal distribution on the grid; all on one point when it has no spread."""
    if spread == 0:
        return np.asarray((np.abs(GRID - centre) < 1e-9).astype(float))
    weight = np.exp(-0.5 * ((GRID - centre) / spread) ** 2)
    return np.asarray(weight / weight.sum())


def _smooth(cells: Floats, luck: float) -> Floats:
    """Log likelihoods with luck integrated out."""
    if luck == 0:
        return cells
    kernel = np.stack([_normal(u, luck) for u in GRID])
    top = cells.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.maximum(np.exp(cells - top) @ kernel.T, 1e-300)) + top)


def _log_prior() -> Floats:
    """Prior of (luck, spread), shape (n_luck_spreads, n_spreads)."""
    spread = np.exp(-0.5 * (SPREADS[1:] / _SPREAD_SCALE) ** 2) * np.gradient(SPREADS)[1:]
    spread = np.append(NO_DIFFERENCE, (1 - NO_DIFFERENCE) * spread / spread.sum())
    luck = np.exp(-0.5 * (LUCK_SPREADS / _LUCK_SCALE) ** 2) * np.gradient(LUCK_SPREADS)
    return np.asarray(np.log(luck / luck.sum())[:, None] + np.log(spread))


def _posterior(of_period: Floats, priors: Floats, weights: Floats, random_state: int) -> tuple[Floats, Codes]:
    """Everybody's own posterior, and joint draws: of the spreads by their weights, then of the factors given them."""
    rng = np.random.default_rng(random_state)
    n_people = of_period.shape[1]
    counts = np.diff(np.floor(np.cumsum(weights.ravel()) * N_DRAWS + 0.5).astype(np.int64), prepend=0)
    marginal, parts = np.zeros((n_people, len(GRID))), []
    for position in np.flatnonzero((weights.ravel() > 1e-9) | (counts > 0)):
        luck, spread = divmod(int(position), weights.shape[1])
        log_posterior = of_period[luck] + priors[spread]
        posterior = np.exp(log_posterior - log_posterior.max(axis=-1, keepdims=True))
        posterior /= posterior.sum(axis=-1, keepdims=True)
        marginal += weights[luck, spread] * posterior
        # one search for everybody: each person's ladder on a floor of its own
        steps = (np.minimum(np.cumsum(posterior, axis=-1), 1.0) + np.arange(n_people)[:, None]).ravel()
        wanted = rng.random((counts[position], n_people)) + np.arange(n_people)
        found = np.searchsorted(steps, wanted.ravel(), side="left").reshape(wanted.shape)
        parts.append(np.clip(found - np.arange(n_people) * len(GRID), 0, len(GRID) - 1))
    return marginal / marginal.sum(axis=1, keepdims=True), np.concatenate(parts).astype(np.int64)
