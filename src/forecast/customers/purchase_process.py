"""BG/NBD: customers who buy at a rate of their own until they leave; fitted by maximum likelihood."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from scipy.special import betaln, digamma, expit, gammaln, hyp2f1
from scipy.stats import nbinom

from forecast.errors import NotEnoughHistory

#: Logarithms of parameters stay inside; at the edges the likelihood is flat.
_LOG_BOUNDS = (-10.0, 10.0)
#: With a and b beyond e^5 all accounts leave alike.
_LOG_LEAVING_BOUNDS = (-10.0, 5.0)
#: A likelihood better by less than this does not show that anybody leaves.
_LEAVING_GAIN = 0.5
#: More accounts than these tell four parameters nothing new.
_FIT_ACCOUNTS = 100_000


@dataclass(frozen=True)
class History:
    """What the process knows of each account; time is in weeks since its first order.

    Attributes
    ----------
    repeats : array of shape (n,)
        Orders after the first, ``x``.
    last : array of shape (n,)
        Time of the last order, ``t_x``; 0 without repeats.
    age : array of shape (n,)
        Time that the account was watched, ``T >= last``.
    """

    repeats: np.ndarray
    last: np.ndarray
    age: np.ndarray


@dataclass(frozen=True)
class PurchaseProcess:
    """The BG/NBD model [1]_: orders at a rate ~ Gamma(r, alpha); after each the account leaves with p ~ Beta(a, b).

    With ``a`` = 0 nobody leaves, and it is the NBD of [2]_.

    References
    ----------
    .. [1] Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model.
       Marketing Science 24(2).
    .. [2] Ehrenberg (1959), The Pattern of Consumer Purchases. Applied Statistics 8(1).
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = float("nan")

    @classmethod
    def fit(cls, history: History) -> "PurchaseProcess":
        """Maximum likelihood; nobody leaves where leaving explains nothing.

        Raises
        ------
        NotEnoughHistory
            If no account ordered twice.
        """
        if not (history.repeats > 0).any():
            raise NotEnoughHistory("No account ordered on two days, so that nothing is known of how often they order.")
        rows, weight = _distinct(history)
        rate = (history.repeats.sum() + 1) / (history.age.sum() + 1)
        start = np.log([0.5, np.clip(0.5 / rate, 1e-3, 1e3), 0.5, 2.0])
        leaving = _maximise(_bgnbd, start, rows, weight)
        staying = _maximise(_nbd, leaving.x[:2], rows, weight)
        if -leaving.fun < -staying.fun + _LEAVING_GAIN:
            r, alpha = np.exp(staying.x)
            return cls(float(r), float(alpha), 0.0, 1.0, float(-staying.fun))
        r, alpha, a, b = np.exp(leaving.x)
        return cls(float(r), float(alpha), float(a), float(b), float(-leaving.fun))

    @property
    def somebody_leaves(self) -> bool:
        """Whether accounts leave."""
        return self.a > 0

    def p_alive(self, history: History) -> np.ndarray:
        """Probability that the account has not left, shape (n,); 1 before its second order."""
        if not self.somebody_leaves:
            return np.ones(len(history.age))
        _, odds = _log_terms(np.array([self.r, self.alpha, self.a, self.b]), history)
        return np.asarray(expit(-odds))

    def rate(self, history: History) -> np.ndarray:
        """Expected orders per week while it stays, shape (n,)."""
        return np.asarray((self.r + history.repeats) / (self.alpha + history.age))

    def expected_orders(self, history: History, weeks: float | np.ndarray) -> np.ndarray:
        """Expected number of orders within the next ``weeks``, shape (n,).

        Equation 10 of the paper; where its hypergeometric function would grow without bound, in accounts with many
        orders, by Euler's transformation of it.
        """
        if not self.somebody_leaves:
            return np.asarray(self.rate(history) * weeks)
        a = self.a + 1e-6 * (abs(self.a - 1) < 1e-6)
        c = a + self.b + history.repeats - 1
        c = np.where(np.abs(c) < 1e-6, 1e-6, c)
        z = weeks / (self.alpha + history.age + weeks)
        shape = self.r + history.repeats
        few = shape < a - 1
        power = np.where(few, shape, a - 1)
        first = np.where(few, shape, a + self.b - 1 - self.r)
        second = np.where(few, self.b + history.repeats, a - 1)
        inner = (1 - z) ** power * hyp2f1(first, second, c, z)
        return np.asarray(np.maximum(c / (a - 1) * (1 - inner), 0.0) * self.p_alive(history))

    def p_buys(self, history: History, weeks: float | np.ndarray) -> np.ndarray:
        """Probability of at least one order within the next ``weeks``, shape (n,)."""
        none = ((self.alpha + history.age) / (self.alpha + history.age + weeks)) ** (self.r + history.repeats)
        return np.asarray(self.p_alive(history) * (1 - none))

    def p_buys_slowing(self, history: History, weeks: float | np.ndarray) -> np.ndarray:
        """Probability of at least one order when accounts may also slow down, shape (n,): between two readings.

        The process knows accounts as active as ever or gone, and counts frequent ones that fell silent as gone, of
        which many come back. The mean of `p_buys` and of the chance when every account goes on at a rate that was
        thinned to give `expected_orders`; equal where nobody leaves.
        """
        shape = self.r + history.repeats
        thinned = -np.expm1(-shape * np.log1p(self.expected_orders(history, weeks) / shape))
        return np.asarray((self.p_buys(history, weeks) + thinned) / 2)

    def pmf(self, history: History, weeks: float, n_orders: int) -> np.ndarray:
        """P(exactly k orders within the next ``weeks``) for k = 0 … ``n_orders`` - 1, shape (n, n_orders).

        An account that is there orders k times and stays, or leaves after its k-th order.
        """
        shape, scale = self.r + history.repeats[:, None], self.alpha + history.age[:, None]
        k = np.arange(n_orders)[None, :]
        counts = nbinom(shape, scale / (scale + weeks))
        exactly = counts.pmf(k)
        if not self.somebody_leaves:
            return np.asarray(exactly)
        b = self.b + history.repeats[:, None]
        stays = np.exp(betaln(self.a, b + k) - betaln(self.a, b))
        goes = np.exp(betaln(self.a + 1, np.maximum(b + k - 1, 1e-9)) - betaln(self.a, b)) * (k > 0)
        alive = self.p_alive(history)[:, None]
        found = alive * (stays * exactly + goes * counts.sf(k - 1))
        found[:, 0] += 1 - alive[:, 0]
        return np.asarray(found)

    def to_state(self) -> dict[str, float]:
        """Plain JSON values."""
        return {name: getattr(self, name) for name in ("r", "alpha", "a", "b", "log_likelihood")}

    @classmethod
    def from_state(cls, state: Mapping[str, float]) -> "PurchaseProcess":
        """The process that `to_state` described."""
        return cls(**state)


