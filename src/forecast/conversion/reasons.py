"""From contributions of features to reasons of a score: grouped, with evidence from the training rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecast.conversion.encoding import TableEncoder
from forecast.conversion.group_rate import REMAINDER

#: Quantile bins of a numeric feature in which alike cases are counted.
N_BINS = 6

#: Scores and points are rounded to this many decimals, so that files are reproducible.
DECIMALS = 9


#: Families whose second part names a measure, not a subject: which reason each measure belongs to.
MEASURES = {
    "stage": {"previous": "current", "days_in": "time", "pace": "time", "changes": "moves", "moves_back": "moves"},
    "owner": {"open": "workload", "new_30d": "workload", "": "record"},
    "account": {"open": "workload", "new_30d": "workload", "": "record"},
    "calendar": {"age_days": "age", "": "date"},
    "feedback": {"": "record"},
}

#: Endings that say how a field was read, not which field it is.
READINGS = ("category", "is_true", "days_since")


def reason_code(feature: str) -> str:
    """The reason that a feature belongs to, ``family.subject``: one subject, many measures, one reason.

    ``interactions__phone__count_30d`` and ``interactions__phone__days_since_last`` are both ``interactions.phone``;
    attributes keep their whole name: ``attributes__account__industry`` is ``attributes.account.industry``.
    """
    family, *parts = feature.split("__")
    if not parts:
        return f"attributes.{feature}"
    if family == "attributes":
        return ".".join([family, *(parts[:-1] if len(parts) > 1 and parts[-1] in READINGS else parts)])
    known = MEASURES.get(family, {})
    return f"{family}.{known.get(parts[0], known.get('', parts[0]))}"


@dataclass
class AlikeCases:
    """For each feature, in bins of its values: how many entities were alike in training, and their win rate."""

    encoder: TableEncoder
    edges: list[np.ndarray]
    counts: list[np.ndarray]
    rates: list[np.ndarray]

    @classmethod
    def fit(cls, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> "AlikeCases":
        """Count over the training rows; ``groups`` of shape (n,) is the entity of each row."""
        alike = cls(TableEncoder().fit(X), [], [], [])
        matrix = alike.encoder.transform(X)
        codes = pd.factorize(groups)[0]
        for position, column in enumerate(alike.encoder.columns):
            values = matrix[:, position]
            edges = np.zeros(0) if column.kind == "category" else _bin_edges(values)
            alike.edges.append(edges)
            n_bins = (len(column.levels) + 1 if column.kind == "category" else len(edges) + 1) + 1
            bins = alike._bins(position, values)
            rows = np.bincount(bins, minlength=n_bins)
            won = np.bincount(bins, weights=y, minlength=n_bins)
            entities = np.unique(bins * len(codes) + codes) // len(codes)
            alike.counts.append(np.bincount(entities, minlength=n_bins).astype(float))
            alike.rates.append(won / np.maximum(rows, 1))
        return alike

    def _bins(self, position: int, values: np.ndarray) -> np.ndarray:
        """Bin of each value; the last bin holds the missing ones."""
        column, edges = self.encoder.columns[position], self.edges[position]
        missing = len(column.levels) + 1 if column.kind == "category" else len(edges) + 1
        found = values if column.kind == "category" else np.searchsorted(edges, values, side="left").astype(float)
        return np.asarray(np.where(np.isnan(values), missing, np.nan_to_num(found)), dtype=int)

    def look_up(self, X: pd.DataFrame) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Per feature: value as text, entities alike, their win rate; each of shape (n,)."""
        matrix = self.encoder.transform(X)
        found = {}
        for position, column in enumerate(self.encoder.columns):
            values = matrix[:, position]
            bins = self._bins(position, values)
            texts = _texts(values, column.kind, column.levels)
            found[column.name] = (texts, self.counts[position][bins], self.rates[position][bins])
        return found

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "encoder": self.encoder.to_state(),
            "edges": [edges.tolist() for edges in self.edges],
            "counts": [counts.tolist() for counts in self.counts],
            "rates": [rates.tolist() for rates in self.rates],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "AlikeCases":
        """The object that `to_state` described."""
        arrays = [[np.array(values, dtype=float) for values in state[name]] for name in ("edges", "counts", "rates")]
        return cls(TableEncoder.from_state(state["encoder"]), *arrays)


