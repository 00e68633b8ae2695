"""Why an account is expected to buy or not: points per reason that add up to its probability exactly."""

from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecast.attribution.points import probability_points
from forecast.conversion.reasons import number_texts
from forecast.conversion.trees import TreeMember
from forecast.customers.blend import Blend
from forecast.customers.mining import Mined
from forecast.customers.out_of_time import Fitted
from forecast.customers.purchase_process import History
from forecast.customers.target import RFM, TARGETS

#: What the base leaves over by rounding.
REMAINDER = "remainder"
DECIMALS = 9
P_BUYS = TARGETS[0]

#: The reason that each feature belongs to; what the process says of frequency, recency and age has the same names.
REASON_OF = {
    "orders": "customer.frequency", "rate": "customer.frequency", "process_rate": "customer.frequency",
    "process_orders": "customer.frequency", "rate_365d": "customer.frequency",
    "recency_days": "customer.recency", "recency_to_age": "customer.recency", "p_alive": "customer.recency",
    "recency_to_gap": "customer.rhythm", "recency_to_longest_gap": "customer.rhythm",
    "mean_gap_days": "customer.rhythm", "gap_variation": "customer.rhythm", "last_gap_to_mean": "customer.rhythm",
    "first_gap_days": "customer.rhythm",
    "age_days": "customer.tenure",
    "trend": "customer.trend", "rate_30d": "customer.trend", "rate_91d": "customer.trend",
    "amount": "customer.money", "mean_amount": "customer.money", "last_amount_to_mean": "customer.money",
    "first_amount": "customer.money", "amount_variation": "customer.money", "recent_amount_to_mean": "customer.money",
    "order_value": "customer.money",
    "pieces_per_order": "customer.pieces", "amount_per_piece": "customer.pieces",
    "returned_share": "customer.returns",
    "n_categories": "customer.categories", "top_category": "customer.categories",
    "orders_year_ago": "customer.season",
}  # fmt: skip
#: The feature whose value a reason shows.
LEADING = {
    "customer.frequency": "orders",
    "customer.recency": "recency_days",
    "customer.rhythm": "recency_to_gap",
    "customer.tenure": "age_days",
    "customer.trend": "trend",
    "customer.money": "mean_amount",
    "customer.pieces": "pieces_per_order",
    "customer.returns": "returned_share",
    "customer.categories": "n_categories",
    "customer.season": "orders_year_ago",
}
_PROCESS_REASONS = ("customer.frequency", "customer.recency", "customer.tenure")


@dataclass(frozen=True)
class Ordinary:
    """The account that others are compared with: middle values of all.

    ``last_share`` is the share of its age at which an account with repeats ordered last.
    """

    repeats: float
    last_share: float
    age: float

    @classmethod
    def of(cls, history: History) -> "Ordinary":
        """Of the accounts of a population."""
        many = history.repeats > 0
        share = history.last[many] / np.maximum(history.age[many], 1e-9)
        return cls(float(np.median(history.repeats)), float(np.median(share)), float(np.median(history.age)))


def contributions(mined: Mined, ordinary: Ordinary, fitted: Fitted, blend: Blend) -> tuple[pd.DataFrame, float]:
    """Points of probability of each reason, and the probability that they start from.

    On log-odds the process, the line and the trees add up. What the process says is shared among frequency, recency
    and age by their exact Shapley values [1]_ against an ordinary account; the line's terms and the trees' SHAP values
    go to the reason of their feature.

    Returns
    -------
    (points, base)
        ``points`` of shape (n, n_reasons + 1), the last column `REMAINDER`; each row plus ``base`` is ``p_buys``.

    References
    ----------
    .. [1] Lundberg & Lee (2017), A unified approach to interpreting model predictions. NeurIPS 30.
    """
    _, line_weight, trees_weight, free_weight = blend.weights
    corrections = fitted.corrections[P_BUYS.name]
    columns = fitted.standardiser(mined.features)
    matrix = mined.features.to_numpy(dtype=float)
    names = fitted.standardiser.names
    parts = {reason: np.zeros(len(mined.active)) for reason in LEADING}
    start, shares = _process_shares(mined.history, ordinary, fitted)
    for reason, share in zip(_PROCESS_REASONS, shares.T, strict=True):
        parts[reason] += (1 - free_weight) * share
    terms = columns * corrections.line.coefficients * line_weight
    for column, feature in enumerate(fitted.standardiser.owner):
        parts[REASON_OF[names[feature]]] += terms[:, column]
    shap = corrections.trees.contributions(matrix)
    for column, name in enumerate(names):
        parts[REASON_OF[name]] += trees_weight * shap[:, column]
    free = mined.features[list(RFM)].to_numpy(dtype=float)
    free_shap = corrections.free_trees.contributions(free)
    for column, name in enumerate(RFM):
        parts[REASON_OF[name]] += free_weight * free_shap[:, column]
    begin = (
        (1 - free_weight) * start
        + line_weight * corrections.line.intercept
        + trees_weight * _expectation(corrections.trees, matrix, shap)
        + free_weight * (corrections.free_start + _expectation(corrections.free_trees, free, free_shap))
    )
    slope = blend.calibration.slope
    phi = slope * np.column_stack([parts[reason] for reason in LEADING])
    z0 = float(blend.calibration(np.array(begin)))
    z = blend(fitted.members(mined, P_BUYS.name))
    # Extreme probabilities of the process are clipped before they are combined; what that takes away has no reason.
    rest = z - z0 - phi.sum(axis=1)
    points = probability_points(np.column_stack([phi, rest]), z, z0)
    return pd.DataFrame(points, columns=[*LEADING, REMAINDER]), float(P_BUYS.mean(np.array([z0]))[0])


