"""How long proposals take: CPU seconds and memory for 10,000 owners on 2,000 paths, smooth and lumpy, and for a drag.

    python benchmarks/targets_speed.py [--owners 10000] [--paths 2000] [--readme benchmarks/README.md]

Each case runs in a process of its own, on one thread, so that its peak memory is its own. Beside ours: equal shares,
and shares in proportion to the mean, which need no order of outcomes and give no equal odds.
"""

import argparse
import json
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
from readme_section import markdown, replace_section

from forecast.targets import ConstraintConflict, Proposer, Rule, attainment_odds, propose

MARK = "targets-speed"
CASES = ("smooth", "lumpy", "constraints", "drag", "conflict", "proportional to the mean")


def make_paths(kind: str, n_paths: int, n_owners: int) -> np.ndarray:
    """Smooth revenue with a common shock, or two or three deals of which few are won."""
    rng = np.random.default_rng(0)
    scale = rng.uniform(2000, 20_000, n_owners)
    if kind == "smooth":
        return scale * rng.gamma(2, 0.5, (n_paths, n_owners)) * np.exp(rng.normal(0, 0.2, (n_paths, 1)))
    return np.rint(scale) * rng.binomial(3, 0.3, (n_paths, n_owners))


def some_rules(paths: np.ndarray) -> list[Rule]:
    """A floor for a quarter of the owners, a ceiling for another quarter, ramps for a tenth."""
    mean, n = paths.mean(axis=0), paths.shape[1]
    rules = [Rule("floor", i, float(1.2 * mean[i])) for i in range(0, n, 4)]
    rules += [Rule("ceiling", i, float(mean[i])) for i in range(2, n, 4)]
    return rules + [Rule("ramp", i, 0.5) for i in range(1, n, 10)]


def measure(case: str, n_paths: int, n_owners: int) -> dict[str, object]:
    """CPU seconds, extra peak memory over the paths and how far apart the odds are."""
    paths = make_paths("lumpy" if case == "lumpy" else "smooth", n_paths, n_owners)
    total = round(1.02 * float(paths.mean(axis=0).sum()), 2)
    proposer = Proposer(paths) if case in ("drag", "conflict", "constraints") else None
    means = paths.mean(axis=0).tolist()
    tracemalloc.start()
    started = time.process_time()
    said = ""
    if case == "proportional to the mean":
        odds = attainment_odds(paths, total * paths.mean(axis=0) / paths.mean(axis=0).sum())
        said = f"odds from {odds.min():.3f} to {odds.max():.3f}"
    elif proposer is None:
        made = propose(paths, total)
        cents = int(np.rint(made.targets * 100).sum()) == round(total * 100)
        apart = f"{np.ptp(made.odds):.1e}" if case == "smooth" else ""
        inside = bool(np.all((made.odds_above <= made.ambition + 1e-12) & (made.ambition <= made.odds + 1e-12)))
        said = f"sum exact: {cents}; " + (f"odds apart by {apart}" if apart else f"all odds bracket: {inside}")
    elif case == "constraints":
        made = proposer.propose(total, some_rules(paths))
        said = f"{sum(1 for why in made.held if why)} owners held"
    elif case == "drag":
        made = proposer.drag(total, 7, 50_000.0)
        said = f"odds of the others {made.ambition:.4f}"
    else:
        try:
            proposer.propose(2 * total, [Rule("ceiling", i, float(1.5 * mean)) for i, mean in enumerate(means)])
        except ConstraintConflict as conflict:
            said = f"{len(conflict.conflict)} constraints named"
    return {
        "case": case,
        "cpu_s": time.process_time() - started,
        "extra_mb": tracemalloc.get_traced_memory()[1] / 2**20,
        "paths_mb": paths.nbytes / 2**20,
        "said": said,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--owners", type=int, default=10_000)
    parser.add_argument("--paths", type=int, default=2000)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--readme", type=Path)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(measure(arguments.case, arguments.paths, arguments.owners)))
        return
    size = ["--owners", str(arguments.owners), "--paths", str(arguments.paths)]
    rows = [
        json.loads(
            subprocess.run([sys.executable, __file__, "--case", case, *size], capture_output=True, check=True).stdout
        )
        for case in CASES
    ]
    frame = pd.DataFrame(rows)
    table = pd.DataFrame(
        {
            "case": frame["case"],
            "CPU seconds": frame["cpu_s"].map("{:.2f}".format),
            "memory beside the paths, MB": frame["extra_mb"].map("{:.0f}".format),
            "what came out": frame["said"],
        }
    )
    print(table.to_string(index=False))
    if arguments.readme:
        text = (
            f"{arguments.owners:,} owners, {arguments.paths:,} paths ({frame['paths_mb'].iloc[0]:.0f} MB), one core. "
            "*drag*, *constraints* and *conflict* start from outcomes that are already in order.\n\n" + markdown(table)
        )
        heading = "## How long targets take\n\n`python benchmarks/targets_speed.py --readme benchmarks/README.md`"
        replace_section(arguments.readme, MARK, heading, text)


if __name__ == "__main__":
    main()
