"""How well an ordering of cases by expected effect finds those whom the action helps: Qini curve, Qini, AUUC.

Cases are taken from the highest score down; at each share of them, the curve says how many more successes per case of
the whole population there would be if exactly those got the action, against nobody getting it. Arms are weighted by
the inverse propensity, so that the data may come from a lot with any split, or be weighted to look so.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from forecast.errors import InvalidInput
from forecast.evaluation.bootstrap import bootstrap_weights

Array = Any


class QiniCurve(NamedTuple):
    """Gain over not acting, by share acted on.

    Attributes
    ----------
    share : array of shape (m,)
        From 0 to 1; one point per distinct score.
    gain : array of shape (m,)
        Further successes per case of the whole population (0.01 = one in a hundred cases); starts at 0 and ends at
        the average effect.
    """

    share: np.ndarray
    gain: np.ndarray


def checked_uplift(
    y_true: Array, uplift: Array, treated: Array, propensity: Array = None, sample_weight: Array = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, scores, arms, propensities and weights as arrays of one length.

    ``propensity`` defaults to the (weighted) share of the action in the data: a lot with one chance for all.

    Raises
    ------
    InvalidInput
        If lengths differ, an arm is empty, an outcome or score is not finite, an arm is not 0 or 1, or a propensity
        is not inside (0, 1).
    """
    y, score, t = (np.asarray(values, dtype=float) for values in (y_true, uplift, treated))
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    if not len(y) or not len(y) == len(score) == len(t) == len(weight):
        raise InvalidInput(
            "Outcomes, scores, arms and weights need one length above 0, "
            f"got {len(y)}, {len(score)}, {len(t)}, {len(weight)}."
        )
    if not (np.isfinite(y).all() and np.isfinite(score).all()):
        raise InvalidInput("Outcomes and scores must be finite numbers; drop the cases without.")
    if not np.isin(t, (0.0, 1.0)).all():
        raise InvalidInput(f"`treated` must be 0 or 1, got {t[~np.isin(t, (0.0, 1.0))][0]}.")
    if not (weight >= 0).all() or min(weight @ t, weight @ (1 - t)) <= 0:
        raise InvalidInput("Both arms need cases of positive weight, and no weight may be negative.")
    share = (weight @ t) / weight.sum()
    chance = np.broadcast_to(np.asarray(share if propensity is None else propensity, dtype=float), len(y))
    if not ((chance > 0) & (chance < 1)).all():
        raise InvalidInput(f"`propensity` must be inside (0, 1), got {chance[~((chance > 0) & (chance < 1))][0]}.")
    return y, score, t, chance, weight


def qini_curve(
    y_true: Array, uplift: Array, treated: Array, *, propensity: Array = None, sample_weight: Array = None
) -> QiniCurve:
    """Gain by share acted on, best scores first.

    At the share s the gain is ``mean(w_i s_i (t_i y_i / e_i - (1 - t_i) y_i / (1 - e_i)))``, s_i = 1 for cases whose
    score is among the highest share: Radcliffe's curve [1]_ per case of the population rather than per treated one,
    with known chances in the place of the observed sizes of the arms. Cases with equal scores enter together.

    Parameters
    ----------
    y_true : array of shape (n,)
        Outcome; 0 and 1 or any number (money).
    uplift : array of shape (n,)
        Score; higher is acted on first. Only its order matters.
    treated : array of shape (n,), 0 or 1
    propensity : float or array of shape (n,), optional
        Chance of the action, in (0, 1); default the share of the action in the data.
    sample_weight : array of shape (n,), optional

    References
    ----------
    .. [1] Radcliffe (2007), Using control groups to target on predicted lift. Direct Marketing Analytics Journal 1.
    """
    y, score, t, chance, weight = checked_uplift(y_true, uplift, treated, propensity, sample_weight)
    value = weight * (t / chance - (1 - t) / (1 - chance)) * y / weight.sum()
    _, place = np.unique(-score, return_inverse=True)
    gain = np.concatenate([[0.0], np.cumsum(np.bincount(place, weights=value))])
    share = np.concatenate([[0.0], np.cumsum(np.bincount(place, weights=weight)) / weight.sum()])
    share[-1] = 1.0
    return QiniCurve(share, gain)


def auuc_score(
    y_true: Array, uplift: Array, treated: Array, *, propensity: Array = None, sample_weight: Array = None
) -> float:
    """Area under the Qini curve over shares 0 to 1 (trapezoids), in successes per case; higher is better.

    It is the mean gain when the share acted on is drawn evenly. An ordering by chance has half the average effect.
    """
    share, gain = qini_curve(y_true, uplift, treated, propensity=propensity, sample_weight=sample_weight)
    return float(np.trapezoid(gain, share))


def qini_score(
    y_true: Array, uplift: Array, treated: Array, *, propensity: Array = None, sample_weight: Array = None
) -> float:
    """Area between the Qini curve and the straight line to its end, in successes per case; higher is better.

    0 for an ordering by chance, below 0 for one that is worse. Not divided by the area of a perfect ordering, which
    for yes/no outcomes no model can reach and which depends on the base rate (Radcliffe 2007 calls this form Q).
    """
    share, gain = qini_curve(y_true, uplift, treated, propensity=propensity, sample_weight=sample_weight)
    return float(np.trapezoid(gain, share) - gain[-1] / 2)


def gain_at_score(
    y_true: Array,
    uplift: Array,
    treated: Array,
    *,
    share: float = 0.3,
    propensity: Array = None,
    sample_weight: Array = None,
) -> float:
    """Gain at one share acted on, in successes per case of the whole population; ties are split evenly."""
    if not 0 < share <= 1:
        raise InvalidInput(f"`share` must be in (0, 1], got {share}.")
    curve = qini_curve(y_true, uplift, treated, propensity=propensity, sample_weight=sample_weight)
    return float(np.interp(share, curve.share, curve.gain))


def bootstrap_uplift(
    metric: Callable[..., float],
    y_true: Array,
    uplift: Array,
    treated: Array,
    clusters: Array = None,
    *,
    propensity: Array = None,
    n_draws: int = 500,
    random_state: int = 0,
) -> np.ndarray:
    """A metric of this family over clusters drawn with replacement, shape (n_draws,).

    The same draws for the same ``random_state``, so that differences of two scores are paired. Percentiles 2.5 and
    97.5 are the 95 % interval.
    """
    draws = bootstrap_weights(clusters, len(np.asarray(y_true)), n_draws=n_draws, random_state=random_state)
    return np.array([metric(y_true, uplift, treated, propensity=propensity, sample_weight=weight) for weight in draws])
