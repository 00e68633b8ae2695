"""How the time of demand grows with the number of series, by default settings.

    python benchmarks/demand_speed.py [--readme benchmarks/README.md]

Weekly counts over two years, simulated; processor time of fitting and forecasting four weeks, beside the same for a
plain LightGBM of 300 rounds on as many training rows. Up to the largest panel the time per series must not rise.
"""

import argparse
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from readme_section import markdown, replace_section

from forecast.demand import DemandForecaster

MARK = "demand-speed"
SIZES = (1_000, 3_000, 10_000, 30_000)
N_WEEKS, HORIZON = 104, 4


def panel(n_series: int, random_state: int = 0) -> pd.DataFrame:
    """Poisson counts of series of very different size."""
    rng = np.random.default_rng(random_state)
    level = rng.gamma(1.0, 5.0, (n_series, 1)) + 0.1
    season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(N_WEEKS) / 52)
    return pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(n_series), N_WEEKS),
            "ds": np.tile(pd.date_range("2024-01-01", periods=N_WEEKS, freq="W-MON"), n_series),
            "y": rng.poisson(level * season).ravel().astype(float),
        }
    )


def measure(n_series: int) -> dict[str, float]:
    """Processor seconds of ours and of the plain model."""
    sales = panel(n_series)
    start = time.process_time()
    fitted = DemandForecaster("W", HORIZON, params={"num_threads": 1}).fit(sales)  # threads that wait count as time
    fitted.predict()
    ours = time.process_time() - start
    n_rows = min(len(sales) * 4, fitted.max_rows)
    rng = np.random.default_rng(0)
    data = lgb.Dataset(rng.normal(size=(n_rows, 40)), rng.poisson(3.0, n_rows))
    start = time.process_time()
    lgb.train({"objective": "tweedie", "num_threads": 1, "verbose": -1}, data, num_boost_round=300)
    return {"series": n_series, "ours": ours, "plain": time.process_time() - start}


def main() -> None:
    """Measure, print, and write the section where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readme", type=Path)
    given = parser.parse_args()
    rows = [measure(n_series) for n_series in SIZES]
    table = pd.DataFrame(
        {
            "series": [f"{row['series']:,.0f}" for row in rows],
            "CPU s": [f"{row['ours']:.0f}" for row in rows],
            "CPU ms a series": [f"{1000 * row['ours'] / row['series']:.1f}" for row in rows],
            "times the plain model": [f"{row['ours'] / row['plain']:.1f}" for row in rows],
        }
    )
    text = f"""Processor time of `fit` and `predict` with defaults on simulated weekly counts over two years, against a
plain LightGBM (300 rounds, as many rows as one global member has, at most 500,000).

{markdown(table)}"""
    print(text)
    if given.readme:
        heading = "## Demand: time by number of series\n\n`python benchmarks/demand_speed.py`"
        replace_section(given.readme, MARK, heading, text)


if __name__ == "__main__":
    main()
