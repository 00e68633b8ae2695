"""What each member says of rows before their outcomes are known: what weights and calibration are learned from."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from operator import methodcaller
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from scipy.special import softmax

from forecast.conversion.checks import entity_weight
from forecast.conversion.group_rate import GroupRateModel
from forecast.conversion.linear import LinearMember, fit_linear
from forecast.conversion.members import MEMBERS, TrainingTable, recency
from forecast.conversion.trees import GrowingTrees, TreeMember, fit_trees, grow_trees, tree_parameters
from forecast.evaluation.combination import disagreement, levelled, log_losses_at, overdispersion
from forecast.evaluation.folds import Fold

_T = TypeVar("_T")
_Found = TypeVar("_Found")

#: The prior variance of coefficients and the number of trees that are right most often, and how many factors of e each
#: may be off by: what the held-out rows cannot decide, because they are few or the world moves, stays there.
STRENGTH_CENTRE, STRENGTH_LOG_SD = 0.1, 0.7
TREES_CENTRE, TREES_LOG_SD = 150.0, 1.0

#: More trees are grown while the last ones are at least this likely to be the right number; at least as many as are
#: right most often, since others are compared with these.
LEAST_PROBABILITY = 0.01

#: Where nothing can be held out, all columns together are thought to move log-odds by a variance of at most so much:
#: each of 85 by less than each of 13, else a table of 20 rows says the more, the wider it is.
LARGEST_VARIANCE = 2.0


@dataclass(frozen=True)
class OutOfTime:
    """Predictions made before their outcomes: what the weights and the calibration were learned from.

    ``scheme`` is "rolling" (later blocks of time), "stratified" (shuffled folds) or "none". ``rows`` are positions in
    the training table; ``z`` are calibrated log-odds.
    """

    scheme: str
    rows: np.ndarray
    y: np.ndarray
    z: np.ndarray


@dataclass(frozen=True)
class Recipe:
    """How members are fitted to ``n_columns``. ``names`` are those that take part, in the order of `MEMBERS`;
    ``anchored`` says that the level is set afterwards."""

    names: tuple[str, ...]
    strengths: tuple[float, ...]
    max_trees: int
    num_leaves: int
    learning_rate: float
    random_state: int
    n_columns: int = 1
    anchored: bool = False

    @property
    def tree_counts(self) -> list[int]:
        """Numbers of trees to choose from: ascending, each about half as many again."""
        counts = np.geomspace(self.max_trees, max(self.max_trees / 40, 1), 10).round().astype(int)
        return sorted({int(count) for count in counts})

    def prior_losses(self, name: str) -> np.ndarray:
        """What each candidate of a member costs before any data, nats."""
        if name.startswith("linear"):
            return np.asarray(0.5 * (np.log(np.array(self.strengths) / STRENGTH_CENTRE) / STRENGTH_LOG_SD) ** 2)
        if name.startswith("trees"):
            return np.asarray(0.5 * (np.log(np.array(self.tree_counts) / TREES_CENTRE) / TREES_LOG_SD) ** 2)
        return np.zeros(1)

    def tree_parameters(self, n_rows: int, n_entities: int) -> dict[str, Any]:
        """LightGBM's parameters for so many rows of so many entities."""
        return tree_parameters(
            n_rows,
            n_entities=n_entities,
            num_leaves=self.num_leaves,
            learning_rate=self.learning_rate,
            random_state=self.random_state,
        )


