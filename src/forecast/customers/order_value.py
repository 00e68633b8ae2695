"""Gamma-Gamma: what an order of each account is worth, shrunk to what orders of all accounts are worth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

#: The shape ``q`` of the rates between accounts stays above this: the mean order is infinite at 1.
_LEAST_Q = 1.2
_FIT_ACCOUNTS = 100_000


@dataclass(frozen=True)
class OrderValue:
    """The Gamma-Gamma model [1]_: orders of an account are Gamma(p, nu), nu ~ Gamma(q, gamma) over accounts.

    References
    ----------
    .. [1] Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value. http://www.brucehardie.com/notes/025/
    """

    p: float
    q: float
    gamma: float

    @classmethod
    def fit(cls, n_orders: np.ndarray, mean_amount: np.ndarray) -> "OrderValue":
        """Maximum likelihood over the accounts whose mean amount is above 0.

        Parameters
        ----------
        n_orders : array of shape (n,)
            Orders behind each mean.
        mean_amount : array of shape (n,)
            In money.
        """
        use = (n_orders > 0) & (mean_amount > 0) & np.isfinite(mean_amount)
        x, m = n_orders[use].astype(float), mean_amount[use].astype(float)
        if len(x) < 2 or np.ptp(m) == 0:
            typical = float(m.mean()) if len(m) else 0.0
            return cls(1.0, 2.0, typical)
        if len(x) > _FIT_ACCOUNTS:
            chosen = np.random.default_rng(0).choice(len(x), _FIT_ACCOUNTS, replace=False)
            x, m = x[chosen], m[chosen]
        scale = float(np.exp(np.log(m).mean()))
        bounds = [(-5.0, 8.0), (np.log(_LEAST_Q), 8.0), (-8.0, 12.0)]
        found = minimize(
            _loss, np.log([2.0, 3.0, 3.0]), args=(x, m / scale), jac=True, method="L-BFGS-B", bounds=bounds,
            options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-6},
        )  # fmt: skip
        p, q, gamma = np.exp(found.x)
        return cls(float(p), float(q), float(gamma * scale))

    def mean(self, n_orders: np.ndarray, mean_amount: np.ndarray) -> np.ndarray:
        """Expected amount of one more order of each account, shape (n,); the population's where it has no orders."""
        x = np.where(mean_amount > 0, n_orders, 0)
        total = np.where(x > 0, x * mean_amount, 0.0)
        return np.asarray(self.p * (self.gamma + total) / (self.p * x + self.q - 1))

    def spread(self, n_orders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Variances as share of the squared mean: of one order of an account, and of what its mean order may be.

        Each of shape (n,); the second at most 1, which says that nothing is known.
        """
        known = self.q + self.p * n_orders - 2
        return np.full(len(n_orders), 1 / self.p), np.where(known > 1, 1 / np.maximum(known, 1e-9), 1.0)

    def to_state(self) -> dict[str, float]:
        """Plain JSON values."""
        return {"p": self.p, "q": self.q, "gamma": self.gamma}

    @classmethod
    def from_state(cls, state: Mapping[str, float]) -> "OrderValue":
        """The model that `to_state` described."""
        return cls(**state)


def _loss(log_parameters: np.ndarray, x: np.ndarray, m: np.ndarray) -> tuple[float, np.ndarray]:
    """Negative log-likelihood and its gradient with respect to log p, log q, log gamma; ``m`` in a unit near 1."""
    p, q, gamma = np.exp(log_parameters)
    whole = np.log(gamma + m * x)
    value = (
        gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma) + (p * x - 1) * np.log(m)
        + p * x * np.log(x) - (p * x + q) * whole
    ).sum()  # fmt: skip
    d_p = (x * (digamma(p * x + q) - digamma(p * x) + np.log(m) + np.log(x) - whole)).sum()
    d_q = (digamma(p * x + q) - digamma(q) + np.log(gamma) - whole).sum()
    d_gamma = (q / gamma - (p * x + q) / (gamma + m * x)).sum()
    return float(-value), -np.array([d_p * p, d_q * q, d_gamma * gamma])
