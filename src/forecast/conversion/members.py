"""The members of the conversion model: lines and small trees, on all history and on its newest part, and the rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from forecast.conversion.encoding import TableEncoder
from forecast.conversion.rates import (
    RatedColumn,
    TokenRates,
    encode_for_training,
    fit_rates,
    memberships,
    rated_columns,
)

#: In this order everywhere. The recent ones weigh rows by age and take part only where there is time.
MEMBERS = ("linear", "linear_recent", "trees", "trees_recent", "group_rate")

#: Cases of the rarer outcome at which trees have half of the say that they get with many, and the rate half of its own.
TREES_NEED, LINE_NEEDS = 100.0, 25.0

#: What the rate weighs without any outcome beyond what it keeps with many; less where it has no groups to tell apart,
#: since towards one rate for all the line is shrunk by its own prior.
GROUPED_RATE, SINGLE_RATE = 0.17, 0.07


def prior_weights(
    n_rarer: float, *, timed: bool, overdispersion: float = 1.0, grouped: bool = True
) -> dict[str, float]:
    """What the members weigh before any comparison.

    With few outcomes the line and the rate have the say, with many the lines and the trees alike. The recent members
    share their family's weight evenly while the world stands still, and take more of it the more it moves.

    Parameters
    ----------
    n_rarer : float
        Cases of the rarer outcome.
    timed : bool
        Whether the recent members take part.
    overdispersion : float
        At least 1, see `evaluation.combination.overdispersion`.
    grouped : bool
        Whether the rate knows groups.
    """
    rate = 0.03 + (GROUPED_RATE if grouped else SINGLE_RATE) * LINE_NEEDS / (n_rarer + LINE_NEEDS)
    trees = 0.55 * n_rarer / (n_rarer + TREES_NEED)
    families = {"linear": (1 - rate) * (1 - trees), "trees": (1 - rate) * trees}
    weights = {"group_rate": rate}
    recent = 1 - 0.5 / overdispersion**0.25 if timed else 0.0
    for family, weight in families.items():
        weights |= {family: weight * (1 - recent), f"{family}_recent": weight * recent}
    return {member: weights[member] for member in MEMBERS if timed or not member.endswith("_recent")}


def recency(time: np.ndarray, half_life: float | None = None) -> np.ndarray:
    """Weight of each row by its age, halved every ``half_life``: default the age of the newest tenth, shape (n,)."""
    age = time.max() - time
    halved = half_life or float(np.quantile(age, 0.1)) or float(age.max()) / 10 or 1.0
    return np.asarray(0.5 ** (age / halved))


@dataclass(frozen=True)
class TrainingTable:
    """A training table made ready once for all the fits on its parts.

    Attributes
    ----------
    matrix : array of shape (n, k)
    rated : list of q columns whose levels or words get rates
    members : list of q sparse arrays, see `memberships`
    groups : array of shape (n,), int
        Entity of each row.
    time : array of shape (n,) or None
    """

    encoder: TableEncoder
    matrix: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    time: np.ndarray | None
    rated: list[RatedColumn]
    members: list[csr_matrix]

    @classmethod
    def prepare(
        cls, X: pd.DataFrame, y: np.ndarray, encoder: TableEncoder, groups: np.ndarray, time: np.ndarray | None
    ) -> "TrainingTable":
        """Encode the table and look for columns of many levels and of texts."""
        rated = rated_columns(X, encoder)
        members = [memberships(X, column) for column in rated]
        return cls(encoder, encoder.transform(X), y, groups, time, rated, members)

    def rates(self, rows: np.ndarray) -> list[TokenRates]:
        """The rates that these rows teach."""
        y, groups = self.y[rows], self.groups[rows]
        return [fit_rates(column, m[rows], y, groups) for column, m in zip(self.rated, self.members, strict=True)]

    def to_learn_from(self, rows: np.ndarray) -> np.ndarray:
        """Matrix of shape (n_rows, k + q) in which no row's rates know its own outcome."""
        y, time = self.y[rows], None if self.time is None else self.time[rows]
        groups = np.unique(self.groups[rows], return_inverse=True)[1]
        extra = [
            encode_for_training(c, m[rows], y, groups, time) for c, m in zip(self.rated, self.members, strict=True)
        ]
        return with_rates(self.matrix[rows], extra)

    def to_predict(self, rows: np.ndarray, rates: Sequence[TokenRates]) -> np.ndarray:
        """Matrix of shape (n_rows, k + q) of rows that the rates have not seen."""
        return with_rates(self.matrix[rows], [r.encode(m[rows]) for r, m in zip(rates, self.members, strict=True)])


def with_rates(matrix: np.ndarray, columns: Sequence[np.ndarray]) -> np.ndarray:
    """The matrix with the rates' columns behind it."""
    return np.column_stack([matrix, *columns]) if columns else matrix


def owners(n_columns: int, rates: Sequence[TokenRates]) -> np.ndarray:
    """Column of the table that each column of the extended matrix belongs to, shape (k + q,)."""
    return np.append(np.arange(n_columns), [rate.column.position for rate in rates]).astype(int)


def summed_by_owner(parts: np.ndarray, owner: np.ndarray, n_columns: int) -> np.ndarray:
    """Contributions of shape (n, k) from those of the extended matrix, shape (n, k + q)."""
    own = parts[:, :n_columns].copy()
    for position in range(n_columns, parts.shape[1]):
        own[:, owner[position]] += parts[:, position]
    return own


def extended_matrix(X: pd.DataFrame, encoder: TableEncoder, rates: Sequence[TokenRates]) -> np.ndarray:
    """A new table as the members read it, shape (n, k + q)."""
    return with_rates(encoder.transform(X), [rate.encode(memberships(X, rate.column)) for rate in rates])


def rates_to_state(rates: Sequence[TokenRates]) -> list[dict[str, Any]]:
    """Plain JSON values."""
    return [rate.to_state() for rate in rates]


def rates_from_state(state: Sequence[Mapping[str, Any]]) -> list[TokenRates]:
    """The rates that `rates_to_state` described."""
    return [TokenRates.from_state(each) for each in state]
