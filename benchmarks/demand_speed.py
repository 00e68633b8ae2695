"""How the time of demand grows with the number of series, by default settings.

    python benchmarks/demand_speed.py [--readme benchmarks/README.md]

Weekly counts, simulated: two years of 1,000 to 30,000 series, where the time per series must not rise, and twelve weeks
of 100,000 series. Processor time of fitting and forecasting four weeks, beside the same for a plain LightGBM of 300
rounds on as many training rows.
"""

import argparse
import sys
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from readme_section import markdown, replace_section

from forecast.demand import DemandForecaster

MARK = "demand-speed"
#: Series and weeks of each.
SIZES = ((1_000, 104), (3_000, 104), (10_000, 104), (30_000, 104), (100_000, 12))
HORIZON = 4


def panel(n_series: int, n_weeks: int, random_state: int = 0) -> pd.DataFrame:
    """Poisson counts of series of very different size."""
    rng = np.random.default_rng(random_state)
    level = rng.gamma(1.0, 5.0, (n_series, 1)) + 0.1
    season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(n_weeks) / 52)
    return pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(n_series), n_weeks),
            "ds": np.tile(pd.date_range("2024-01-01", periods=n_weeks, freq="W-MON"), n_series),
            "y": rng.poisson(level * season).ravel().astype(float),
        }
    )


def measure(n_series: int, n_weeks: int) -> dict[str, float]:
    """Processor seconds of ours and of the plain model."""
    sales = panel(n_series, n_weeks)
    start = time.process_time()
    fitted = DemandForecaster("W", HORIZON, params={"num_threads": 1}).fit(sales)  # threads that wait count as time
    fitted.predict()
    ours = time.process_time() - start
    n_rows = min(len(sales) * 4, fitted.max_rows)
    rng = np.random.default_rng(0)
    data = lgb.Dataset(rng.normal(size=(n_rows, 40)), rng.poisson(3.0, n_rows))
    start = time.process_time()
    lgb.train({"objective": "tweedie", "num_threads": 1, "verbose": -1}, data, num_boost_round=300)
    found = {"series": n_series, "weeks": n_weeks, "ours": ours, "plain": time.process_time() - start}
    print(found, file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Measure, print, and write the section where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readme", type=Path)
    given = parser.parse_args()
    text = report([measure(n_series, n_weeks) for n_series, n_weeks in SIZES])
    print(text)
    if given.readme:
        heading = "## Demand: time by number of series\n\n`python benchmarks/demand_speed.py`"
        replace_section(given.readme, MARK, heading, text)


def report(rows: list[dict[str, float]]) -> str:
    """The section of the README."""
    table = pd.DataFrame(
        {
            "series": [f"{row['series']:,.0f}" for row in rows],
            "weeks": [str(row["weeks"]) for row in rows],
            "CPU s": [f"{row['ours']:.0f}" for row in rows],
            "CPU ms a series": [f"{1000 * row['ours'] / row['series']:.1f}" for row in rows],
            "times the plain model": [f"{row['ours'] / row['plain']:.1f}" for row in rows],
        }
    )
    return f"""Processor time of `fit` and `predict` with defaults on simulated weekly counts, against a
plain LightGBM (300 rounds, on four rows a value, at most 2,000,000). The default budget of 600 nominal
seconds bounds it for large panels.

{markdown(table)}"""


if __name__ == "__main__":
    main()
