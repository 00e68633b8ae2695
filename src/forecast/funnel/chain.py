"""The whole funnel: from entry to a win through every stage, over time and in the long run."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.funnel.incidence import Estimate, followed_days, share_interval, weighted_shares

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Two moves of a case at one recorded moment still happened one after the other: by this part of a day (0.1 s).
_APART = 1e-6


@dataclass(frozen=True)
class Occupation:
    """Where cases are, by days since they began: the multi-state estimate of Aalen and Johansen [1]_.

    Attributes
    ----------
    days : array of shape (m,)
        Ages at which somebody moved, ascending.
    share : array of shape (m, n_stages + 2)
        P(in the stage, won, lost) just after; rows sum to 1.
    n : int
        Cases that began.
    followed_days : float
        Up to which age the follow-up supports statements.
    begin : array of shape (n_stages + 2,)
        Share of the cases that begin in each stage.
    steps : array of shape (m, n_stages + 2, n_stages + 2)
        Estimated chance of each move at each age, given the stage just before.
    at_risk : array of shape (m, n_stages + 2)
        Cases that were followed in each stage just before.

    References
    ----------
    .. [1] Aalen & Johansen (1978), Scandinavian Journal of Statistics 5. Right also where the next move depends on the
       past, as long as follow-up ends independently of it: Datta & Satten (2001), Statistics & Probability Letters 55.
    """

    days: Floats
    share: Floats
    n: int
    followed_days: float
    begin: Floats
    steps: Floats
    at_risk: Floats

    def _place(self, day: float) -> int:
        return int(np.searchsorted(self.days, day, side="right")) - 1

    @property
    def _is_complete(self) -> bool:
        """Whether nobody is left to wait for."""
        return bool(len(self.share) and self.share[self._place(self.followed_days), :-2].sum() < 1e-12)

    def share_at(self, day: float) -> Floats:
        """P(in each stage, won, lost) ``day`` days after the beginning; NaN beyond the follow-up."""
        if not self.n or (day > self.followed_days and not self._is_complete):
            return np.full(self.share.shape[1], np.nan)
        place = self._place(day)
        return self.share[place] if place >= 0 else self.begin

    def won_at(self, day: float, level: float = 80.0) -> Estimate:
        """P(won within ``day`` days of the beginning) with its interval on the log(-log) scale.

        The variance is Greenwood's for the product integral (Andersen, Borgan, Gill & Keiding 1993, IV.4.1.3).
        """
        value = float(self.share_at(day)[-2])
        if not np.isfinite(value):
            return Estimate(np.nan, np.nan, np.nan)
        return share_interval(value, self._variance(day), self.n, level)

    def _variance(self, day: float) -> float:
        stop = self._place(day) + 1
        if not stop:
            return 0.0
        size = self.share.shape[1]
        steps = self.steps[:stop]
        before = np.vstack([self.begin, self.share[: stop - 1]])
        # P(won by the day | in the stage just after each move): products from the right, of transposes from the left
        rest = _running_products(np.swapaxes(steps[1:][::-1], 1, 2)) if stop > 1 else np.empty((0, size, size))
        won = np.eye(size)[-2]
        later = np.vstack([won, won @ rest])[::-1]
        moves = steps - np.eye(size)
        gain = later[:, None, :] - later[:, :, None]  # [move, from, to]
        off = moves * (1 - np.eye(size))
        spread = (off * gain**2).sum(axis=2) - (off * gain).sum(axis=2) ** 2
        at_risk = self.at_risk[:stop]
        per_stage = np.divide(spread, at_risk, out=np.zeros_like(spread), where=at_risk > 0)
        return float(max((before**2 * per_stage).sum(), 0.0))


def occupation(visits: pd.DataFrame, n_stages: int) -> Occupation:
    """Multi-state estimate from stays of cases that were watched from their beginning.

    Parameters
    ----------
    visits : DataFrame
        All stays of the cases: ``case_id``, ``visit`` (from 1), ``position``, ``entered``, ``days``, ``ending``,
        ``next_position``, ``born``.
    n_stages : int
    """
    size = n_stages + 2
    step = visits.groupby("case_id", sort=False).cumcount().to_numpy()
    entry = (visits["entered"] - visits["born"]).dt.total_seconds().to_numpy() / 86400
    entry = np.maximum(entry, 0.0) + _APART * step
    leaving = np.maximum(entry - _APART * step + visits["days"].to_numpy(), 0.0) + _APART * (step + 1)
    position = visits["position"].to_numpy(np.int64)
    target = destinations(visits, n_stages)
    n = int(visits["case_id"].nunique())
    first = position[step == 0]
    begin = np.zeros(size)
    begin[:n_stages] = np.bincount(first, minlength=n_stages) / max(n, 1)
    days, place = np.unique(leaving[target >= 0], return_inverse=True)
    moved = np.zeros((len(days), size, size))
    np.add.at(moved, (place, position[target >= 0], target[target >= 0]), 1.0)
    at_risk = np.zeros((len(days), size))
    for stage in range(n_stages):
        here = position == stage
        entered, left = np.sort(entry[here]), np.sort(leaving[here])
        at_risk[:, stage] = np.searchsorted(entered, days, side="left") - np.searchsorted(left, days, side="left")
    rate = np.divide(moved, at_risk[:, :, None], out=np.zeros_like(moved), where=at_risk[:, :, None] > 0)
    steps = rate + np.eye(size) * (1 - rate.sum(axis=2))[:, :, None]
    share = begin @ _running_products(steps) if len(days) else np.empty((0, size))
    return Occupation(days, share, n, _followed(visits, leaving, target), begin, steps, at_risk)


def _followed(visits: pd.DataFrame, leaving: Floats, target: Ints) -> float:
    """Age up to which at least five cases were still followed, or all are known to the end."""
    if not len(visits):
        return np.nan
    is_last = ~visits.duplicated("case_id", keep="last").to_numpy()
    return followed_days(leaving[is_last], np.where(target[is_last] >= 0, 0, -1))


def _running_products(steps: Floats) -> Floats:
    """Products of the first 1, 2, ..., m square matrices, in blocks: about 2 sqrt(m) products of stacks."""
    m, size = len(steps), steps.shape[1]
    width = max(int(np.ceil(np.sqrt(m))), 1)
    n_blocks = -(-m // width)
    padded = np.broadcast_to(np.eye(size), (n_blocks * width, size, size)).copy()
    padded[:m] = steps
    blocks = padded.reshape(n_blocks, width, size, size)
    for place in range(1, width):
        blocks[:, place] = blocks[:, place - 1] @ blocks[:, place]
    for block in range(1, n_blocks):
        blocks[block] = blocks[block - 1, -1] @ blocks[block]
    return blocks.reshape(-1, size, size)[:m]


def destinations(visits: pd.DataFrame, n_stages: int) -> Ints:
    """Code of what each stay led to: a stage's position, then won, lost; -1 while it goes on."""
    ending = visits["ending"].to_numpy(object)
    ends = np.select([ending == "won", ending == "lost"], [n_stages, n_stages + 1], default=-1)
    following = visits["next_position"].to_numpy(np.int64)
    return np.asarray(np.where(following >= 0, following, ends), dtype=np.int64)