def _expectation(trees: TreeMember, matrix: np.ndarray, shap: np.ndarray) -> float:
    """What the trees say before they know anything: what their contributions leave over, the same in every row."""
    return float((trees.log_odds(matrix[:1]) - shap[:1].sum(axis=1))[0]) if len(matrix) else 0.0


def reason_texts(points: pd.DataFrame, features: pd.DataFrame, p_buys: np.ndarray, base: float) -> np.ndarray:
    """Per account its reasons as JSON, strongest first and the remainder last; rounded, they still add up.

    Each is ``{"code", "points", "evidence": {"feature", "value"}}``; ``p_buys`` and ``base`` are as published.
    """
    codes = [str(name) for name in points.columns if name != REMAINDER]
    values = points[codes].to_numpy().round(DECIMALS)
    remainder = (p_buys - base - values.sum(axis=1)).round(DECIMALS)
    n, k = values.shape
    ranked = np.column_stack([np.argsort(-np.abs(values), axis=1, kind="stable"), np.full(n, k)])
    every = np.column_stack([values, remainder])
    kept = np.take_along_axis(every, ranked, axis=1) != 0
    kept[:, -1] = True  # the remainder is told even when it is 0
    row, place = np.nonzero(kept)
    columns = [_texts(code, every[:, i], features) for i, code in enumerate([*codes, REMAINDER])]
    single = pa.concat_arrays(columns).take(pa.array(ranked[row, place] * n + row))
    offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), single)
    whole = pc.binary_join_element_wise(_text("["), pc.binary_join(lists, _text(",")), _text("]"), _text(""))
    return np.asarray(whole.to_numpy(zero_copy_only=False), dtype=object)


def _texts(code: str, points: np.ndarray, features: pd.DataFrame) -> pa.LargeStringArray:
    """One reason of every account as JSON."""
    feature = LEADING.get(code)
    if feature is None:
        evidence = [_text("{}")]
    else:
        value = (
            features[feature].to_numpy(dtype=float).round(6) if feature in features else np.full(len(points), np.nan)
        )
        known = np.isfinite(value)
        text = pc.if_else(pa.array(known), number_texts(np.where(known, value, 0.5)), _text("null"))
        evidence = [_text(f'{{"feature":"{feature}","value":'), text, _text("}")]
    head = _text(f'{{"code":"{code}","evidence":')
    parts = (head, *evidence, _text(',"points":'), number_texts(points + 0.0), _text("}"))
    return pc.binary_join_element_wise(*parts, _text(""))


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, pa.large_string())


def _process_shares(history: History, ordinary: Ordinary, fitted: Fitted) -> tuple[float, np.ndarray]:
    """Log-odds of an ordinary account by the process, and the Shapley values of each account's own three numbers."""
    n = len(history.repeats)
    own_share = np.where(history.repeats > 0, history.last / np.maximum(history.age, 1e-9), ordinary.last_share)
    own = (history.repeats, own_share, history.age)
    usual = tuple(np.full(n, value) for value in (ordinary.repeats, ordinary.last_share, ordinary.age))
    worth = {}
    for size in range(4):
        for chosen in combinations(range(3), size):
            repeats, share, age = (own[i] if i in chosen else usual[i] for i in range(3))
            last = np.where(repeats > 0, share * age, 0.0)
            said = fitted.population.process.p_buys_slowing(History(repeats, last, age), fitted.horizon_days / 7)
            worth[chosen] = P_BUYS.offset(said)
    shares = np.zeros((n, 3))
    for i in range(3):
        for others in (chosen for chosen in worth if i not in chosen):
            weight = factorial(len(others)) * factorial(2 - len(others)) / factorial(3)
            shares[:, i] += weight * (worth[tuple(sorted((*others, i)))] - worth[others])
    return float(worth[()][0]) if n else 0.0, shares
