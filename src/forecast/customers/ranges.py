"""80 % ranges of orders and of spend of each account, that agree with its probability of buying and its means."""

import numpy as np
from scipy.special import gammaincinv
from scipy.stats import norm

_STEPS = 60
#: Nobody orders oftener within a horizon.
_MOST_ORDERS = 20_000
#: Variance of spend as share of its squared mean; beyond it a range says nothing.
_MOST_SPREAD = 50.0


def order_quantiles(p_buys: np.ndarray, orders: np.ndarray, shape: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Quantiles of the number of orders, shape (n, n_quantiles).

    None with probability 1 - ``p_buys``; else a negative binomial of the given shape that is above 0, with the mean
    ``orders / p_buys``: the Poisson orders of a rate that is known as well as a gamma distribution of that shape says.

    Parameters
    ----------
    p_buys, orders, shape : arrays of shape (n,)
    quantiles : array of shape (n_quantiles,)
    """
    mean, p_positive = _positive_part(p_buys, orders, shape)
    none = (1 - p_buys)[:, None]
    place = np.clip((quantiles[None, :] - none) / np.maximum(p_buys, 1e-12)[:, None], 0.0, 1 - 1e-9)
    wanted = place * p_positive[:, None]
    found = np.column_stack([_smallest_count(column, mean, shape) for column in wanted.T])
    return np.asarray(np.where(quantiles[None, :] <= none, 0.0, found))


def _smallest_count(wanted: np.ndarray, mean: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Least k >= 1 at which the negative binomial's mass from 1 to k reaches ``wanted``, shape (n,).

    By the recurrence of the mass over k, all rows at once, which holds for the smallest means too.
    """
    found = np.ones(len(mean))
    rows = np.arange(len(mean))
    step = mean / (shape + mean)
    mass = np.exp(-shape * np.log1p(mean / shape)) * shape * step
    total = mass.copy()
    for k in range(1, _MOST_ORDERS):
        left = total < wanted[rows]
        rows, mass, total = rows[left], mass[left], total[left]
        if not len(rows):
            break
        mass = mass * (k + shape[rows]) / (k + 1) * step[rows]
        total = total + mass
        found[rows] = k + 1
    return found


def spend_quantiles(
    p_buys: np.ndarray,
    orders: np.ndarray,
    spend: np.ndarray,
    shape: np.ndarray,
    order_spread: tuple[np.ndarray, np.ndarray],
    quantiles: np.ndarray,
) -> np.ndarray:
    """Quantiles of spend, shape (n, n_quantiles): nothing with probability 1 - ``p_buys``, else of the right spread.

    Sums of gamma amounts over an unknown number of orders of an unknown mean lie between a gamma and a lognormal
    distribution of the same mean and variance: taken is the mean of both quantiles, which keeps the mean.

    Parameters
    ----------
    order_spread : two arrays of shape (n,)
        Variance of one order of an account and of its mean order, both as share of the squared mean order.
    """
    within, between = order_spread
    mean, p_positive = _positive_part(p_buys, orders, shape)
    count = mean / p_positive
    square = (mean + mean**2 * (1 + 1 / shape)) / p_positive  # E[Y²] of the positive part
    relative = (within / count + square / count**2) * (1 + between) - 1
    relative = np.clip(relative, 1e-9, _MOST_SPREAD)
    sigma, mean_spend = np.sqrt(np.log1p(relative)), spend / np.maximum(p_buys, 1e-12)
    place = (quantiles[None, :] - (1 - p_buys)[:, None]) / np.maximum(p_buys, 1e-12)[:, None]
    inside = np.clip(place, 1e-9, 1 - 1e-9)
    lognormal = np.exp(sigma[:, None] * norm.ppf(inside) - (sigma**2)[:, None] / 2)
    gamma = gammaincinv(1 / relative[:, None], inside) * relative[:, None]
    found = mean_spend[:, None] * (lognormal + gamma) / 2
    return np.asarray(np.where(place <= 0, 0.0, found))


def _positive_part(p_buys: np.ndarray, orders: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the negative binomial whose part above 0 has the mean ``orders / p_buys``, and its P(> 0)."""
    wanted = np.maximum(orders / np.maximum(p_buys, 1e-12), 1 + 1e-6)
    low, high = np.full(len(wanted), 1e-9), wanted.copy()
    for _ in range(_STEPS):  # the mean above 0 grows with the mean, so that halving finds it
        middle = np.sqrt(low * high)
        positive = -np.expm1(-shape * np.log1p(middle / shape))
        too_low = middle / positive < wanted
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return middle, -np.expm1(-shape * np.log1p(middle / shape))
