"""How many training entities were alike in a feature, and how many of them were won: the evidence of a reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forecast.conversion.encoding import TableEncoder

#: Quantile bins of a numeric feature in which alike cases are counted.
N_BINS = 6


class AlikeBin(NamedTuple):
    """Training entities whose value of a feature was alike: how many, and their win rate."""

    feature: str
    n: int
    rate: float


#: The remainder has no feature behind it.
NOTHING_ALIKE = AlikeBin("", 0, 0.0)


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

    def evidence(
        self, X: pd.DataFrame, matrix: np.ndarray, name: str, rows: np.ndarray
    ) -> tuple[np.ndarray, list[AlikeBin], np.ndarray]:
        """Evidence of one feature in some rows.

        Parameters
        ----------
        X : DataFrame of shape (n, k)
        matrix : array of shape (n, q)
            The same rows as the encoder reads them.
        name : str
            A feature. One that was the same for all in training shows its value and claims no cases alike.
        rows : array of shape (m,), positions

        Returns
        -------
        (values, bins, position)
            Values as text, shape (m,); the bins of the feature; and which one each row is in, shape (m,).
        """
        position = self._positions.get(name)
        if position is None:
            given = X[name].iloc[rows] if name in X else pd.Series([None] * len(rows), dtype=object)
            texts = given.astype("string").fillna("").to_numpy(dtype=object)
            return texts, [AlikeBin(name, 0, 0.0)], np.zeros(len(rows), dtype=np.int64)
        column = self.encoder.columns[position]
        values = matrix[rows, position]
        pairs = zip(self.counts[position].tolist(), self.rates[position].tolist(), strict=True)
        bins = [AlikeBin(name, int(n), round(rate, 6)) for n, rate in pairs]
        return _texts(values, column.kind, column.levels), bins, self._bins(position, values)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {column.name: position for position, column in enumerate(self.encoder.columns)}

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
