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
_MAX_STEPS = 50


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
    n_intervals, d = days.shape[1], design.shape[1]
    happened = interval >= 0
    per_interval = np.bincount(interval[happened], minlength=n_intervals).astype(float)
    per_column = design[happened].sum(axis=0)
    prior = np.log((happened.sum() + 0.5) / (days.sum() + 1e-9))
    precision = np.concatenate([np.full(n_intervals, 1 / _AGE_VARIANCE), np.full(d, 1 / PRIOR_VARIANCE)])
    start = np.concatenate([np.full(n_intervals, prior), np.zeros(d)])
    events = np.concatenate([per_interval, per_column])

    def loss(theta: Floats) -> tuple[float, Floats, Floats]:
        relative = np.exp(np.clip(design @ theta[n_intervals:], -30, 30))
        rates = np.exp(np.clip(theta[:n_intervals], -60, 30))
        off = theta - start
        by_case = relative * (days @ rates)
        return float(by_case.sum() - events @ theta + 0.5 * precision @ off**2), relative, rates

    theta, step = start.copy(), np.inf
    value, relative, rates = loss(theta)
    for _ in range(_MAX_STEPS):
        cells = days * rates * relative[:, None]
        by_case = cells.sum(axis=1)
        gradient = np.concatenate([cells.sum(axis=0), design.T @ by_case]) - events + precision * (theta - start)
        hessian = np.diag(precision)
        hessian[:n_intervals, :n_intervals] += np.diag(cells.sum(axis=0))
        cross = design.T @ cells
        hessian[n_intervals:, :n_intervals] += cross
        hessian[:n_intervals, n_intervals:] += cross.T
        hessian[n_intervals:, n_intervals:] += design.T @ (design * by_case[:, None])
        direction = cho_solve(cho_factor(hessian), gradient)
        step = 1.0
        while step > 1e-4:
            tried = theta - step * direction
            new_value, new_relative, new_rates = loss(tried)
            if new_value <= value:
                break
            step /= 2
        else:
            break
        gained, theta, value, relative, rates = value - new_value, tried, new_value, new_relative, new_rates
        if gained < 1e-6 * (1 + abs(value)):
            break
    return Hazard(theta[:n_intervals], theta[n_intervals:])


def success_probability(
    success: Hazard, failure: Hazard, edges: Floats, design: Floats, age_from: Floats, age_to: Floats
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

    Returns
    -------
    array of shape (n,), in [0, 1]; 0 where the span is empty.
    """
    days = time_in(edges, age_from, age_to)
    wins = np.exp(success.by_age + (design @ success.effects)[:, None])
    total = wins + np.exp(failure.by_age + (design @ failure.effects)[:, None])
    spent = total * days
    before = np.cumsum(spent, axis=1) - spent
    chance = np.exp(-before) * wins / total * -np.expm1(-spent)
    return np.asarray(np.clip(chance.sum(axis=1), 0.0, 1.0))
