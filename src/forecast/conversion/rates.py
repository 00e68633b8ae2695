"""What happened to cases with the same level or the same words: columns of many levels and texts as one number each.

A level seen three times tells little and a flag per level tells a model nothing about levels it hardly saw. Here each
level (or word) has a win rate, shrunk to the overall rate, and a row gets the mean of its log-odds [1]_. The rows that
teach a model get it from other rows only, earlier ones where there is time: else a level seen once would tell its own
outcome. Words are kept as hashes, so that no text of a person is stored with a model.

References
----------
.. [1] Micci-Barreca (2001), A preprocessing scheme for high-cardinality categorical attributes. SIGKDD Explorations 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.special import logit

from forecast.conversion.encoding import TableEncoder, as_texts
from forecast.conversion.group_rate import shrinkage_strength

#: Levels and words share this many places; two of them seldom fall on one.
N_BUCKETS = 1 << 16

#: Parts of the training rows of which each gets its rates from the others.
N_PARTS = 5

#: A column of texts with so many words on average is read word by word.
MIN_WORDS = 2.5

#: A category with more levels than this is rated when so many of its rows have a level that the encoder does not keep.
MANY_LEVELS, SHARE_NOT_KEPT = 20, 0.05


@dataclass(frozen=True)
class RatedColumn:
    """A column whose levels or words have rates. ``position`` is its place among the encoder's columns."""

    name: str
    position: int
    by_word: bool


def rated_columns(X: pd.DataFrame, encoder: TableEncoder) -> list[RatedColumn]:
    """Columns of texts, and categories of many levels where the encoder keeps too few of them."""
    found = []
    for position, column in enumerate(encoder.columns):
        if column.kind != "category":
            continue
        texts = as_texts(X[column.name]).dropna()
        unique = pd.Series(texts.unique())
        words = float(unique.str.count(r"\w+").mean())
        by_word = bool(words >= MIN_WORDS and len(unique) > len(texts) / 5)
        not_kept = 1 - texts.isin(column.levels).mean()
        if by_word or (len(unique) > MANY_LEVELS and not_kept > SHARE_NOT_KEPT):
            found.append(RatedColumn(column.name, position, by_word))
    return found


def memberships(X: pd.DataFrame, column: RatedColumn) -> csr_matrix:
    """Which levels or words each row has, shape (n, `N_BUCKETS`); rows sum to 1, or to 0 where the value is missing."""
    texts = as_texts(X[column.name]).reset_index(drop=True)
    tokens = texts.str.lower().str.findall(r"\w+").explode().dropna() if column.by_word else texts.dropna()
    rows = tokens.index.to_numpy()
    hashed = pd.util.hash_array(tokens.to_numpy(dtype=object), categorize=True)
    buckets = (hashed % np.uint64(N_BUCKETS)).astype(np.int64)
    share = 1.0 / np.maximum(np.bincount(rows, minlength=len(texts)), 1)
    return csr_matrix((share[rows], (rows, buckets)), shape=(len(texts), N_BUCKETS))


@dataclass(frozen=True)
class TokenRates:
    """Log-odds of each level or word of one column, less the overall ones; 0 where nothing is known.

    Attributes
    ----------
    buckets : array of shape (n_seen,), int
    log_odds : array of shape (n_seen,)
    """

    column: RatedColumn
    buckets: np.ndarray
    log_odds: np.ndarray

    def encode(self, members: csr_matrix) -> np.ndarray:
        """One number per row of `memberships`, shape (n,)."""
        values = np.zeros(N_BUCKETS)
        values[self.buckets] = self.log_odds
        return np.asarray(members @ values)

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        column = [self.column.name, self.column.position, self.column.by_word]
        return {"column": column, "buckets": self.buckets.tolist(), "log_odds": self.log_odds.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "TokenRates":
        """The rates that `to_state` described."""
        buckets, log_odds = np.array(state["buckets"], dtype=np.int64), np.array(state["log_odds"], dtype=float)
        return cls(RatedColumn(*state["column"]), buckets, log_odds)


def fit_rates(column: RatedColumn, members: csr_matrix, y: np.ndarray, groups: np.ndarray) -> TokenRates:
    """Rates of all levels or words of these rows, each shrunk to the overall rate by the strength they call for.

    Rows of one group (entity) are worth one case together.
    """
    cases = len(np.unique(groups)) / len(y)
    counts = cases * np.asarray((members > 0).sum(axis=0)).ravel()
    seen = np.flatnonzero(counts)
    wins = cases * np.asarray((members > 0).T.astype(float) @ y)[seen]
    base = (cases * y.sum() + 0.5) / (cases * len(y) + 1)
    strength = shrinkage_strength(wins, counts[seen], np.full(len(seen), base)) if len(seen) else 1.0
    shrunk = (wins + strength * base) / (counts[seen] + strength)
    return TokenRates(column, seen, np.round(logit(shrunk) - logit(base), 9))


def encode_for_training(
    column: RatedColumn, members: csr_matrix, y: np.ndarray, groups: np.ndarray, time: np.ndarray | None
) -> np.ndarray:
    """Each training row's number from rows that cannot tell its own outcome, shape (n,).

    With time, from earlier fifths only (the first fifth knows nothing yet); without, from the other fifths, where the
    rows of one group (entity) are in one fifth.
    """
    part = _parts(groups, time)
    encoded = np.zeros(len(y))
    for number in range(N_PARTS):
        mine = part == number
        others = part < number if time is not None else ~mine
        if mine.any() and others.any():
            encoded[mine] = fit_rates(column, members[others], y[others], groups[others]).encode(members[mine])
    return encoded


def _parts(groups: np.ndarray, time: np.ndarray | None) -> np.ndarray:
    """Fifth of each row: consecutive in time (rows of one moment together), or by group."""
    if time is None:
        shuffled = np.random.default_rng(0).permutation(groups.max() + 1)
        return np.asarray(shuffled[groups] % N_PARTS)
    edges = np.quantile(time, np.arange(1, N_PARTS) / N_PARTS)
    return np.asarray(np.searchsorted(edges, time, side="left"))