def _distinct(history: History) -> tuple[History, np.ndarray]:
    """Equal accounts once, with their number: most have ordered once."""
    table = np.column_stack([history.repeats, history.last, history.age]).astype(float)
    if len(table) > _FIT_ACCOUNTS:
        table = table[np.random.default_rng(0).choice(len(table), _FIT_ACCOUNTS, replace=False)]
    rows, weight = np.unique(table, axis=0, return_counts=True)
    return History(rows[:, 0], rows[:, 1], rows[:, 2]), weight.astype(float)


def _maximise(
    loss: Callable[[np.ndarray, History, np.ndarray], tuple[float, np.ndarray]],
    start: np.ndarray,
    rows: History,
    weight: np.ndarray,
) -> OptimizeResult:
    bounds = [_LOG_BOUNDS] * 2 + [_LOG_LEAVING_BOUNDS] * (len(start) - 2)
    options = {"maxiter": 500, "ftol": 1e-14, "gtol": 1e-6}
    return minimize(loss, start, args=(rows, weight), jac=True, method="L-BFGS-B", bounds=bounds, options=options)


def _log_terms(parameters: np.ndarray, history: History) -> tuple[np.ndarray, np.ndarray]:
    """Log of the likelihood's part while still there, and log-odds of having left, each shape (n,)."""
    r, alpha, a, b = parameters
    x = history.repeats
    there = -(r + x) * np.log(alpha + history.age)
    with np.errstate(divide="ignore", invalid="ignore"):
        gone = np.log(a) - np.log(b + x - 1) - (r + x) * np.log(alpha + history.last)
    return there, np.where(x > 0, gone - there, -np.inf)


def _bgnbd(log_parameters: np.ndarray, history: History, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """Negative log-likelihood and its gradient with respect to log r, log alpha, log a, log b."""
    parameters = np.exp(log_parameters)
    r, alpha, a, b = parameters
    x, last, age = history.repeats, history.last, history.age
    there, odds = _log_terms(parameters, history)
    gone, stays = expit(odds), expit(-odds)
    rest = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
    value = weight @ (rest + there + np.logaddexp(0.0, odds))
    mean_log = stays * np.log(alpha + age) + gone * np.log(alpha + last)
    d_r = digamma(r + x) - digamma(r) + np.log(alpha) - mean_log
    d_alpha = r / alpha - (r + x) * (stays / (alpha + age) + gone / (alpha + last))
    both = digamma(a + b) - digamma(a + b + x)
    d_a = both + gone / a
    d_b = both + digamma(b + x) - digamma(b) - np.where(x > 0, gone / np.maximum(b + x - 1, 1e-12), 0.0)
    gradient = np.array([weight @ part for part in (d_r, d_alpha, d_a, d_b)]) * parameters
    return float(-value), -gradient


def _nbd(log_parameters: np.ndarray, history: History, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """Negative log-likelihood of the process without leaving, and its gradient."""
    r, alpha = np.exp(log_parameters)
    x, age = history.repeats, history.age
    value = weight @ (gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + age))
    d_r = weight @ (digamma(r + x) - digamma(r) + np.log(alpha) - np.log(alpha + age))
    d_alpha = weight @ (r / alpha - (r + x) / (alpha + age))
    return float(-value), -np.array([d_r * r, d_alpha * alpha])
