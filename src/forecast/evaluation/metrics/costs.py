"""From a probability to a decision: above which one acting pays, and how much is gained by it.

All of it takes the outcome as given: what acting brings in a case that would be won is the caller's to say. Whether
acting changes the outcome is a question of uplift, not of these figures.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.errors import InvalidInput
from forecast.evaluation.metrics.classification import Array, checked


@dataclass(frozen=True)
class Payoffs:
    """What acting on a case, or leaving it, brings in the end, in one unit (money or hours); losses are negative.

    Examples
    --------
    A visit costs 50 and brings 500 where the deal can be won; then visit from 10 % on:

    >>> Payoffs.of_action(cost=50, benefit=500).threshold
    0.1
    """

    act_won: float
    act_lost: float
    leave_won: float = 0.0
    leave_lost: float = 0.0

    def __post_init__(self) -> None:
        """Acting must be better in cases that are won and worse in others: else no probability decides."""
        if not (self.act_won > self.leave_won and self.act_lost < self.leave_lost):
            raise InvalidInput(
                "Acting must pay where the case is won and cost where it is not, got "
                f"{self.act_won:g} against {self.leave_won:g} and {self.act_lost:g} against {self.leave_lost:g}."
            )

    @classmethod
    def of_action(cls, *, cost: float, benefit: float) -> "Payoffs":
        """An action that always costs ``cost`` and brings ``benefit`` where the case is won."""
        return cls(act_won=benefit - cost, act_lost=-cost)

    @property
    def threshold(self) -> float:
        """Probability from which acting has the higher expected payoff [1]_, in (0, 1); right for calibrated ones.

        References
        ----------
        .. [1] Elkan (2001), The foundations of cost-sensitive learning. IJCAI.
        """
        regret = self.leave_lost - self.act_lost
        return regret / (regret + self.act_won - self.leave_won)


def mean_payoff(
    y_true: Array, y_pred: Array, payoffs: Payoffs, *, threshold: float | None = None, sample_weight: Array = None
) -> float:
    """Mean payoff per case when acting from ``threshold`` (default the payoffs' own) on; higher is better."""
    y, p, weight = checked(y_true, y_pred, sample_weight)
    acted = p >= (payoffs.threshold if threshold is None else threshold)
    acting = np.where(y == 1, payoffs.act_won, payoffs.act_lost)
    leaving = np.where(y == 1, payoffs.leave_won, payoffs.leave_lost)
    return float(np.average(np.where(acted, acting, leaving), weights=weight))


def net_benefit_score(y_true: Array, y_pred: Array, *, threshold: float, sample_weight: Array = None) -> float:
    """Wins acted on per case, less those acted on in vain at the threshold's exchange rate [1]_; higher is better.

    ``(won and p >= t) / n - (not won and p >= t) / n * t / (1 - t)``: in units of one win acted on, per case. Acting
    on nothing has 0; at most the win rate. A threshold of t means that ``(1 - t) / t`` vain actions are as bad as one
    win is good.

    References
    ----------
    .. [1] Vickers & Elkin (2006), Decision curve analysis. Medical Decision Making 26.
    """
    return float(decision_curve(y_true, y_pred, thresholds=[threshold], sample_weight=sample_weight)["model"].iloc[0])


def decision_curve(
    y_true: Array, y_pred: Array, *, thresholds: Array = None, sample_weight: Array = None
) -> pd.DataFrame:
    """Net benefit of acting on the model's word at many thresholds, beside acting on all and on none.

    Parameters
    ----------
    thresholds : array of shape (k,), in (0, 1), optional
        Default 1 to 99 %.

    Returns
    -------
    DataFrame
        ``threshold``, ``model``, ``all``, ``none`` (0): net benefit in wins per case, and ``acted``, the share of cases
        acted on. A model is worth having at the thresholds where it lies above both others.
    """
    y, p, weight = checked(y_true, y_pred, sample_weight)
    t = np.linspace(0.01, 0.99, 99) if thresholds is None else np.asarray(thresholds, dtype=float)
    if not len(t) or not ((t > 0) & (t < 1)).all():
        raise InvalidInput(
            f"Thresholds must lie between 0 and 1, got {t[~((t > 0) & (t < 1))][:1].tolist() or 'none'}."
        )
    order = np.argsort(p, kind="stable")
    share = weight[order] / weight.sum()
    won_below = np.concatenate([[0.0], np.cumsum(share * y[order])])
    all_below = np.concatenate([[0.0], np.cumsum(share)])
    place = np.searchsorted(p[order], t, side="left")
    won, acted = won_below[-1] - won_below[place], all_below[-1] - all_below[place]
    rate = won_below[-1]
    exchange = t / (1 - t)
    return pd.DataFrame(
        {
            "threshold": t,
            "model": won - (acted - won) * exchange,
            "all": rate - (1 - rate) * exchange,
            "none": 0.0,
            "acted": acted,
        }
    )
