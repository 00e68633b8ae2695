"""How often the 80 % interval of a case holds its true chance of a win, on simulated tables of few rows.

    python benchmarks/conversion_intervals.py [--draws 20] [--readme benchmarks/README.md]

The true chance E[y | features] of each case is known, since the tables are simulated. `ConversionModel` with its
defaults learns from n rows; its interval is asked for 500 fresh cases. Wanted: 75-85 % of them hold.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from readme_section import markdown, replace_section
from scipy.special import expit

from forecast.conversion import ConversionModel

MARK = "conversion-intervals"
HEADING = (
    "## Intervals of a case's own chance, from 20 to 400 rows\n\n"
    "`python benchmarks/conversion_intervals.py --readme benchmarks/README.md`"
)
SIZES = (20, 50, 100, 200, 400)
N_FRESH = 500

Numbers = np.ndarray


def _line(X: pd.DataFrame) -> Numbers:
    return np.asarray(-1 + 0.8 * X["a"] - 0.5 * X["b"])


def _interaction(X: pd.DataFrame) -> Numbers:
    return np.asarray(-1 + 0.8 * X["a"] - 0.5 * X["b"] + 0.6 * (X["source"] == "fair") * X["c"])


def _levels(X: pd.DataFrame) -> Numbers:
    return np.asarray(X["source"].map({"web": -2.0, "fair": -0.5, "call": 0.5}).astype(float))


def _bend(X: pd.DataFrame) -> Numbers:
    return np.asarray(-1.5 + 0.8 * np.abs(X["a"]) + 0.6 * (X["b"] > 0.5))


def _nothing(X: pd.DataFrame) -> Numbers:
    return np.full(len(X), -1.2)


#: What the log-odds of a win depend on. The first three are lines or nearly so, the fourth is none.
WORLDS: dict[str, Callable[[pd.DataFrame], Numbers]] = {
    "two numbers": _line,
    "numbers and an interaction": _interaction,
    "three levels": _levels,
    "bend and step": _bend,
    "nothing": _nothing,
}


def table(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Five numbers and a source."""
    X = pd.DataFrame(rng.normal(size=(n, 5)), columns=list("abcde"))
    return X.assign(source=rng.choice(["web", "fair", "call"], n))


def held(world: Callable[[pd.DataFrame], Numbers], n: int, seed: int) -> tuple[float, float] | None:
    """Share of fresh cases whose interval holds their chance, and its mean width; None with under two of an outcome."""
    rng = np.random.default_rng([seed, n])
    X, fresh = table(n, rng), table(N_FRESH, rng)
    y = (rng.random(n) < expit(world(X))).astype(float)
    if min(y.sum(), n - y.sum()) < 2:
        return None
    low, high = ConversionModel().fit(X, y).interval(fresh, level=80.0)
    truth = expit(world(fresh))
    return float(((low <= truth) & (truth <= high)).mean()), float((high - low).mean())


def lines(n_draws: int) -> Iterator[dict[str, str]]:
    """A line per world, then the mean over worlds."""
    found = {
        (name, n): np.array([each for seed in range(n_draws) if (each := held(world, n, seed)) is not None])
        for name, world in WORLDS.items()
        for n in SIZES
    }
    for name in WORLDS:
        yield {"log-odds hang on": name} | {str(n): _shown(found[name, n]) for n in SIZES}
    yield {"log-odds hang on": "all"} | {
        str(n): _shown(np.concatenate([found[name, n] for name in WORLDS])) for n in SIZES
    }


def _shown(draws: Numbers) -> str:
    """Mean share held with its standard error over draws, and the mean width in points."""
    share, width = draws.mean(axis=0)
    return f"{share:.0%} ± {draws[:, 0].std(ddof=1) / np.sqrt(len(draws)):.0%} ({100 * width:.0f})"


def main() -> None:
    """Measure, print, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20, help="tables per world and size")
    parser.add_argument("--readme", type=Path, help="file whose section of this benchmark is replaced")
    given = parser.parse_args()
    text = (
        f"Share of {N_FRESH} fresh cases whose 80 % interval holds their true chance, with its standard error over "
        f"{given.draws} tables; in brackets the mean width in points. Columns: rows learned from.\n\n"
        + markdown(pd.DataFrame(list(lines(given.draws))))
    )
    print(text)
    if given.readme:
        replace_section(given.readme, MARK, HEADING, text)


if __name__ == "__main__":
    main()
