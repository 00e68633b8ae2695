"""Coherent forecasts of M5's 42,840 nodes: base forecasts of each node alone, reconciled in several ways.

    python benchmarks/reconcile_m5.py --data ../shared/data/m5           all windows; writes README.md, test_reads.csv
    python benchmarks/reconcile_m5.py --data ../shared/data/m5 --valid-only   earlier windows only

Base forecasts at each of five cutoffs, 28 days apart: the dynamic optimised Theta method for the 154 nodes above the
items, for the others the smoothing constant and season that were best on the node's two windows before the cutoff.
They know nothing of each other and do not add up. The method is chosen on windows before d_1914; d_1914 - d_1941 are
read once, after.
"""

import argparse
import csv
import resource
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from m5_wrmsse import FIRST_DAY, HORIZON, LEVELS, read_sales
from readme_section import replace_section
from statsforecast.models import DynamicOptimizedTheta

from forecast.demand.baselines import seasonal_smoothing
from forecast.demand.hierarchy import BOTTOM, Hierarchy
from forecast.demand.reconcile import METHODS, reconcile_bottom
from forecast.demand.reconciliation_choice import best_method, compare_losses

#: Last days known. At each, errors of the cutoffs before it are known; the first serves as past errors only.
CUTOFFS = (1801, 1829, 1857, 1885)
TEST_CUTOFF = 1913
N_LEVELS_ABOVE_ITEMS = 9
SMOOTHING = [(alpha, season) for season in (7, 1) for alpha in (0.03, 0.1, 0.3)]
HERE = Path(__file__).parent


def build_hierarchy(sales: pd.DataFrame) -> Hierarchy:
    """The twelve levels of the competition."""
    static = sales[["item_id", "dept_id", "cat_id", "store_id", "state_id"]].assign(unique_id=sales["id"])
    return Hierarchy.of(static, [BOTTOM if level == ("id",) else level for level in LEVELS])


def published_scales(data: Path, hierarchy: Hierarchy) -> pd.DataFrame:
    """Published scale and weight of each node, under our names."""
    published = pd.read_parquet(data / "wrmsse_scales_weights_d1914_d1941.parquet")
    parts = []
    for number, columns in enumerate(hierarchy.levels, start=1):
        rows = published[published["level"] == number]
        names = rows["agg_1"] if columns == BOTTOM else pd.Series("total", index=rows.index)
        if columns and columns != BOTTOM:
            names = columns[0] + "=" + rows["agg_1"]
        if len(columns) == 2:
            names = names + f"/{columns[1]}=" + rows["agg_2"]
        parts.append(rows[["scale_mse", "weight"]].assign(unique_id=names))
    return pd.concat(parts).set_index("unique_id").loc[hierarchy.nodes].reset_index()


def base_forecasts(past: np.ndarray, hierarchy: Hierarchy) -> np.ndarray:
    """Forecasts of shape (n_nodes, 28), each node from its own past."""
    squared = np.zeros((len(SMOOTHING), len(past)))
    for n_held in (HORIZON, 2 * HORIZON):
        held = past[:, past.shape[1] - n_held :][:, :HORIZON]
        for row, (alpha, season) in enumerate(SMOOTHING):
            forecast = seasonal_smoothing(past[:, :-n_held], HORIZON, season, alpha=alpha)
            squared[row] += ((forecast - held) ** 2).sum(axis=1)
    best = squared.argmin(axis=0)
    base = np.empty((len(past), HORIZON))
    for row, (alpha, season) in enumerate(SMOOTHING):
        base[best == row] = seasonal_smoothing(past[best == row], HORIZON, season, alpha=alpha)
    for node in np.flatnonzero(hierarchy.level_of < N_LEVELS_ABOVE_ITEMS):
        mean = DynamicOptimizedTheta(season_length=7).forecast(y=past[node], h=HORIZON)["mean"]
        base[node] = np.maximum(mean, 0)
    return base


def base_at(cutoff: int, values: np.ndarray, hierarchy: Hierarchy, cache: Path | None) -> np.ndarray:
    """Base forecasts from the days up to a cutoff; kept in ``cache`` between runs."""
    path = None if cache is None else cache / f"base_{cutoff}.npy"
    if path is not None and path.exists():
        return np.load(path)
    base = base_forecasts(values[:, : cutoff - FIRST_DAY + 1], hierarchy)
    if path is not None:
        np.save(path, base)
    return base


@dataclass(frozen=True)
class Window:
    """Squared errors of base and methods in 28 days, shape (n_nodes, 28), and what the methods did beside."""

    squared: dict[str, np.ndarray]
    notes: dict[str, dict[str, float]]


def measure(cutoff: int, bases: dict[int, np.ndarray], values: np.ndarray, hierarchy: Hierarchy) -> Window:
    """All methods in one window, with the errors known at its cutoff."""
    errors = np.concatenate([bases[c] - window(values, c) for c in bases if c + HORIZON <= cutoff], axis=1)
    base, actual = bases[cutoff], window(values, cutoff)
    squared, notes = {"base": (base - actual) ** 2}, {"base": note(base, base, actual, hierarchy, 0.0)}
    for method in METHODS:
        start = time.process_time()
        nodes = hierarchy.add_up(reconcile_bottom(base, hierarchy, method=method, errors=errors, non_negative=True))
        notes[method] = note(nodes, base, actual, hierarchy, time.process_time() - start)
        squared[method] = (nodes - actual) ** 2
        print(cutoff, method, notes[method], flush=True)
    return Window(squared, notes)


