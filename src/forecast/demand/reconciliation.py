"""How the items and the sums of a trained model are made to agree: chosen by past folds, kept with the model."""

import io
import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecast.demand.hierarchy import BOTTOM, Hierarchy, Level
from forecast.demand.matrix import Floats, SeriesMatrix
from forecast.demand.reconcile import NEED_ERRORS, Method, error_matrix, node_matrix, reconcile_bottom
from forecast.demand.reconciliation_choice import best_method, choose_reconciliation

#: A level with more nodes is no level to look at.
MAX_NODES = 300
#: Share of bottom-up's WRMSSE of the items that another method may lose there for the sake of the sums.
ITEM_MARGIN = 0.01

_FILE, _ERRORS = "reconciliation.json", "reconciliation-errors.parquet"
_ITEMS = "unique_id"
#: Series are nodes under this name, so that none can be called as a sum is.
_SERIES = "series:"
#: The group of series whose group is unknown, so that each level adds up to the total.
NOWHERE = "(none)"


@dataclass(frozen=True)
class Reconciliation:
    """The method, why it was taken, and what it learned from.

    Attributes
    ----------
    method : str
        Of `METHODS`.
    reason : str
        One sentence with its numbers.
    levels : tuple of tuples of str
        Static columns that name the sums; ``()`` is the total.
    losses, by_level : DataFrame
        Of `ReconciliationChoice`.
    errors : DataFrame
        ``unique_id`` of a node, ``cutoff``, ``ds``, ``error`` of the base forecasts on all folds.
    n_folds : int
        Folds that were scored.
    """

    method: Method
    reason: str
    levels: tuple[Level, ...]
    losses: pd.DataFrame
    by_level: pd.DataFrame
    errors: pd.DataFrame
    n_folds: int

    @classmethod
    def choose(
        cls,
        forecasts: pd.DataFrame,
        actuals: pd.DataFrame,
        hierarchy: Hierarchy,
        *,
        non_negative: bool,
        random_state: int = 0,
    ) -> "Reconciliation":
        """Judge all methods on past folds; see `choose_reconciliation`.

        A method that loses more than `ITEM_MARGIN` of the items' own accuracy is out of the question: items are what
        people order by.

        Parameters
        ----------
        forecasts : DataFrame
            ``unique_id`` of a node, ``cutoff``, ``ds``, ``mean``.
        actuals : DataFrame
            ``unique_id`` of a series as a node, ``ds``, ``y``.
        """
        found = choose_reconciliation(forecasts, actuals, hierarchy, non_negative=non_negative, seed=random_state)
        items = found.by_level.set_index("method")[_ITEMS]
        fit = [name for name in items.index if items[name] <= (1 + ITEM_MARGIN) * items["bottom_up"]]
        method = best_method(found.losses[found.losses["method"].isin(fit)])
        values, times = node_matrix(actuals, hierarchy, "y", ["ds"])
        came = hierarchy.add_up(np.nan_to_num(values[hierarchy.n_upper :]))
        errors = forecasts[forecasts["ds"].isin(times["ds"])]
        rows, columns = hierarchy.positions(errors["unique_id"]), times["ds"].searchsorted(errors["ds"])
        errors = errors[["unique_id", "cutoff", "ds"]].assign(error=errors["mean"] - came[rows, columns])
        reason = _reason(method, found.losses, found.n_folds)
        levels = hierarchy.levels[:-1]
        return cls(method, reason, levels, found.losses, found.by_level, errors, found.n_folds)

    @property
    def is_bottom_up(self) -> bool:
        """Sums are what the items add up to, and items stay as they are."""
        return self.method == "bottom_up"

    def bottom(self, items: Floats, sums: Floats, hierarchy: Hierarchy, *, non_negative: bool) -> Floats:
        """Items that add up to the reconciled sums.

        Parameters
        ----------
        items : array of shape (n_bottom, horizon)
        sums : array of shape (n_upper, horizon)
            Forecasts of the nodes above, each on its own.
        hierarchy : Hierarchy
            May have other nodes than the one that was learned from: a node without past errors has no say.
        """
        known = self.errors[self.errors["unique_id"].isin(hierarchy.nodes)]
        past = None if known.empty else error_matrix(known, hierarchy)
        base = np.concatenate([sums, items])
        return reconcile_bottom(base, hierarchy, method=self.method, errors=past, non_negative=non_negative)

    def table(self) -> pd.DataFrame:
        """WRMSSE of each method over all levels and at each one: ``method``, ``wrmsse``, a column per level."""
        return self.losses[["method", "wrmsse"]].merge(self.by_level, on="method")

    def to_files(self) -> dict[str, bytes]:
        """Plain numbers, for the files of a model."""
        told = {
            "method": self.method,
            "reason": self.reason,
            "levels": [list(level) for level in self.levels],
            "n_folds": self.n_folds,
            "losses": self.losses.to_dict("list"),
            "by_level": self.by_level.to_dict("list"),
        }
        kept = io.BytesIO()  # errors of large panels are many, and most methods need none
        (self.errors if self.method in NEED_ERRORS else self.errors.iloc[:0]).to_parquet(kept, index=False)
        return {_FILE: json.dumps(told, sort_keys=True, indent=1).encode(), _ERRORS: kept.getvalue()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Reconciliation | None":
        """The inverse of `to_files`; None where the model has none."""
        if _FILE not in files:
            return None
        told: dict[str, Any] = json.loads(files[_FILE])
        tables = {name: pd.DataFrame(told[name]) for name in ("losses", "by_level")}
        levels = tuple(tuple(level) for level in told["levels"])
        errors = pd.read_parquet(io.BytesIO(files[_ERRORS]))
        return cls(told["method"], told["reason"], levels, errors=errors, n_folds=told["n_folds"], **tables)


def sum_levels(static: pd.DataFrame | None) -> tuple[Level, ...]:
    """The total, and each column of categories that parts the series into 2 to `MAX_NODES` groups."""
    if static is None:
        return ((),)
    names = [str(name) for name in static if name != _ITEMS and not pd.api.types.is_numeric_dtype(static[name])]
    plain = [name for name in names if "=" not in name and not name.startswith(_SERIES)]  # nodes are "name=value"
    return ((), *((name,) for name in plain if 1 < static[name].nunique() <= MAX_NODES))


def series_nodes(ids: "pd.Series[Any]") -> "pd.Series[Any]":
    """Names of series as nodes of `hierarchy_of`."""
    return _SERIES + ids.astype(str)


def hierarchy_of(matrix: SeriesMatrix, static: pd.DataFrame | None, levels: Sequence[Level]) -> Hierarchy:
    """The sums of the series of a matrix; series whose group is unknown are a group."""
    ids = pd.Series([str(name) for name in matrix.ids], dtype=object)
    table = pd.DataFrame({_ITEMS: series_nodes(ids)})
    for column in dict.fromkeys(name for level in levels for name in level if level != BOTTOM):
        known = None if static is None or column not in static else static.set_index(static[_ITEMS].astype(str))[column]
        group = pd.Series(np.nan, index=ids.index) if known is None else ids.map(known)
        table[column] = group.astype(object).where(group.notna(), NOWHERE).astype(str)
    return Hierarchy.of(table, levels)


def node_panel(matrix: SeriesMatrix, hierarchy: Hierarchy) -> pd.DataFrame:
    """History of every node above the series: ``unique_id``, ``ds``, ``y``, each from its first series on."""
    sums = hierarchy.upper @ np.nan_to_num(matrix.y)
    begun = (hierarchy.upper @ np.maximum.accumulate(~np.isnan(matrix.y), axis=1).astype(float)) > 0
    node, column = np.nonzero(begun)
    moments = matrix.grid.moments(matrix.last[0] - (matrix.n_times - 1) + column)
    return pd.DataFrame({_ITEMS: hierarchy.nodes[node], "ds": moments, "y": sums[node, column]})


def fold_base(folds: pd.DataFrame, sums: pd.DataFrame, hierarchy: Hierarchy) -> pd.DataFrame:
    """Base forecasts of all nodes at past cutoffs, complete: of series that were not known yet nothing was expected.

    Parameters
    ----------
    folds, sums : DataFrame
        ``unique_id`` (a series; a node), ``cutoff``, ``ds``, ``mean``.
    """
    items = folds.assign(unique_id=series_nodes(folds[_ITEMS]))[[_ITEMS, "cutoff", "ds", "mean"]]
    occasions = sums[["cutoff", "ds"]].drop_duplicates()
    every = occasions.merge(pd.DataFrame({_ITEMS: hierarchy.bottom}), how="cross")
    complete = every.merge(items, on=[_ITEMS, "cutoff", "ds"], how="left").fillna({"mean": 0.0})
    return pd.concat([sums[[_ITEMS, "cutoff", "ds", "mean"]], complete[[_ITEMS, "cutoff", "ds", "mean"]]])


def _reason(method: str, losses: pd.DataFrame, n_folds: int) -> str:
    table = {str(row["method"]): row for row in losses.to_dict("records")}
    on = f"on {n_folds} fold{'s' if n_folds != 1 else ''}"
    if method != "bottom_up":
        one = table[method]
        return (
            f"{method}: WRMSSE over all levels {one['wrmsse']:.4f} against {table['bottom_up']['wrmsse']:.4f} of "
            f"bottom-up {on}, change {_change(one)}."
        )
    best = min((name for name in table if name not in ("base", method)), key=lambda name: float(table[name]["wrmsse"]))
    return f"bottom_up: no other method was better beyond noise {on} (nearest: {best}, change {_change(table[best])})."


def _change(row: Mapping[Hashable, Any]) -> str:
    low, high = row["vs_bottom_up_low"], row["vs_bottom_up_high"]
    return f"{row['vs_bottom_up']:+.4f}, 90 % interval {low:+.4f} to {high:+.4f}"
