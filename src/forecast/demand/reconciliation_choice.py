"""Which way to reconcile: judged by past folds, bottom-up unless another is better beyond noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecast.demand.hierarchy import Hierarchy
from forecast.demand.matrix import Floats
from forecast.demand.reconcile import METHODS, NEED_ERRORS, Method, node_matrix, reconcile_bottom
from forecast.errors import InvalidInput, NotEnoughHistory

#: Blocks that a fold's horizon is cut into for the bootstrap: errors of neighbouring periods go together.
N_BLOCKS = 4
#: Two-sided level of the intervals.
INTERVAL = 0.9


@dataclass(frozen=True)
class ReconciliationChoice:
    """The method that past folds support, and what each one lost.

    Attributes
    ----------
    method : str
    losses : DataFrame
        A row per method and one for ``base``, the forecasts as they came: ``wrmsse`` over the scored folds, and its
        change against ``base`` and ``bottom_up`` (negative is better) with 90 % bootstrap intervals
        ``vs_base``, ``vs_base_low``, ``vs_base_high``, ``vs_bottom_up``, ``vs_bottom_up_low``, ``vs_bottom_up_high``.
    by_level : DataFrame
        A row per method and ``base``: WRMSSE of each level alone, one column each (``total``, ``cat_id``, …).
    n_folds : int
        Folds that were scored; those before served as past errors only.
    """

    method: Method
    losses: pd.DataFrame
    by_level: pd.DataFrame
    n_folds: int


def choose_reconciliation(
    forecasts: pd.DataFrame,
    actuals: pd.DataFrame,
    hierarchy: Hierarchy,
    *,
    methods: Sequence[Method] = METHODS,
    scales: pd.DataFrame | None = None,
    non_negative: bool = False,
    first_scored: Any = None,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> ReconciliationChoice:
    """Reconcile past forecasts by each method and keep bottom-up unless another is better beyond bootstrap noise.

    Methods that learn from errors get, at each cutoff, errors of periods up to that cutoff only.

    Parameters
    ----------
    forecasts : DataFrame
        ``unique_id`` (name of a node), ``cutoff``, ``ds``, ``mean``: base forecasts made at past cutoffs.
    actuals : DataFrame
        ``unique_id`` (bottom series), ``ds``, ``y``; a period without a row counts as 0 in the sums.
    hierarchy : Hierarchy
    methods : sequence of str
        Candidates; ``bottom_up`` is always one.
    scales : DataFrame, optional
        ``unique_id``, ``scale_mse``, ``weight`` of every node, as M5 publishes them. Default: mean squared change from
        period to period before the first scored cutoff; levels weigh the same, nodes by their volume before it.
    non_negative : bool
    first_scored : optional
        Cutoffs before it serve as past errors only. Default: every cutoff that knows two occasions of errors.
    n_bootstrap : int
        Draws of blocks of periods, the same for all methods and nodes.
    seed : int

    Raises
    ------
    InvalidInput
        If tables miss columns, names are unknown, or a fold breaks the rules of `reconcile_bottom`.
    NotEnoughHistory
        If no actual of a forecast period is known, or none changes before the first scored cutoff.
    """
    folds = PastFolds.of(forecasts, actuals, hierarchy)
    candidates: list[Method] = list(dict.fromkeys(["bottom_up", *methods]))
    late = [n for n, cutoff in enumerate(folds.cutoffs) if first_scored is None or cutoff >= first_scored]
    if not late:
        raise InvalidInput(
            f"`first_scored` must not lie after the last cutoff {folds.cutoffs[-1]}, got {first_scored}."
        )
    scored = [fold for fold in late if folds.past(fold) is not None]
    if not scored or not set(candidates) & set(NEED_ERRORS):
        candidates, scored = [name for name in candidates if name not in NEED_ERRORS], late
    scale, weight = node_weights(folds, hierarchy, scored[0]) if scales is None else _given_weights(scales, hierarchy)

    squared: dict[str, list[Floats]] = {name: [] for name in ["base", *candidates]}
    for fold in scored:
        base, actual = folds.base[fold], folds.actual[fold]
        sums = hierarchy.add_up(base[hierarchy.n_upper :])
        squared["base"].append((np.where(np.isnan(base), sums, base) - actual) ** 2)
        for name in candidates:
            bottom = reconcile_bottom(base, hierarchy, method=name, errors=folds.past(fold), non_negative=non_negative)
            squared[name].append((hierarchy.add_up(bottom) - actual) ** 2)
    joined = {name: np.concatenate(parts, axis=1) for name, parts in squared.items()}
    table = compare_losses(
        joined,
        scale=scale,
        weight=weight,
        horizons=[part.shape[1] for part in squared["base"]],
        n_bootstrap=n_bootstrap,
        seed=seed,
    )
    by_level = losses_by_level(joined, hierarchy, scale=scale, weight=weight)
    return ReconciliationChoice(best_method(table), table, by_level, len(scored))


def losses_by_level(squared: dict[str, Floats], hierarchy: Hierarchy, *, scale: Floats, weight: Floats) -> pd.DataFrame:
    """WRMSSE of each level alone; a row per name of ``squared``, NaN for a level without weight.

    Parameters
    ----------
    squared : dict of arrays of shape (n_nodes, n_periods)
    hierarchy : Hierarchy
    scale, weight : arrays of shape (n_nodes,)
    """
    of_level, share = hierarchy.level_of, np.where(scale > 0, weight, 0.0)
    total = np.bincount(of_level, share)
    names = [hierarchy.level_name(level) for level in range(len(hierarchy.levels))]
    rows = []
    for name, values in squared.items():
        error = np.sqrt(np.divide(values.mean(axis=1), scale, out=np.zeros_like(scale), where=scale > 0))
        loss = np.divide(np.bincount(of_level, share * error), total, out=np.full(len(total), np.nan), where=total > 0)
        rows.append({"method": name, **dict(zip(names, loss.tolist(), strict=True))})
    return pd.DataFrame(rows)


def best_method(losses: pd.DataFrame) -> Method:
    """Of `ReconciliationChoice.losses` the rule: the least loss below bottom-up's beyond noise, else bottom-up."""
    better = losses[(losses["vs_bottom_up_high"] < 0) & (losses["method"] != "base")]
    chosen: Method = "bottom_up" if better.empty else better.sort_values("wrmsse")["method"].tolist()[0]
    return chosen


