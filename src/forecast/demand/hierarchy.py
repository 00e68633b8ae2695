"""Which series add up to which: any number of crossed hierarchies over the same bottom series."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from forecast.demand.matrix import Floats
from forecast.errors import InvalidInput

#: Name of the node of the level without columns.
TOTAL = "total"
#: The level of the series themselves; always the last one.
BOTTOM = ("unique_id",)

Level = tuple[str, ...]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Hierarchy:
    """Nodes, each the sum of some bottom series; the bottom series are the last nodes.

    Levels need not nest: M5's twelve are states and stores crossed with categories, departments and items.

    Attributes
    ----------
    nodes : array of shape (n_nodes,)
        Unique names, level by level: "total", "store_id=CA_1", "state_id=CA/cat_id=FOODS"; a bottom series keeps its
        ``unique_id`` as text.
    levels : tuple of tuples of str
        Columns that name a node at each level; ``()`` is the total, ``("unique_id",)`` the bottom.
    level_of : array of shape (n_nodes,)
        Position in ``levels`` of each node.
    summing : sparse matrix of shape (n_nodes, n_bottom)
        S: 1 where the bottom series is part of the node.
    """

    nodes: NDArray[np.object_]
    levels: tuple[Level, ...]
    level_of: Codes
    summing: Any

    @classmethod
    def of(cls, static: pd.DataFrame, levels: Sequence[Sequence[str]]) -> "Hierarchy":
        """Hierarchy of the series of a table.

        Parameters
        ----------
        static : DataFrame
            ``unique_id``, once per bottom series, and the columns that the levels name.
        levels : sequence of sequences of str
            Top to bottom by custom. The bottom is added when it is not there.

        Raises
        ------
        InvalidInput
            If a column is missing or empty somewhere, a series or level occurs twice, or two nodes get one name.

        Examples
        --------
        >>> static = pd.DataFrame({"unique_id": ["a", "b", "c"], "region": ["N", "N", "S"]})
        >>> Hierarchy.of(static, [(), ("region",)]).nodes.tolist()
        ['total', 'region=N', 'region=S', 'a', 'b', 'c']
        """
        wanted = [tuple(level) for level in levels if tuple(level) != BOTTOM] + [BOTTOM]
        _check(static, wanted)
        parts, names = zip(*(_nodes_of(static, level) for level in wanted), strict=True)
        nodes = np.concatenate(names)
        _refuse_shared_names(nodes)
        sizes = [len(part) for part in names]
        rows = np.concatenate([codes + start for codes, start in zip(parts, np.cumsum([0, *sizes]), strict=False)])
        columns = np.tile(np.arange(len(static)), len(wanted))
        summing = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(nodes), len(static)))
        return cls(nodes, tuple(wanted), np.repeat(np.arange(len(wanted)), sizes), summing)

    @property
    def n_nodes(self) -> int:
        """Number of nodes at all levels."""
        return len(self.nodes)

    @property
    def n_bottom(self) -> int:
        """Number of bottom series."""
        return int(self.summing.shape[1])

    @property
    def n_upper(self) -> int:
        """Number of nodes above the bottom."""
        return self.n_nodes - self.n_bottom

    @property
    def bottom(self) -> NDArray[np.object_]:
        """``unique_id`` of the bottom series, in the order of the columns of S."""
        return self.nodes[self.n_upper :]

    @cached_property
    def upper(self) -> Any:
        """The rows of S above the bottom."""
        return self.summing[: self.n_upper]

    @cached_property
    def n_leaves(self) -> Floats:
        """Number of bottom series in each node, of shape (n_nodes,)."""
        return np.asarray(np.diff(self.summing.indptr), dtype=float)

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self.nodes)

    def add_up(self, bottom: ArrayLike) -> Floats:
        """Every node from its bottom series: shape (n_bottom, horizon) to (n_nodes, horizon)."""
        values = np.asarray(bottom, dtype=float)
        if len(values) != self.n_bottom:
            raise InvalidInput(f"`bottom` must have a row for each of {self.n_bottom} series, got {len(values)}.")
        return np.asarray(self.summing @ values)

    def positions(self, names: pd.Series) -> Codes:
        """Position of each name among the nodes.

        Raises
        ------
        InvalidInput
            If a name is none of the nodes'.
        """
        found = self._index.get_indexer(pd.Index(names.astype(str)))
        if (found < 0).any():
            unknown = pd.unique(names[found < 0])
            raise InvalidInput(
                f"{len(unknown)} of the names are no nodes of the hierarchy (first: {list(unknown[:3])}); "
                f"there are {self.n_nodes}, as {list(self.nodes[:2])} and {self.nodes[-1]!r}."
            )
        return np.asarray(found, dtype=np.int64)

    def level_name(self, level: int) -> str:
        """Readable name of a level: "total", "state_id/cat_id", "unique_id"."""
        return "/".join(self.levels[level]) or TOTAL


def _check(static: pd.DataFrame, levels: list[Level]) -> None:
    columns = sorted({column for level in levels for column in level})
    missing = [name for name in columns if name not in static]
    if missing:
        raise InvalidInput(f"The series are missing columns {missing}; there are {sorted(map(str, static.columns))}.")
    if static.empty:
        raise InvalidInput("A hierarchy needs at least one bottom series, got none.")
    empty = [name for name in columns if static[name].isna().any()]
    if empty:
        raise InvalidInput(f"Columns {empty} are empty for some series; name a group for each.")
    if len(set(levels)) < len(levels):
        raise InvalidInput(f"A level occurs twice among {levels}; name each once.")
    twice = static["unique_id"].astype(str).duplicated()
    if twice.any():
        raise InvalidInput(
            f"{int(twice.sum())} series repeat an earlier `unique_id` "
            f"(first: {static.loc[twice, 'unique_id'].iloc[0]!r}); give each once."
        )


def _nodes_of(static: pd.DataFrame, level: Level) -> tuple[Codes, NDArray[np.object_]]:
    """Node of each series at a level, and the names in order of their text."""
    if level == BOTTOM:
        return np.arange(len(static)), static["unique_id"].astype(str).to_numpy(dtype=object)
    labels = pd.Series("", index=static.index)
    for column in level:
        labels = labels + f"/{column}=" + static[column].astype(str)
    codes, names = pd.factorize(labels.str[1:] if level else labels + TOTAL, sort=True)
    n_groups = len(static[list(level)].astype(str).drop_duplicates()) if level else 1
    if n_groups > len(names):
        raise InvalidInput(f"Two groups of level {level} get one name; keep '/' and '=' out of its values.")
    return codes.astype(np.int64), np.asarray(names, dtype=object)


def _refuse_shared_names(nodes: NDArray[np.object_]) -> None:
    twice = pd.Index(nodes).duplicated()
    if twice.any():
        raise InvalidInput(
            f"{int(twice.sum())} nodes share a name with another (first: {nodes[twice][0]!r}); rename the series."
        )
