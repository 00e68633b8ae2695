"""What a fit of the conversion model costs beside plain LightGBM, on simulated snapshots.

    python benchmarks/conversion_speed.py [--rows 50000] [--columns 100] [--readme benchmarks/README.md]

Snapshots of the given number, five per case, in the order of time; nine in ten columns are numbers (a tenth of their
values missing), one in ten is a category. Processor seconds of one process on one thread each, so that another job on
the machine changes the ratio little; wall seconds only say what a user of this machine waited.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from readme_section import markdown, replace_section
from scipy.special import expit
from threadpoolctl import threadpool_limits

from forecast.conversion import ConversionModel

MARK = "conversion-speed"
HEADING = (
    "## What a fit of the conversion model costs\n\n"
    "`python benchmarks/conversion_speed.py --readme benchmarks/README.md`"
)
SNAPSHOTS_PER_CASE, N_TREES, N_SCORED = 5, 300, 5000


def simulated(n_rows: int, n_columns: int) -> tuple[pd.DataFrame, np.ndarray, pd.DatetimeIndex, np.ndarray]:
    """Features, outcomes, moments and cases: a fifth won, told by a few columns."""
    rng = np.random.default_rng(0)
    n_categories = n_columns // 10
    numbers = rng.normal(size=(n_rows, n_columns - n_categories))
    z = -1.6 + 0.8 * numbers[:, 0] - 0.6 * numbers[:, 1] + 0.4 * numbers[:, 2] * (numbers[:, 3] > 0)
    numbers[rng.random(numbers.shape) < 0.1] = np.nan
    levels = rng.integers(0, 8, (n_rows, n_categories))
    z = z + 0.5 * (levels[:, 0] % 2)
    X = pd.DataFrame(numbers, columns=[f"number_{k}" for k in range(numbers.shape[1])])
    X = pd.concat([X, pd.DataFrame(levels, columns=[f"level_{k}" for k in range(n_categories)]).astype(str)], axis=1)
    time_of = pd.date_range("2023-01-01", periods=n_rows, freq="20min")
    return X, (rng.random(n_rows) < expit(z)).astype(float), time_of, np.arange(n_rows) // SNAPSHOTS_PER_CASE


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Processor and wall seconds."""
    processor, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - processor, time.perf_counter() - wall


def compare(n_rows: int, n_columns: int) -> pd.DataFrame:
    """A line per job: processor seconds, wall seconds, and how many plain fits it is worth."""
    X, y, time_of, cases = simulated(n_rows, n_columns)
    scored = X[:N_SCORED]
    coded = X.apply(lambda column: column if column.dtype.kind == "f" else pd.factorize(column)[0])
    options = {"objective": "binary", "num_threads": 1, "verbosity": -1}
    model = ConversionModel(gap_days=30)
    jobs: dict[str, Callable[[], object]] = {
        f"LightGBM, defaults, {N_TREES} trees": lambda: lgb.train(
            options, lgb.Dataset(coded.to_numpy(float), y), N_TREES
        ),
        "ConversionModel, fit": lambda: model.fit(X, y, time=time_of, groups=cases),
        f"its probabilities of {len(scored):,} rows": lambda: model.predict_proba(scored),
        f"its reasons of {len(scored):,} rows": lambda: model.explain(scored),
    }
    with threadpool_limits(limits=1):
        found = {name: measured(job) for name, job in jobs.items()}
    plain = next(iter(found.values()))[0]
    return pd.DataFrame(
        {
            "job": list(found),
            "processor s": [f"{cpu:.1f}" for cpu, _ in found.values()],
            "wall s": [f"{wall:.1f}" for _, wall in found.values()],
            "in plain fits": [f"{cpu / plain:.2f}" for cpu, _ in found.values()],
        }
    )


def main() -> None:
    """Measure, print, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--readme", type=Path, help="file whose section of this benchmark is replaced")
    given = parser.parse_args()
    text = f"{given.rows:,} snapshots × {given.columns} columns.\n\n" + markdown(compare(given.rows, given.columns))
    print(text)
    if given.readme:
        replace_section(given.readme, MARK, HEADING, text)


if __name__ == "__main__":
    main()
