"""How fast cases succeed or fail by age and by what was known of them: competing piecewise-constant hazards."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from forecast.conversion.encoding import TableEncoder
from forecast.conversion.linear import fit_scale

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Age intervals, by quantiles of the ages at which cases ended.
N_INTERVALS = 8
#: Prior variance of a coefficient of a robustly scaled number or of a level: most effects are a factor of up to two.
PRIOR_VARIANCE = 0.25
#: Prior variance of an interval's log hazard about that of all ages.
_AGE_VARIANCE = 4.0
_MAX_STEPS, _MAX_HALVINGS, _TOLERANCE = 50, 12, 1e-6


def design_of(X: pd.DataFrame) -> Floats:
    """Columns that a log hazard is linear in: scaled numbers and their squares, missing flags, levels; all centred.

    It looks at no outcome, so that it may see everybody's cases.

    Parameters
    ----------
    X : DataFrame of shape (n, k)
        Numbers, categories, yes/no, moments; missing values as they come.

    Returns
    -------
    array of shape (n, d)
        Without constant columns; d may be 0.
    """
    if X.empty or not X.shape[1]:
        return np.zeros((len(X), 0))
    encoder = TableEncoder().fit(X)
    matrix = encoder.transform(X)
    parts: list[Floats] = []
    for values, column in zip(matrix.T, encoder.columns, strict=True):
        missing = np.isnan(values)
        if column.kind == "category":
            codes = np.where(missing, -1.0, values)
            parts += [(codes == level).astype(float) for level in range(-1, len(column.levels) + 1)]
        else:
            scaled = np.where(missing, 0.0, fit_scale(values).apply(values))
            parts += [scaled, scaled**2 / 2, missing.astype(float)]
    design = np.column_stack(parts) if parts else np.zeros((len(X), 0))
    centred = design - design.mean(axis=0)
    return np.asarray(centred[:, centred.any(axis=0)])


def age_edges(ended_ages: Floats) -> Floats:
    """Limits of the age intervals, from 0 to infinity, shape (n_intervals + 1,)."""
    inner = np.quantile(ended_ages, np.arange(1, N_INTERVALS) / N_INTERVALS) if len(ended_ages) else np.empty(0)
    return np.concatenate([[0.0], np.unique(inner[inner > 0]), [np.inf]])


def time_in(edges: Floats, age_from: Floats, age_to: Floats) -> Floats:
    """Days of each span that lie in each age interval, shape (n, n_intervals)."""
    limits = np.clip(np.broadcast_to(edges, (len(age_to), len(edges))), age_from[:, None], age_to[:, None])
    return np.asarray(np.diff(limits, axis=1))


@dataclass(frozen=True)
class Hazard:
    """Hazard per day ``exp(by_age[j] + design @ effects)`` of one kind of ending.

    Attributes
    ----------
    by_age : array of shape (n_intervals,)
        Log hazards at the mean of the design.
    effects : array of shape (d,)
    """

    by_age: Floats
    effects: Floats


def fit_hazard(design: Floats, days: Floats, interval: Codes) -> Hazard:
    """Penalised maximum likelihood of a piecewise exponential model, by Newton's method.

    The likelihood is that of a Poisson regression over (case, interval) with the days at risk as exposure [1]_; the
    sums over intervals are taken before the products of columns, so that the cost does not grow with the intervals.

    Parameters
    ----------
    design : array of shape (n, d)
    days : array of shape (n, n_intervals)
        At risk in each age interval.
    interval : int array of shape (n,)
        In which the ending came; -1 where it did not.

    Returns
    -------
    Hazard

    References
    ----------
    .. [1] Friedman (1982), Piecewise exponential models for survival data with covariates. Ann. Statist. 10(1).
    """
    posterior = _Posterior(design, days, interval)
    theta = posterior.start
    value = posterior.loss(theta)
    for _ in range(_MAX_STEPS):
        direction = posterior.newton_direction(theta)
        tried, new_value = theta, value
        for halvings in range(_MAX_HALVINGS):
            tried = theta - direction / 2**halvings
            new_value = posterior.loss(tried)
            if new_value <= value:
                break
        if new_value >= value - _TOLERANCE * (1 + abs(value)):
            break
        theta, value = tried, new_value
    return Hazard(*np.split(theta, [days.shape[1]]))


class _Posterior:
    """Negative log posterior of (log hazards by age, effects); effects are normal about 0, ages about their pool."""

    def __init__(self, design: Floats, days: Floats, interval: Codes) -> None:
        happened = interval >= 0
        self.design, self.days, self.n = design, days, days.shape[1]
        per_interval = np.bincount(interval[happened], minlength=self.n).astype(float)
        self.events = np.concatenate([per_interval, design[happened].sum(axis=0)])
        pooled = np.log((happened.sum() + 0.5) / (days.sum() + 1e-9))
        self.start = np.concatenate([np.full(self.n, pooled), np.zeros(design.shape[1])])
        variance = [np.full(self.n, _AGE_VARIANCE), np.full(design.shape[1], PRIOR_VARIANCE)]
        self.precision = 1 / np.concatenate(variance)

    def _expected(self, theta: Floats) -> Floats:
        """Expected endings of each case in each interval."""
        relative = np.exp(np.clip(self.design @ theta[self.n :], -30, 30))
        return np.asarray(self.days * np.exp(np.clip(theta[: self.n], -60, 30)) * relative[:, None])

    def loss(self, theta: Floats) -> float:
        off = theta - self.start
        return float(self._expected(theta).sum() - self.events @ theta + 0.5 * self.precision @ off**2)

    def newton_direction(self, theta: Floats) -> Floats:
        cells, n = self._expected(theta), self.n
        by_age, by_case = cells.sum(axis=0), cells.sum(axis=1)
        cross = self.design.T @ cells
        hessian = np.diag(self.precision)
        hessian[:n, :n] += np.diag(by_age)
        hessian[n:, :n], hessian[:n, n:] = cross, cross.T
        hessian[n:, n:] += self.design.T @ (self.design * by_case[:, None])
        expected = np.concatenate([by_age, self.design.T @ by_case])
        gradient = expected - self.events + self.precision * (theta - self.start)
        return np.asarray(cho_solve(cho_factor(hessian), gradient))


def success_probability(
    success: Hazard,
    failure: Hazard,
    edges: Floats,
    design: Floats,
    age_from: Floats,
    age_to: Floats,
    *,
    row: Codes | None = None,
) -> Floats:
    """P(success between two ages | neither ending before the first): the cumulative incidence of a span.

    ``Σ_j exp(-H_j) · λ_j / (λ_j + μ_j) · (1 - exp(-(λ_j + μ_j) t_j))`` over age intervals with t_j days each, hazards
    λ of a success and μ of a failure, and both hazards' sum H_j over the days before.

    Parameters
    ----------
    success, failure : Hazard
    edges : array of shape (n_intervals + 1,)
    design : array of shape (n, d)
    age_from, age_to : arrays of shape (n,), in days
    row : int array of shape (n,), optional
        Row of the design for each span, where cases have several.

    Returns
    -------
    array of shape (n,), in [0, 1]; 0 where the span is empty.
    """
    days = time_in(edges, age_from, age_to)
    rows = slice(None) if row is None else row
    wins = np.exp(success.by_age + (design @ success.effects)[rows, None])
    total = wins + np.exp(failure.by_age + (design @ failure.effects)[rows, None])
    spent = total * days
    before = np.cumsum(spent, axis=1) - spent
    chance = np.exp(-before) * wins / total * -np.expm1(-spent)
    return np.asarray(np.clip(chance.sum(axis=1), 0.0, 1.0))
