"""An encoded table for lines and for trees: numbers on one scale, levels as columns, and the action as a column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: With at most so many columns of the line, each is multiplied with the action; beyond, trees look for differences.
MAX_WITH_PRODUCTS = 60


@dataclass
class Design:
    """Numbers on one scale, levels as columns: what a straight line needs of an encoded table.

    Numbers are centred, divided by their standard deviation and compressed by asinh; missing ones become 0 with an
    indicator of their own. Categories (positions in ``categories``) get one column per level seen.
    """

    centre: np.ndarray
    scale: np.ndarray
    is_number: np.ndarray
    missing: np.ndarray
    levels: list[tuple[int, float]]

    @classmethod
    def fit(cls, matrix: np.ndarray, categories: Sequence[int]) -> "Design":
        """Learn centres, scales, indicators and levels; unsupervised."""
        is_number = np.ones(matrix.shape[1], dtype=bool)
        is_number[list(categories)] = False
        known = ~np.isnan(matrix)
        n_known = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, matrix, 0.0).sum(axis=0) / n_known
        spread = np.sqrt((np.where(known, matrix - centre, 0.0) ** 2).sum(axis=0) / n_known)
        share = 1 - known.mean(axis=0)
        levels = [
            (int(position), float(code))
            for position in categories
            for code in np.unique(matrix[known[:, position], position])
        ]
        indicator = np.flatnonzero((share > 0.01) & (share < 0.99))
        return cls(centre, np.where(spread > 0, spread, 1.0), is_number, indicator, levels)

    def transform(self, matrix: np.ndarray) -> np.ndarray:
        """Shape (n, p): numbers, indicators of missing values, levels."""
        numbers = np.arcsinh((matrix - self.centre) / self.scale)[:, self.is_number]
        numbers = np.where(np.isnan(numbers), 0.0, numbers)
        parts = [numbers, np.isnan(matrix[:, self.missing]).astype(float)]
        if self.levels:
            positions = [position for position, _ in self.levels]
            parts.append((matrix[:, positions] == np.array([code for _, code in self.levels])).astype(float))
        return np.hstack(parts)

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "is_number": self.is_number.tolist(),
            "missing": self.missing.tolist(),
            "levels": [list(level) for level in self.levels],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Design":
        """The design that `to_state` described."""
        return cls(
            np.array(state["centre"], dtype=float),
            np.array(state["scale"], dtype=float),
            np.array(state["is_number"], dtype=bool),
            np.array(state["missing"], dtype=int),
            [(int(position), float(code)) for position, code in state["levels"]],
        )


@dataclass(frozen=True)
class Inputs:
    """The same rows twice: ``matrix`` for trees, shape (n, k), and ``design`` for the line, shape (n, p)."""

    matrix: np.ndarray
    design: np.ndarray

    def rows(self, where: np.ndarray) -> "Inputs":
        """Some of the rows."""
        return Inputs(self.matrix[where], self.design[where])

    def with_action(self, treated: np.ndarray) -> "Inputs":
        """The action as a further column; with few columns also its products with them (halved: they shrink more)."""
        action = np.asarray(treated, dtype=float)[:, None]
        parts = [self.design, action]
        if self.design.shape[1] <= MAX_WITH_PRODUCTS:
            parts.append((action - 0.5) * self.design * 0.5)
        return Inputs(np.hstack([self.matrix, action]), np.hstack(parts))
