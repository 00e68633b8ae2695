"""How often the gate promotes the conversion model where there is nothing to find.

    python benchmarks/negative_controls.py [--seeds 100] [--write]

Each table is fitted on its first half with the defaults of `ConversionModel` and judged on its second half against the
rate of the first, by the gate's rule: promoted when the one-sided 95 % bound of the difference in log loss lies below
0 and the calibration is not worse. A challenger as good as the base rate would be promoted in 5 of 100 tables. Beside
it: how often the 95 % interval of the AUC leaves out .5, which alone is called no merit.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from readme_section import replace_section
from scipy.stats import beta

from forecast.conversion import ConversionModel
from forecast.datasets import load_bank_marketing
from forecast.evaluation.evaluate import gate
from forecast.evaluation.metrics import roc_auc_interval

README = Path(__file__).with_name("README.md")
MARK = "negative-controls"
HEADING = "## Where there is nothing to find\n\n`python benchmarks/negative_controls.py --write`"

#: Rows fitted and judged, and the share of the seeds: large tables take long and say the same.
SIZES = {200: 1.0, 1000: 0.25}


def noise(n: int, n_seeds: int) -> Iterator[tuple[pd.DataFrame, np.ndarray, np.ndarray]]:
    """Four numbers and a category that have nothing to do with the outcome; 30 % won."""
    for seed in range(n_seeds):
        rng = np.random.default_rng([seed, n])
        X = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd")).assign(e=rng.choice(["x", "y", "z"], n))
        yield X.astype({"e": object}), (rng.random(n) < 0.3).astype(float), np.arange(n)


def shuffled_bank(n: int, n_seeds: int) -> Iterator[tuple[pd.DataFrame, np.ndarray, np.ndarray]]:
    """Random calls of the bank in their order, their outcomes permuted among them."""
    table = load_bank_marketing()["calls"].drop(columns="duration")
    for seed in range(n_seeds):
        rng = np.random.default_rng([seed, n])
        rows = np.sort(rng.choice(len(table), n, replace=False))
        X = table.iloc[rows].reset_index(drop=True)
        y = (X.pop("y") == "yes").to_numpy().astype(float)
        yield X, rng.permutation(y), np.arange(n)


CONTROLS = {
    "numbers and categories drawn at random": noise,
    "bank calls without `duration`, outcomes permuted": shuffled_bank,
}


def judged(X: pd.DataFrame, y: np.ndarray, time_of: np.ndarray) -> tuple[bool, float, bool]:
    """Whether it is promoted, by how much its log loss differs from the base rate's, and whether the AUC tempts."""
    half = len(y) // 2
    model = ConversionModel().fit(X[:half], y[:half], time=time_of[:half])
    p = model.predict_proba(X[half:])[:, 1]
    decision = gate(y[half:], np.full(len(p), y[:half].mean()), p, time_of[half:], floor=True)
    low, high = roc_auc_interval(y[half:], p)
    return decision.promote, decision.numbers["difference"], not low <= 0.5 <= high


def table(n_seeds: int) -> Iterator[str]:
    """Lines of a Markdown table, one per control and size."""
    yield "| control | rows, fitted + judged | promoted | rate (95 %) | mean difference | AUC interval without .5 |"
    yield "|---|---|---|---|---|---|"
    for name, control in CONTROLS.items():
        for n, share in SIZES.items():
            started = time.monotonic()
            outcomes = [judged(*rows) for rows in control(2 * n, int(share * n_seeds))]
            promoted, difference, tempting = (np.array(column) for column in zip(*outcomes, strict=True))
            k, tables = int(promoted.sum()), len(promoted)
            low = beta.ppf(0.025, k, tables - k + 1) if k else 0.0
            high = beta.ppf(0.975, k + 1, tables - k)
            seeds = f" (seeds {', '.join(map(str, np.flatnonzero(promoted)))})" if k else ""
            print(f"{name}, {n}: {time.monotonic() - started:.0f} s", flush=True)
            yield (
                f"| {name} | {n} + {n} | {k} of {tables}{seeds} | {low:.1%}–{high:.1%} | {difference.mean():+.4f} "
                f"| {tempting.mean():.0%} |"
            )


def main() -> None:
    """Count, print, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--write", action="store_true", help="into benchmarks/README.md")
    given = parser.parse_args()
    lines = list(table(given.seeds))
    text = (
        "Promotions of the conversion model over the base rate on tables without signal; 5 % is what the gate's "
        "one-sided bound allows. Differences of log loss in nats per case; positive is worse.\n\n" + "\n".join(lines)
    )
    print(text)
    if given.write:
        replace_section(README, MARK, HEADING, text)


if __name__ == "__main__":
    main()
