"""What hits many deals at once: sizes of shocks at company, team and owner level, and draws of them.

A shock is a factor with mean 1 on the odds of winning and on the volume that arrives. What hits one deal alone leaves
the distribution of its win as it is; at that level it is the amount that varies, see `amounts`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.outlook.draws import Keys, keys_of, normals, stratified, uniforms

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Sizes that are weighed against each other: relative standard deviations.
GRID = np.array([0.01, 0.05, 0.1, 0.15, 0.2, 0.27, 0.35, 0.45, 0.6, 0.8, 1.1, 1.5])
#: Scale of the gamma prior of each size, its likeliest value while there is no past to learn from; the mean is twice.
PRIOR_SCALE = {"company": 0.11, "team": 0.08, "owner": 0.08}
_GRID_NAMES = ("company", "team", "owner")


@dataclass(frozen=True)
class ShockSizes:
    """Relative standard deviations of the shocks at three levels, as a weighted set of possible ones.

    Attributes
    ----------
    company, team, owner : array of shape (n_points,)
    weight : array of shape (n_points,)
        Posterior probabilities, sum 1.
    """

    company: Floats
    team: Floats
    owner: Floats
    weight: Floats

    def mean(self) -> dict[str, float]:
        """Posterior root mean square of each size."""
        return {name: float(np.sqrt(self.weight @ getattr(self, name) ** 2)) for name in _GRID_NAMES}

    @classmethod
    def none(cls) -> "ShockSizes":
        """No shocks at all."""
        zero = np.zeros(1)
        return cls(zero, zero, zero, np.ones(1))


@dataclass(frozen=True)
class Surprises:
    """What came beside what was expected, at past origins.

    Attributes
    ----------
    expected, variance, actual : array of shape (n_origins, n_owners)
        Number of wins: mean and variance without any shock, and what came.
    law_variance : array of shape (n_origins,)
        Relative variance of the common error in the expectation, from the number of wins behind it.
    owner_variance : array of shape (n_origins, n_owners)
        Relative variance of each owner's own expectation.
    weight : float
        Of each origin in the likelihood; below 1 where spans overlap.
    """

    expected: Floats
    variance: Floats
    actual: Floats
    law_variance: Floats
    owner_variance: Floats
    weight: float = 1.0


def fit_shock_sizes(surprises: Surprises, team: Codes) -> ShockSizes:
    """Weigh possible sizes by how well they explain the surprises of past origins.

    Numbers of wins have covariance ``diag(v) + (s_c^2 1 1' + s_t^2 same team + s_o^2 I) * m m'``; its Gaussian
    likelihood [1]_ is computed on a grid of sizes, with a gamma prior of shape 2 on each: it keeps sizes away from 0,
    where few origins would leave them too often [2]_. With no origin the prior is left.

    Parameters
    ----------
    surprises : Surprises
    team : int array of shape (n_owners,)

    References
    ----------
    .. [1] Gourieroux, Monfort & Trognon (1984), Pseudo maximum likelihood methods: theory. Econometrica 52(3).
       Consistent for means and variances whatever the distribution.
    .. [2] Chung, Rabe-Hesketh, Dorie, Gelman & Liu (2013), A nondegenerate penalized likelihood estimator for variance
       parameters in multilevel models. Psychometrika 78(4).
    """
    company, teams, owner = (sizes.ravel() for sizes in np.meshgrid(GRID, GRID, GRID, indexing="ij"))
    log_weight = sum(
        _log_prior(sizes, PRIOR_SCALE[name]) for name, sizes in zip(_GRID_NAMES, (company, teams, owner), strict=True)
    ) + surprises.weight * sum(_log_likelihoods(surprises, team, index) for index in range(len(surprises.expected)))
    weight = np.exp(log_weight - np.max(log_weight))
    return ShockSizes(company, teams, owner, weight / weight.sum())


def _log_prior(sizes: Floats, scale: float) -> Floats:
    """Gamma density of shape 2 times the width of the grid around each size."""
    edges = np.concatenate([[0.0], (GRID[1:] + GRID[:-1]) / 2, [GRID[-1] * 1.15]])
    width = np.diff(edges)[np.searchsorted(GRID, sizes)]
    return np.asarray(np.log(width) + np.log(sizes) - sizes / scale)


def _log_likelihoods(surprises: Surprises, team: Codes, index: int) -> Floats:
    """Log likelihood of one origin at every point of the grid, by two nested rank-one updates."""
    mean, noise = surprises.expected[index], surprises.variance[index]
    used = noise > 0
    mean, noise, group = mean[used], noise[used], team[used]
    error = surprises.actual[index][used] - mean
    n_teams = int(team.max(initial=0)) + 1
    grid2 = GRID**2
    own = noise + (grid2[:, None] + surprises.owner_variance[index][used]) * mean**2  # (size of owner shock, owner)
    one = np.log(own).sum(axis=1) + (error**2 / own).sum(axis=1)
    by_team = np.zeros((len(GRID), n_teams)), np.zeros((len(GRID), n_teams))
    for row in range(len(GRID)):
        by_team[0][row] = np.bincount(group, mean**2 / own[row], n_teams)
        by_team[1][row] = np.bincount(group, mean * error / own[row], n_teams)
    load, pull = by_team[0][:, None, :], by_team[1][:, None, :]
    inner = 1 + grid2[None, :, None] * load  # (owner, team size, team)
    two = (np.log(inner) - grid2[None, :, None] * pull**2 / inner).sum(axis=2)
    load, pull = (load / inner).sum(axis=2), (pull / inner).sum(axis=2)  # (owner, team size)
    common = grid2[:, None, None] + surprises.law_variance[index]
    outer = 1 + common * load
    three = np.log(outer) - common * pull**2 / outer  # (company, owner, team size)
    total = -0.5 * (three + one[None, :, None] + two[None, :, :])
    return np.asarray(total.transpose(0, 2, 1).ravel())


@dataclass(frozen=True)
class ShockDraws:
    """Shocks of all paths.

    Attributes
    ----------
    multiplier : array of shape (n_paths, n_owners)
        Mean 1 in each column.
    log_variances : array of shape (n_points, n_classes)
        Log variance of a multiplier at some possible sizes, by class of owners.
    owner_class : int array of shape (n_owners,)
    """

    multiplier: Floats
    log_variances: Floats
    owner_class: Codes


_N_CLASSES, _N_POINTS = 6, 64


def draw_shocks(
    sizes: ShockSizes,
    owners: list[str],
    teams: list[str],
    *,
    law_variance: float,
    owner_variance: Floats,
    n_paths: int,
    random_state: int,
) -> ShockDraws:
    """Lognormal factors with mean 1, the product of those of company, team and owner.

    Each path has its own sizes, drawn from what is possible: few origins make heavy tails. The same owner, team and
    company get the same draws whatever else is there.

    Parameters
    ----------
    sizes : ShockSizes
    owners, teams : list of str, length n_owners
        Id of each owner and of its team.
    law_variance, owner_variance : float and array of shape (n_owners,)
        Relative variance of what is expected of the company and of each owner.
    """
    point = _points(sizes, stratified(_key("sizes", random_state), n_paths))
    company = _log_variance(sizes.company[point] ** 2 + law_variance)
    log = np.sqrt(company) * normals(stratified(_key("company", random_state), n_paths)) - company / 2
    total = np.broadcast_to(log[:, None], (n_paths, len(owners))).copy()
    names, of_owner = np.unique(np.array(teams, dtype=object).astype(str), return_inverse=True)
    in_team = _log_variance(sizes.team[point] ** 2)[:, None]
    drawn = normals(uniforms(keys_of(list(names), "team shock", random_state), n_paths))
    total += (np.sqrt(in_team) * drawn - in_team / 2)[:, of_owner]
    own = _log_variance(sizes.owner[point, None] ** 2 + owner_variance)
    total += np.sqrt(own) * normals(uniforms(keys_of(owners, "owner shock", random_state), n_paths)) - own / 2
    classes, levels = _classes(owner_variance)
    some = _points(sizes, (np.arange(_N_POINTS) + 0.5) / _N_POINTS)
    common = _log_variance(sizes.company[some] ** 2 + law_variance) + _log_variance(sizes.team[some] ** 2)
    variances = common[:, None] + _log_variance(sizes.owner[some, None] ** 2 + levels)
    factors = np.exp(total)
    return ShockDraws(factors / factors.mean(axis=0), variances, classes)


def draw_factors(
    owners: list[str], variance: float, owner_variance: Floats, *, n_paths: int, random_state: int
) -> Floats:
    """Lognormal factors with mean 1: one for all owners of a path times each owner's own.

    Parameters
    ----------
    owners : list of str, length n_owners
    variance, owner_variance : float and array of shape (n_owners,)
        Relative variances.

    Returns
    -------
    array of shape (n_paths, n_owners)
    """
    common, own = _log_variance(np.array([variance])), _log_variance(owner_variance)
    shared = normals(stratified(_key("amounts", random_state), n_paths))[:, None]
    single = normals(uniforms(keys_of(owners, "amounts", random_state), n_paths))
    log = np.sqrt(common) * shared - common / 2 + np.sqrt(own) * single - own / 2
    factors = np.exp(log)
    return np.asarray(factors / factors.mean(axis=0))


def odds_under_shocks(probability: Floats, owner: Codes, shocks: ShockDraws) -> Floats:
    """Cumulative hazard of each deal at which shocks leave its probability as it is on average.

    Under a shock m the probability is ``1 - exp(-h m)``, which is concave in m: h must be a little larger than
    ``-log(1 - p)``. Found by interpolation in a table of Gauss-Hermite means.

    Parameters
    ----------
    probability : array of shape (n,)
    owner : int array of shape (n,)

    Returns
    -------
    array of shape (n,)
        Infinite where the probability is 1.
    """
    hazards = np.concatenate([[0.0], np.geomspace(1e-6, 200.0, 160)])
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    found = np.empty(len(probability))
    for number in range(shocks.log_variances.shape[1]):
        variance = shocks.log_variances[:, number, None]
        factors = np.exp(np.sqrt(variance) * nodes - variance / 2)
        won = -np.expm1(-hazards[:, None, None] * factors)
        mean = (won @ (weights / weights.sum())).mean(axis=1)
        mine = shocks.owner_class[owner] == number
        found[mine] = np.interp(probability[mine], mean, hazards)
        found[mine & (probability > mean[-1])] = np.inf
    return found


def _classes(variance: Floats) -> tuple[Codes, Floats]:
    """Owners by how uncertain their own expectation is: class of each, and the typical variance of each class."""
    if not len(variance):
        return np.empty(0, dtype=np.int64), np.zeros(1)
    edges = np.quantile(variance, np.linspace(0, 1, _N_CLASSES + 1)[1:-1])
    found, classes = np.unique(np.searchsorted(edges, variance), return_inverse=True)
    return classes.astype(np.int64), np.bincount(classes, variance, len(found)) / np.bincount(classes)


def _points(sizes: ShockSizes, uniform: Floats) -> Codes:
    return np.minimum(np.searchsorted(np.cumsum(sizes.weight), uniform), len(sizes.weight) - 1).astype(np.int64)


def _log_variance(relative_variance: Floats) -> Floats:
    """Variance of the logarithm of a lognormal factor with mean 1."""
    return np.asarray(np.log1p(relative_variance))


def _key(name: str, random_state: int) -> Keys:
    return keys_of([name], "shock", random_state)