def _bin_edges(values: np.ndarray) -> np.ndarray:
    """Upper ends of the bins but the last; a value that fills a bin gets one of its own."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(0)
    edges = np.unique(np.quantile(known, np.arange(1, N_BINS) / N_BINS, method="lower"))
    return np.asarray(edges[edges < known.max()])


def _texts(values: np.ndarray, kind: str, levels: Sequence[str]) -> np.ndarray:
    """Values for people: six digits, days as dates, levels by name; missing is the empty text."""
    if kind == "category":
        names = np.array([*levels, "other"], dtype=object)
        return np.where(np.isnan(values), "", names[np.nan_to_num(values).astype(int)])
    unique, inverse = np.unique(values, return_inverse=True)
    if kind == "moment":
        named = [("" if np.isnan(v) else f"{pd.Timestamp(v, unit='D'):%Y-%m-%d}") for v in unique]
    else:
        named = ["" if np.isnan(v) else f"{v:.6g}" for v in unique]
    return np.array(named, dtype=object)[inverse]


def _never_varied(X: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Evidence of a feature that was the same for all in training: its value, and no cases to compare with."""
    texts = X[name].astype("string").fillna("") if name in X else pd.Series("", index=X.index)
    return texts.to_numpy(dtype=object), np.zeros(len(X)), np.zeros(len(X))


def build_reasons(
    points: pd.DataFrame, X: pd.DataFrame, alike: AlikeCases, *, base: float, probability: np.ndarray
) -> list[list[dict[str, Any]]]:
    """Reasons of every row, strongest first.

    Parameters
    ----------
    points : DataFrame of shape (n, k + 1)
        Points of probability per feature, and ``remainder``.
    X : DataFrame
        The feature table of the same rows.
    alike : AlikeCases
    base, probability : float and array of shape (n,)
        As published, rounded; rounding differences go to the remainder, so that the published numbers add up.

    Returns
    -------
    list of n lists of ``{"code", "points", "evidence"}``
        ``evidence`` holds the leading feature of the reason, its value as text, and the number and win rate of the
        training entities alike in it: ``{"feature", "value", "n", "rate"}``. Reasons without points are left out, but
        never the remainder.
    """
    features = [name for name in points.columns if name != REMAINDER]
    members: dict[str, list[str]] = {}
    for name in features:
        members.setdefault(reason_code(name), []).append(name)
    codes = sorted(members)
    found = alike.look_up(X)
    n = len(points)
    sums = np.zeros((n, len(codes)))
    leading = np.zeros((n, len(codes)), dtype=int)
    position = {name: number for number, name in enumerate(features)}
    for number, code in enumerate(codes):
        part = points[members[code]].to_numpy()
        sums[:, number] = np.round(part.sum(axis=1), DECIMALS)
        owners = np.array([position[name] for name in members[code]])
        leading[:, number] = owners[np.abs(part).argmax(axis=1)]
    remainder = np.round(probability - base - sums.sum(axis=1), DECIMALS)
    lookup = [found[name] if name in found else _never_varied(X, name) for name in features]

    def evidence(row: int, feature: int) -> dict[str, Any]:
        value, count, rate = (column[row] for column in lookup[feature])
        return {"feature": features[feature], "value": str(value), "n": int(count), "rate": round(float(rate), 6)}

    order = np.argsort(-np.abs(sums), axis=1, kind="stable")
    reasons = []
    for row in range(n):
        listed = [
            {"code": codes[c], "points": float(sums[row, c]), "evidence": evidence(row, int(leading[row, c]))}
            for c in order[row]
            if sums[row, c] != 0
        ]
        rest = {"feature": "", "value": "", "n": 0, "rate": 0.0}
        reasons.append([*listed, {"code": REMAINDER, "points": float(remainder[row]), "evidence": rest}])
    return reasons
