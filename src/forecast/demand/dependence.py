"""How errors go together: over the steps of a forecast, and between series; joint ranks that do the same."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from forecast.demand.matrix import Floats

#: What series have in common is seen once a window only: each series' own persistence counts as so many windows of it.
PRIOR_WINDOWS = 3.0
_ALONG: Floats = np.arange(20) / 20
_MAX_LASTING = 0.9
_MAX_ACROSS = 0.9


@dataclass(frozen=True)
class Persistence:
    """Correlation of errors of one forecast, ``k`` steps apart: ``lasting + (1 - lasting) * along**k``.

    Attributes
    ----------
    along : float
        What is left of an error from one step to the next.
    lasting : float
        Share that stays for all steps, as where the level is wrong.
    """

    along: float = 0.5
    lasting: float = 0.0

    @classmethod
    def fit(cls, correlation: Floats, weight: Floats) -> "Persistence":
        """By weighted least squares from the correlations at lags 1, 2, ...; the default where none is known."""
        known = weight > 0
        if not known.any():
            return cls()
        found = []
        for along in _ALONG:
            decay = along ** np.arange(1, len(weight) + 1)[known]
            rest, free, weights = correlation[known] - decay, 1 - decay, weight[known]
            lasting = float(np.clip((weights * rest * free).sum() / (weights * free**2).sum(), 0, _MAX_LASTING))
            found.append(((weights * (rest - lasting * free) ** 2).sum(), float(along), lasting))
        return cls(*min(found)[1:])

    def noise(self, rng: np.random.Generator, n_series: int, horizon: int) -> Floats:
        """Standard normal noise with this correlation over steps, shape (n_series, horizon)."""
        noise = rng.standard_normal((n_series, horizon))
        for step in range(1, horizon):
            noise[:, step] = self.along * noise[:, step - 1] + np.sqrt(1 - self.along**2) * noise[:, step]
        level = rng.standard_normal((n_series, 1))
        return np.asarray(np.sqrt(self.lasting) * level + np.sqrt(1 - self.lasting) * noise)


@dataclass(frozen=True)
class Dependence:
    """Correlation of the normal scores of errors: a part that all series share, and one of their own.

    Attributes
    ----------
    across : float
        Share of the common part: correlation of two series at the same step.
    own, shared : Persistence
    """

    across: float = 0.0
    own: Persistence = field(default_factory=Persistence)
    shared: Persistence = field(default_factory=Persistence)

    @classmethod
    def fit(cls, scores: Floats, window: NDArray[np.int64]) -> "Dependence":
        """Learn from past windows.

        Parameters
        ----------
        scores : array of shape (n_cases, horizon)
            Normal scores of errors; NaN where unknown.
        window : int array of shape (n_cases,)

        Notes
        -----
        Products of two series of a window tell the common part, products of a series with itself both parts.
        """
        horizon = scores.shape[1]
        names, codes = np.unique(window, return_inverse=True)
        known = ~np.isnan(scores)
        value = np.where(known, scores, 0.0)
        sums, counts = (_by_window(part, codes, len(names)) for part in (value, known.astype(float)))
        total, shared, weight = np.zeros(horizon), np.zeros(horizon), np.zeros(horizon)
        for lag in range(horizon):
            now, later = slice(0, horizon - lag), slice(lag, horizon)
            same, n_same = ((part[:, now] * part[:, later]).sum() for part in (value, known))
            all_pairs, n_all = ((part[:, now] * part[:, later]).sum() for part in (sums, counts))
            total[lag], shared[lag] = same / max(n_same, 1), (all_pairs - same) / max(n_all - n_same, 1)
            weight[lag] = n_same
        if not total[0] > shared[0]:
            return cls()
        own = (total - shared)[1:] / (total[0] - shared[0])
        together = shared[1:] / shared[0] if shared[0] > 0 else own
        blended = (len(names) * together + PRIOR_WINDOWS * own) / (len(names) + PRIOR_WINDOWS)
        across = float(np.clip(shared[0] / total[0], 0, _MAX_ACROSS))
        return cls(across, Persistence.fit(own, weight[1:]), Persistence.fit(blended, weight[1:]))

    def ranks(self, rng: np.random.Generator, n_series: int, horizon: int) -> Floats:
        """Joint ranks of one future of all series, each uniform in (0, 1); shape (n_series, horizon)."""
        shared = self.shared.noise(rng, 1, horizon)
        own = self.own.noise(rng, n_series, horizon)
        return np.asarray(norm.cdf(np.sqrt(self.across) * shared + np.sqrt(1 - self.across) * own))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for a file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> "Dependence":
        """The inverse of `to_dict`."""
        return cls(state["across"], Persistence(**state["own"]), Persistence(**state["shared"]))


def _by_window(values: Floats, codes: NDArray[np.intp], n_windows: int) -> Floats:
    sums = np.zeros((n_windows, values.shape[1]))
    np.add.at(sums, codes, values)
    return sums