@dataclass(frozen=True)
class HeldOut:
    """Rows predicted before their outcomes, and what was chosen on them.

    Attributes
    ----------
    rows : array of shape (n,)
    z : array of shape (n, n_members)
        Log-odds by each member.
    blocks : array of shape (n,), int
        Fold of each row.
    strengths : dict of linear member -> prior variance, mean of the candidates by their probability (on a log scale)
    n_trees : dict of tree member -> number of trees, mean likewise
    information : array of shape (n,)
        What each row is worth in independent cases while nothing moves.
    overdispersion : float
        How many times more the level of blocks of time varies than chance explains; 1 for shuffled folds.
    timed : bool
        Whether blocks are later blocks of time; shuffled folds disagree by chance alone.
    """

    rows: np.ndarray
    z: np.ndarray
    blocks: np.ndarray
    strengths: dict[str, float]
    n_trees: dict[str, int]
    information: np.ndarray
    overdispersion: float = 1.0
    timed: bool = False

    def judged(self, y: np.ndarray, *, anchored: bool) -> np.ndarray:
        """Log-odds by which members are compared: with the level of each block put right where an anchor will."""
        if not (self.timed and anchored):
            return self.z
        return levelled(self.z, y, self.blocks, row_weight=self.information)

    def discord(self, z: np.ndarray, weights: np.ndarray, y: np.ndarray) -> float:
        """How much more the blocks disagree about which member is better than chance explains; at least 1."""
        if not self.timed:
            return 1.0
        differences = log_losses_at(y[:, None], z) - log_losses_at(y, z @ weights)[:, None]
        return float(disagreement(differences, self.blocks, row_weight=self.information).max())

    @classmethod
    def nothing(cls, recipe: Recipe) -> "HeldOut":
        """Where outcomes are too few to hold any out: the prior's strength, less where columns are many; no trees."""
        strength = min(recipe.strengths, key=lambda s: abs(np.log(s / STRENGTH_CENTRE)))
        strength = min(strength, LARGEST_VARIANCE / max(recipe.n_columns, 1))
        names = [name for name in recipe.names if name.startswith("linear")]
        empty = np.zeros(0, dtype=int)
        return cls(empty, np.zeros((0, len(recipe.names))), empty, dict.fromkeys(names, strength), {}, np.zeros(0))


def hold_out(
    X: pd.DataFrame, table: TrainingTable, folds: Sequence[Fold], segments: list[str], recipe: Recipe, *, n_jobs: int
) -> HeldOut:
    """Fit every member before each fold, predict the fold, and choose strengths and numbers of trees on all folds."""
    rows = np.concatenate([fold.valid for fold in folds])
    blocks = np.repeat(np.arange(len(folds)), [len(fold.valid) for fold in folds])
    y, information = table.y[rows], entity_weight(table.groups)[rows]
    timed = bool(np.isfinite(folds[0].cutoff))

    def judged(z: np.ndarray) -> np.ndarray:
        return levelled(z, y, blocks, row_weight=information) if timed and recipe.anchored else z

    def probable(name: str, judged: np.ndarray) -> np.ndarray:
        prior = recipe.prior_losses(name)[: judged.shape[1]]
        return choice_probabilities(judged, y, blocks, information, prior, timed=timed)

    largest_first = np.argsort([-len(fold.train) for fold in folds])

    def of_each(function: Callable[[_T], _Found], given: Sequence[_T]) -> list[_Found]:
        found = dict(zip(largest_first, workers.map(function, [given[k] for k in largest_first]), strict=True))
        return [found[k] for k in range(len(given))]

    def grown(name: str) -> tuple[np.ndarray, np.ndarray]:
        growing = of_each(partial(_grow, table, recipe, name), parts)
        z = compared = np.zeros((len(rows), 0))
        usual = int(np.argmin(recipe.prior_losses(name)))
        for number, count in enumerate(recipe.tree_counts):
            more = np.concatenate(of_each(methodcaller("grown_to", count), growing))[:, None]
            z, compared = np.hstack([z, more]), np.hstack([compared, judged(more)])
            chosen = probable(name, compared)
            if number >= usual and chosen[-1] < LEAST_PROBABILITY:
                break
        return z, chosen

    def candidates(name: str) -> tuple[np.ndarray, np.ndarray]:
        """Log-odds by each candidate of a member, and how probably each is the right one."""
        if name.startswith("trees"):
            return grown(name)
        if name.startswith("linear"):
            z = np.concatenate(of_each(partial(_lines, table, recipe, name), parts))
            return z, probable(name, judged(z))
        return np.concatenate(of_each(partial(_group_rate, X, table, segments), parts)), np.ones(1)

    # Members wait for their folds side by side, so that no worker idles while the largest fold of one is fitted.
    with ThreadPoolExecutor(max(1, n_jobs)) as workers, ThreadPoolExecutor(len(recipe.names)) as members:
        parts = of_each(partial(_Part.of, table), folds)
        found = dict(zip(recipe.names, members.map(candidates, recipe.names), strict=True))
    strengths, n_trees = {}, {}
    for name, (_, chosen) in found.items():
        if name.startswith("linear"):
            strengths[name] = float(np.exp(chosen @ np.log(recipe.strengths)))
        elif name.startswith("trees"):
            n_trees[name] = int(np.exp(chosen @ np.log(recipe.tree_counts[: len(chosen)])).round())
    z = np.column_stack([z @ chosen for z, chosen in found.values()])
    inflation = overdispersion(z.mean(axis=1), y, blocks, row_weight=information) if timed else 1.0
    return HeldOut(rows, z, blocks, strengths, n_trees, information, inflation, timed)


