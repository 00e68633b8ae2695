"""When a case is won: discrete-time hazards of winning and of losing, competing, with censoring."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forecast.errors import InvalidInput

#: Days since the snapshot at which intervals end: short where most happens.
EDGES = (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 150, 180, 240, 300, 365, 450, 540, 730)

#: Cases that the pooled hazard is worth in a bucket of scores.
SHRINKAGE_CASES = 20.0

#: Distinct entities that a bucket of scores should hold.
MIN_BUCKET = 50


class TimingModel:
    """Cumulative incidence of a win by days since the snapshot, per bucket of win probability.

    In each interval the hazard of a win is wins / cases at risk, of a loss losses / cases at risk, where cases censored
    inside an interval count half (the life table); buckets are shrunk to the pooled hazards. With survival S,
    ``CI(h) = sum of S * win hazard`` up to h, linear inside intervals, so it never decreases [1]_.

    Parameters
    ----------
    n_buckets : int
        Most buckets of the score; fewer when entities are few.

    Attributes
    ----------
    edges_ : array of shape (n_edges + 1,)
        Days; begins with 0, ends where follow-up ends.
    limits_ : array of shape (n_buckets - 1,)
        Scores that separate the buckets.
    incidence_ : array of shape (n_buckets, n_edges + 1)
        Cumulative incidence of a win at the edges.
    supported_days_ : float
        Longest follow-up of any snapshot; beyond it nothing is known and the incidence stays flat.

    References
    ----------
    .. [1] Tutz & Schmid (2016), Modeling Discrete Time-to-Event Data, chapter 8.
    """

    def __init__(self, n_buckets: int = 16) -> None:
        self.n_buckets = n_buckets

    def fit(
        self,
        days: np.ndarray,
        event: Sequence[str] | np.ndarray,
        *,
        score: np.ndarray,
        groups: np.ndarray,
        horizons: Sequence[int] = (),
    ) -> "TimingModel":
        """Learn the hazards.

        Parameters
        ----------
        days : array of shape (n,)
            From the snapshot to the event, or to the end of follow-up.
        event : array of shape (n,)
            "won", "lost" or "" (censored).
        score : array of shape (n,)
            Win probability of the snapshot.
        groups : array of shape (n,)
            Entity of each row: many snapshots of one entity are worth one case.
        horizons : sequence of int
            Days that should be edges.

        Raises
        ------
        InvalidInput
            If there is no row.
        """
        days, event = np.asarray(days, dtype=float), np.asarray(event)
        if not len(days):
            raise InvalidInput("Timing needs at least one snapshot, got none.")
        self.supported_days_ = float(days.max())
        inner = sorted({float(edge) for edge in (*EDGES, *horizons) if 0 < edge < self.supported_days_})
        self.edges_ = np.array([0.0, *inner, max(self.supported_days_, 1.0)])
        n_entities = len(np.unique(groups))
        n_buckets = int(np.clip(n_entities // MIN_BUCKET, 1, self.n_buckets))
        self.limits_ = (
            np.unique(np.quantile(score, np.arange(1, n_buckets) / n_buckets)) if n_buckets > 1 else np.zeros(0)
        )
        cases = n_entities / len(days)
        wins, losses, at_risk = (counts * cases for counts in self._life_table(days, event, score))
        self.incidence_ = cumulative_incidence(_shrunk(wins, at_risk), _shrunk(losses, at_risk))
        return self

    def _life_table(
        self, days: np.ndarray, event: np.ndarray, score: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Wins, losses and cases at risk, each of shape (n_buckets, n_edges)."""
        shape = (len(self.limits_) + 1, len(self.edges_) - 1)
        interval = np.clip(np.searchsorted(self.edges_, days, side="left") - 1, 0, shape[1] - 1)
        cell = self.buckets(score) * shape[1] + interval
        wins, losses, everything = (
            np.bincount(cell, weights=which, minlength=shape[0] * shape[1]).reshape(shape)
            for which in ((event == "won").astype(float), (event == "lost").astype(float), np.ones(len(days)))
        )
        entered = everything[:, ::-1].cumsum(axis=1)[:, ::-1]
        return wins, losses, entered - (everything - wins - losses) / 2

    def buckets(self, score: np.ndarray) -> np.ndarray:
        """Bucket of each score, shape (n,)."""
        return np.searchsorted(self.limits_, score, side="right")

    def incidence(self, days: float | np.ndarray, score: np.ndarray, pace: np.ndarray | None = None) -> np.ndarray:
        """P(won within ``days``) by the hazards alone, shape (n,); never decreasing in ``days``.

        With ``pace`` each interval's wins count that much; the result is then a measure to take shares of.
        """
        return self._at(self._curves(score, pace), days)

    def share_by(
        self, days: float | np.ndarray, horizon: float, score: np.ndarray, pace: np.ndarray | None = None
    ) -> np.ndarray:
        """F(days | won within horizon), shape (n,), in 0 to 1; even over the horizon when no win was ever seen.

        Parameters
        ----------
        days : float or array of shape (n,)
        pace : array of shape (n, n_edges), optional
            Relative rate of wins in each interval ahead of each row: the season (`paces`).
        """
        curves, days = self._curves(score, pace), np.minimum(days, horizon)
        total, part = self._at(curves, horizon), self._at(curves, days)
        seen = total > 0
        return np.asarray(np.where(seen, part / np.where(seen, total, 1.0), np.clip(days / horizon, 0.0, 1.0)))

    def win_probability(
        self,
        days: float | np.ndarray,
        *,
        probability: np.ndarray,
        horizon: float,
        pace: np.ndarray | None = None,
    ) -> np.ndarray:
        """P(won within ``days``), consistent with ``probability`` = P(won within ``horizon``).

        Up to the horizon ``probability * F(days | won within horizon)``; beyond it the rest wins as the hazards say,
        ``probability + (1 - probability) * (CI(days) - CI(horizon)) / (1 - CI(horizon))``. Never decreasing in days.
        """
        at_horizon = self.incidence(horizon, probability)
        later = np.maximum(self.incidence(days, probability) - at_horizon, 0.0)
        rest = np.clip(later / np.maximum(1 - at_horizon, 1e-12), 0.0, 1.0)
        inside = probability * self.share_by(days, horizon, probability, pace)
        return np.asarray(np.where(np.asarray(days) <= horizon, inside, probability + (1 - probability) * rest))

    def days_to_win(self, quantile: float, score: np.ndarray, pace: np.ndarray | None = None) -> np.ndarray:
        """Days after which that share of the wins within follow-up have come, shape (n,).

        Half the follow-up where nothing was ever won.
        """
        curves = self._curves(score, pace)
        level = quantile * curves[:, -1]
        upper = np.clip((curves < level[:, None] - 1e-15).sum(axis=1), 1, curves.shape[1] - 1)
        row = np.arange(len(curves))
        below, above = curves[row, upper - 1], curves[row, upper]
        part = np.clip((level - below) / np.where(above > below, above - below, 1.0), 0.0, 1.0)
        days = self.edges_[upper - 1] + part * (self.edges_[upper] - self.edges_[upper - 1])
        return np.asarray(np.where(curves[:, -1] > 0, days, self.edges_[-1] / 2))

    def _curves(self, score: np.ndarray, pace: np.ndarray | None) -> np.ndarray:
        """Incidence of each row at the edges, shape (n, n_edges + 1)."""
        own = self.incidence_[self.buckets(score)]
        if pace is None:
            return np.asarray(own)
        return np.column_stack([np.zeros(len(own)), np.cumsum(np.diff(own, axis=1) * pace, axis=1)])

    def _at(self, curves: np.ndarray, days: float | np.ndarray) -> np.ndarray:
        """Each row's curve at its day, linear between edges."""
        days = np.clip(np.broadcast_to(np.asarray(days, dtype=float), len(curves)), 0.0, self.edges_[-1])
        upper = np.clip(np.searchsorted(self.edges_, days, side="left"), 1, len(self.edges_) - 1)
        start, row = self.edges_[upper - 1], np.arange(len(curves))
        part = (days - start) / (self.edges_[upper] - start)
        return np.asarray(curves[row, upper - 1] + part * (curves[row, upper] - curves[row, upper - 1]))

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "n_buckets": self.n_buckets,
            "supported_days": self.supported_days_,
            "edges": self.edges_.tolist(),
            "limits": self.limits_.tolist(),
            "incidence": self.incidence_.tolist(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "TimingModel":
        """The fitted model that `to_state` described."""
        model = cls(state["n_buckets"])
        model.supported_days_ = float(state["supported_days"])
        model.edges_ = np.array(state["edges"])
        model.limits_ = np.array(state["limits"], dtype=float)
        model.incidence_ = np.array(state["incidence"])
        return model


def _shrunk(events: np.ndarray, at_risk: np.ndarray) -> np.ndarray:
    """Hazards per bucket and interval, shrunk to the pooled hazard of the interval."""
    pooled_at_risk = at_risk.sum(axis=0)
    pooled = events.sum(axis=0) / np.where(pooled_at_risk > 0, pooled_at_risk, 1.0)
    return np.asarray((events + SHRINKAGE_CASES * pooled) / (at_risk + SHRINKAGE_CASES))


def cumulative_incidence(win_hazard: np.ndarray, loss_hazard: np.ndarray) -> np.ndarray:
    """Aalen-Johansen in discrete time.

    Parameters
    ----------
    win_hazard, loss_hazard : arrays of shape (n_buckets, n_intervals)
        Probability of the event in the interval, given neither happened before; their sum is at most 1.

    Returns
    -------
    array of shape (n_buckets, n_intervals + 1)
        Starts at 0, never decreases, at most 1.
    """
    survival = np.cumprod(1 - np.minimum(win_hazard + loss_hazard, 1.0), axis=1)
    before = np.column_stack([np.ones(len(survival)), survival[:, :-1]])
    return np.column_stack([np.zeros(len(survival)), np.cumsum(before * win_hazard, axis=1)])