def transition_draws(visits: pd.DataFrame, n_stages: int, horizons: Floats, weights: Floats) -> Floats:
    """Shares of the stays in each stage that led to each other stage, a win or a loss, for many weightings at once.

    Parameters
    ----------
    visits : DataFrame
        ``position``, ``days``, ``ending``, ``next_position``.
    n_stages : int
    horizons : array of shape (n_stages,)
        Days up to which stays of each stage are followed.
    weights : array of shape (n_visits, n_draws)

    Returns
    -------
    array of shape (n_draws, n_stages, n_stages + 2)
        What is missing to 1 are stays that last longer.
    """
    rows = np.zeros((weights.shape[1], n_stages, n_stages + 2))
    position, target = visits["position"].to_numpy(), destinations(visits, n_stages)
    days = visits["days"].to_numpy(dtype=float)
    for stage in range(n_stages):
        here = position == stage
        if here.any() and np.isfinite(horizons[stage]):
            rows[:, stage] = weighted_shares(
                days[here], target[here], n_stages + 2, weights[here], float(horizons[stage])
            )
    return rows


def win_chances(rows: Floats) -> Floats:
    """P(won in the end) from each stage: the product through all stages; stays that last too long do not win.

    Parameters
    ----------
    rows : array of shape (..., n_stages, n_stages + 2)
        As from `transition_draws`.

    Returns
    -------
    array of shape (..., n_stages)
        The solution of w = Q w + r, with Q the moves between stages and r the wins.
    """
    n_stages = rows.shape[-2]
    left = np.eye(n_stages) - rows[..., :n_stages]
    return np.asarray(np.linalg.solve(left, rows[..., n_stages, None])[..., 0])