def choice_probabilities(
    z: np.ndarray, y: np.ndarray, blocks: np.ndarray, information: np.ndarray, prior: np.ndarray, *, timed: bool
) -> np.ndarray:
    """Posterior probability of each candidate, shape (n_candidates,); blocks that disagree tell less.

    The candidates are averaged by it: a choice that hangs on a few rows would flip with them, and the reasons with it.
    """
    losses = log_losses_at(y[:, None], z)
    differences = losses - losses[:, [int(np.argmin(prior))]]
    inflation = disagreement(differences, blocks, row_weight=information) if timed else 1.0
    return np.asarray(softmax(-(information @ differences / inflation + prior)))


@dataclass(frozen=True)
class _Part:
    """A fold as the members read it: ``learned`` of its rows ``train``, ``seen`` of its rows ``valid``."""

    train: np.ndarray
    valid: np.ndarray
    learned: np.ndarray
    seen: np.ndarray

    @classmethod
    def of(cls, table: TrainingTable, fold: Fold) -> "_Part":
        learned, seen = table.to_learn_from(fold.train), table.to_predict(fold.valid, table.rates(fold.train))
        return cls(fold.train, fold.valid, learned, seen)


def _lines(table: TrainingTable, recipe: Recipe, name: str, part: _Part) -> np.ndarray:
    """Log-odds of the fold's rows by a line of each strength, shape (n, n_strengths)."""
    lines = fit_linear(
        part.learned,
        table.y[part.train],
        table.encoder,
        strengths=recipe.strengths,
        row_weight=row_weight(name, table, part.train),
    )
    design = lines[0].design(part.seen)  # lines of several strengths differ in their coefficients only
    return np.column_stack([line.log_odds_of(design) for line in lines])


def _grow(table: TrainingTable, recipe: Recipe, name: str, part: _Part) -> GrowingTrees:
    return grow_trees(
        part.learned,
        table.y[part.train],
        part.seen,
        categories=table.encoder.categories,
        parameters=recipe.tree_parameters(len(part.train), len(np.unique(table.groups[part.train]))),
        row_weight=row_weight(name, table, part.train),
    )


def _group_rate(X: pd.DataFrame, table: TrainingTable, segments: list[str], part: _Part) -> np.ndarray:
    """Log-odds of the fold's rows by the rate of their group, shape (n, 1)."""
    model = GroupRateModel(segments).fit(X.iloc[part.train], table.y[part.train], groups=table.groups[part.train])
    return model.log_odds(X.iloc[part.valid])[:, None]


def row_weight(name: str, table: TrainingTable, rows: np.ndarray) -> np.ndarray:
    """Information of each row: all snapshots of an entity are worth one case together, and recent members fade."""
    weight = entity_weight(table.groups[rows])
    if name.endswith("_recent") and table.time is not None:
        weight = weight * recency(table.time[rows])
    return weight


def refit(table: TrainingTable, name: str, held_out: HeldOut, recipe: Recipe) -> LinearMember | TreeMember:
    """A line or trees on all rows, with what was chosen out of time.

    Few trees are fitted as many small steps to the same place: each tree sees other columns by chance, and which of
    two like columns gets the credit must not hang on ten draws.
    """
    rows = np.arange(len(table.y))
    learned, weight = table.to_learn_from(rows), row_weight(name, table, rows)
    if name.startswith("linear"):
        strengths = (held_out.strengths[name],)
        return fit_linear(learned, table.y, table.encoder, strengths=strengths, row_weight=weight)[0]
    n_trees = max(1, held_out.n_trees[name])
    finer = max(1, recipe.max_trees // n_trees)
    parameters = recipe.tree_parameters(len(rows), len(np.unique(table.groups)))
    return fit_trees(
        learned,
        table.y,
        categories=table.encoder.categories,
        n_trees=n_trees * finer,
        parameters=parameters | {"learning_rate": recipe.learning_rate / finer},
        row_weight=weight,
    )


def member_names(*, timed: bool) -> tuple[str, ...]:
    """The members that take part, with time or without."""
    return tuple(name for name in MEMBERS if timed or not name.endswith("_recent"))