def losses_of(windows: list[Window], scales: pd.DataFrame) -> pd.DataFrame:
    """WRMSSE over some windows, and changes against base and bottom-up."""
    squared = {name: np.concatenate([w.squared[name] for w in windows], axis=1) for name in windows[0].squared}
    scale, weight = (scales[name].to_numpy() for name in ("scale_mse", "weight"))
    return compare_losses(squared, scale=scale, weight=weight, horizons=[HORIZON] * len(windows))


def window(values: np.ndarray, cutoff: int) -> np.ndarray:
    """Actuals of the 28 days after a cutoff."""
    start = cutoff - FIRST_DAY + 1
    return values[:, start : start + HORIZON]


def note(
    nodes: np.ndarray, base: np.ndarray, actual: np.ndarray, hierarchy: Hierarchy, seconds: float
) -> dict[str, float]:
    """What a reconciliation did beside its loss."""
    gap = nodes - hierarchy.add_up(nodes[hierarchy.n_upper :])
    return {
        "seconds": seconds,
        "gap": float(np.abs(gap).max() / np.abs(nodes[0]).max()),
        "total": nodes[0].sum() / base[0].sum() - 1,
        "bias": nodes[0].sum() / actual[0].sum() - 1,
        "least": float(nodes.min()),
    }


def table(windows: dict[int, Window], scales: pd.DataFrame, chosen: str) -> str:
    """The section of the README."""
    last = max(windows)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    headers = " | ".join(f"d_{cutoff + 1} - d_{cutoff + HORIZON}" for cutoff in windows)
    losses = {cutoff: losses_of([part], scales).set_index("method") for cutoff, part in windows.items()}
    lines = [
        f"By `benchmarks/reconcile_m5.py`, one core, peak {peak_gb:.1f} GB with all base forecasts in memory. WRMSSE"
        " over all levels with the published weights. Base forecasts are made for each node alone: Theta for 154 nodes,"
        " smoothing chosen per node for the others. Methods that learn take the errors of the windows before. On"
        f" {len(CUTOFFS) - 1} windows before d_1914 the rule of `choose_reconciliation` chose **{chosen}**; the"
        " last window was read once, after. Change: against base, with a 90 % interval by bootstrap over weeks, in the"
        " last window. Gap: largest difference between a node and the sum of its parts, over the total. Total: what"
        " reconciling (kept at 0 or above) does to the forecast of the total. Seconds of processor time.",
        "",
        f"| method | {headers} | change | total | bias of the total | gap | seconds |",
        "|---" * (6 + len(windows)) + "|",
    ]
    for row in losses[last].reset_index().itertuples():
        scores = " | ".join(f"{frame.loc[row.method, 'wrmsse']:.4f}" for frame in losses.values())
        name = f"**{row.method}**" if row.method == chosen else row.method
        beside = windows[last].notes[row.method]
        lines.append(
            f"| {name} | {scores} | {row.vs_base:+.4f} ({row.vs_base_low:+.4f} to {row.vs_base_high:+.4f}) |"
            f" {beside['total']:+.2%} | {beside['bias']:+.1%} | {beside['gap']:.0e} | {beside['seconds']:.1f} |"
        )
    return "\n".join(lines)


def log_reads(losses: pd.DataFrame) -> None:
    """Append what was seen of the test window."""
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=HERE)
    path = HERE / "test_reads.csv"
    with path.open(encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file))
    stamp = {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "commit": done.stdout.strip() or "unknown"}
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        for row in losses.itertuples():
            model = f"reconcile {row.method}: WRMSSE {row.wrmsse:.5f}"
            writer.writerow(stamp | {"set": "m5", "part": "d_1914-d_1941", "model": model})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--valid-only", action="store_true")
    parser.add_argument("--cache", type=Path, help="existing folder that keeps base forecasts")
    arguments = parser.parse_args()
    sales = read_sales(arguments.data)
    hierarchy = build_hierarchy(sales)
    scales = published_scales(arguments.data, hierarchy)
    last_day = TEST_CUTOFF if arguments.valid_only else TEST_CUTOFF + HORIZON
    values = hierarchy.add_up(sales[[f"d_{day}" for day in range(FIRST_DAY, last_day + 1)]].to_numpy(dtype=float))

    bases, windows = {}, {}
    for cutoff in CUTOFFS if arguments.valid_only else (*CUTOFFS, TEST_CUTOFF):
        bases[cutoff] = base_at(cutoff, values, hierarchy, arguments.cache)
        if cutoff > CUTOFFS[0]:
            windows[cutoff] = measure(cutoff, bases, values, hierarchy)
        if cutoff == CUTOFFS[-1]:
            losses = losses_of(list(windows.values()), scales)
            chosen = best_method(losses)
            print(losses.round(4).to_string(), chosen, sep="\n", flush=True)
    if not arguments.valid_only:
        log_reads(losses_of([windows[TEST_CUTOFF]], scales))
        body = table(windows, scales, chosen)
        replace_section(HERE / "README.md", "m5-coherent", "## M5: coherent forecasts of 42,840 nodes", body)
    print(table(windows, scales, chosen))


if __name__ == "__main__":
    main()