def compare_losses(
    squared: dict[str, Floats],
    *,
    scale: Floats,
    weight: Floats,
    horizons: list[int],
    n_bootstrap: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """WRMSSE of several forecasts of the same nodes, and their changes with bootstrap intervals.

    Parameters
    ----------
    squared : dict of arrays of shape (n_nodes, n_periods)
        Squared errors by name; ``base`` and ``bottom_up`` are what the others are compared with.
    scale, weight : arrays of shape (n_nodes,)
        As for `wrmsse`.
    horizons : list of int
        Lengths of the folds that stand side by side in ``squared``; their sum is ``n_periods``.
    n_bootstrap : int
    seed : int

    Returns
    -------
    DataFrame
        As `ReconciliationChoice.losses`.
    """
    draws = _block_draws(horizons, n_bootstrap, seed)
    losses = {name: _wrmsse(values, draws, scale, weight) for name, values in squared.items()}
    tail = (1 - INTERVAL) / 2
    rows = []
    for name, loss in losses.items():
        row: dict[str, object] = {"method": name, "wrmsse": loss[0]}
        for other in ("base", "bottom_up"):
            change = loss - losses[other]
            low, high = np.quantile(change[1:], [tail, 1 - tail])
            row |= {f"vs_{other}": change[0], f"vs_{other}_low": low, f"vs_{other}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class PastFolds:
    """Base forecasts and actuals of all nodes at past cutoffs.

    Attributes
    ----------
    cutoffs : list
    ds : list of Series
        Periods of each fold that have actuals.
    base, actual : lists of arrays of shape (n_nodes, horizon)
        NaN rows of ``base`` are nodes without a forecast.
    history : array of shape (n_nodes, n_periods)
        All actuals, at the periods ``history_ds``.
    """

    cutoffs: list[Any]
    ds: list[pd.Series]
    base: list[Floats]
    actual: list[Floats]
    history: Floats
    history_ds: pd.Series

    @classmethod
    def of(cls, forecasts: pd.DataFrame, actuals: pd.DataFrame, hierarchy: Hierarchy) -> "PastFolds":
        """Spread the tables of `choose_reconciliation`."""
        if "cutoff" not in forecasts:
            raise InvalidInput(f"Past forecasts are missing column 'cutoff'; there are {sorted(forecasts.columns)}.")
        values, times = node_matrix(actuals, hierarchy, "y", ["ds"])
        history = hierarchy.add_up(np.nan_to_num(values[hierarchy.n_upper :]))
        known = forecasts[forecasts["ds"].isin(times["ds"])]
        if known.empty:
            raise NotEnoughHistory("No forecast period has an actual; give the actuals of past folds.")
        cutoffs, ds, base, actual = [], [], [], []
        for cutoff, part in known.groupby("cutoff"):
            matrix, steps = node_matrix(part, hierarchy, "mean", ["ds"])
            cutoffs.append(cutoff)
            ds.append(steps["ds"])
            base.append(matrix)
            actual.append(history[:, times["ds"].searchsorted(steps["ds"])])
        return cls(cutoffs, ds, base, actual, history, times["ds"])

    def past(self, fold: int) -> Floats | None:
        """Errors known at the cutoff of a fold; None when there are fewer than two occasions."""
        parts = [
            (self.base[earlier] - self.actual[earlier])[:, (self.ds[earlier] <= self.cutoffs[fold]).to_numpy()]
            for earlier in range(fold)
        ]
        errors = np.concatenate(parts, axis=1) if parts else np.empty((0, 0))
        return errors if errors.shape[1] >= 2 and (np.nan_to_num(errors) != 0).any() else None


def node_weights(folds: PastFolds, hierarchy: Hierarchy, first: int) -> tuple[Floats, Floats]:
    """Scale and weight of every node, from the actuals up to the cutoff of fold number ``first``."""
    before = folds.history[:, (folds.history_ds <= folds.cutoffs[first]).to_numpy()]
    if before.shape[1] < 2:
        raise NotEnoughHistory(
            f"The scales need two periods of actuals up to the first scored cutoff {folds.cutoffs[first]}, "
            f"got {before.shape[1]}; give earlier actuals or `scales`."
        )
    scale = (np.diff(before, axis=1) ** 2).mean(axis=1)
    volume = np.where(scale > 0, np.abs(before).sum(axis=1), 0.0)
    if not volume.any():
        raise NotEnoughHistory(
            f"No node's actuals change up to the first scored cutoff {folds.cutoffs[first]}: errors have no scale."
        )
    per_level = np.bincount(hierarchy.level_of, volume)[hierarchy.level_of]
    return scale, np.divide(volume, per_level, out=np.zeros_like(volume), where=per_level > 0)


def _given_weights(scales: pd.DataFrame, hierarchy: Hierarchy) -> tuple[Floats, Floats]:
    numbered = scales.assign(ds=0)
    scale, weight = (node_matrix(numbered, hierarchy, name, ["ds"])[0][:, 0] for name in ("scale_mse", "weight"))
    if np.isnan(scale).any() or np.isnan(weight).any() or not (scale[weight > 0] > 0).all() or not weight.any():
        raise InvalidInput(
            "`scales` must give every node a weight, and a positive `scale_mse` where the weight is not 0."
        )
    return scale, weight


def _block_draws(horizons: list[int], n_bootstrap: int, seed: int) -> Floats:
    """How often each period counts: the first column once each, then in draws of blocks."""
    starts = np.cumsum([0, *horizons[:-1]])
    blocks = [
        start + block
        for start, horizon in zip(starts, horizons, strict=True)
        for block in np.array_split(np.arange(horizon), min(N_BLOCKS, horizon))
    ]
    of_block = np.zeros((sum(horizons), len(blocks)))
    for number, block in enumerate(blocks):
        of_block[block, number] = 1
    drawn = np.random.default_rng(seed).multinomial(len(blocks), np.full(len(blocks), 1 / len(blocks)), n_bootstrap)
    return np.asarray(of_block @ np.column_stack([np.ones(len(blocks)), drawn.T]))


def _wrmsse(squared: Floats, draws: Floats, scale: Floats, weight: Floats) -> Floats:
    """Weighted RMSSE over all nodes for each column of draws."""
    used = weight > 0
    mse = squared[used] @ (draws / draws.sum(axis=0))
    return np.asarray(weight[used] @ np.sqrt(mse / scale[used, None]) / weight.sum())
