"""Drift: how far the cases of today differ from those that a model learned from, feature by feature."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

Floats = NDArray[np.float64]

#: Below the first a feature is as it was, from the second on it is another one: Siddiqi (2006), Credit Risk Scorecards.
MODERATE, LARGE = 0.1, 0.25
STABLE, SOME, MUCH, TOO_FEW = "stable", "moderate", "large", "too few"

#: Fewer cases on one side say nothing.
MIN_CASES = 50

N_BINS = 10
#: Categories that are told apart; rarer ones together.
MAX_CATEGORIES = 20
OTHER = "(other)"

#: A bin that is empty on one side counts as this many cases, so that the index stays finite.
_PSEUDO = 0.5


def describe_features(features: pd.DataFrame, names: Sequence[str], n_cases: int) -> dict[str, Any]:
    """What later cases are compared with: bins of every feature and the share of cases in each.

    Parameters
    ----------
    features : DataFrame
        Numbers with NaN, categories as text with None.
    names : sequence of str
        Columns to describe.
    n_cases : int
        Independent cases among the rows: snapshots of one case are one.

    Returns
    -------
    dict
        Plain values: ``n_cases`` and ``features`` by name, each with ``edges`` (inner edges of ten bins of about equal
        mass, of a number) or ``categories``, and ``shares``, the last one that of missing values; they sum to 1.
    """
    described = {name: _described(features[name]) for name in names}
    return {"n_cases": int(n_cases), "features": described}


def stability(reference: Mapping[str, Any], features: pd.DataFrame) -> pd.DataFrame:
    """Population stability index of each feature: ``sum((q - p) ln(q / p))`` over its bins, 0 for no difference.

    Parameters
    ----------
    reference : mapping
        From `describe_features`.
    features : DataFrame
        One row per case of today; a column that is not there is missing in every row.

    Returns
    -------
    DataFrame
        ``feature``, ``psi`` (>= 0), ``chance`` (what equal populations of these sizes exceed 1 time in 20 [1]_),
        ``missing_before``, ``missing_now`` (shares), ``verdict`` (``stable``, ``moderate`` from .1, ``large`` from .25
        on; ``stable`` too where chance alone explains the index; ``too few`` below 50 cases on a side); largest first.

    References
    ----------
    .. [1] Yurdakul & Naranjo (2020), Statistical properties of the population stability index. Journal of Risk Model
       Validation 14(4): (1/n + 1/m) chi-squared with as many degrees of freedom as bins less 1.
    """
    n_before, n_now = int(reference["n_cases"]), len(features)
    rows = []
    for name, said in reference["features"].items():
        before = np.asarray(said["shares"], dtype=float)
        now = _shares(features.get(name, pd.Series(np.nan, index=features.index)), said)
        psi, n_bins = _index(before, now, n_before, n_now)
        chance = float(chi2.ppf(0.95, max(n_bins - 1, 1)) * (1 / max(n_before, 1) + 1 / max(n_now, 1)))
        verdict = TOO_FEW if min(n_before, n_now) < MIN_CASES else _verdict(psi, chance)
        rows.append((name, psi, chance, float(before[-1]), float(now[-1]), verdict))
    table = pd.DataFrame(rows, columns=["feature", "psi", "chance", "missing_before", "missing_now", "verdict"])
    return table.sort_values(["psi", "feature"], ascending=[False, True], ignore_index=True).round(9)


def _described(column: "pd.Series[Any]") -> dict[str, Any]:
    if pd.api.types.is_numeric_dtype(column):
        known = column.dropna().to_numpy(dtype=float)
        inner = np.quantile(known, np.arange(1, N_BINS) / N_BINS) if len(known) else np.empty(0)
        said: dict[str, Any] = {"edges": [float(edge) for edge in np.unique(inner)]}
    else:
        counts = column.dropna().astype(str).value_counts()
        ranked = counts.rename_axis("name").reset_index(name="n").sort_values(["n", "name"], ascending=[False, True])
        said = {"categories": ranked["name"].head(MAX_CATEGORIES).tolist()}
    return said | {"shares": [float(share) for share in _shares(column, said)]}


def _shares(column: "pd.Series[Any]", said: Mapping[str, Any]) -> Floats:
    """Share of the cases in each bin, the last one that of missing values."""
    missing = column.isna().to_numpy()
    if "edges" in said:
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
        # A value on an edge lies above it on both sides alike, so that a number that repeats stays in one bin.
        codes = np.searchsorted(np.asarray(said["edges"], dtype=float), values, side="right")
        n_bins = len(said["edges"]) + 1
    else:
        codes = pd.Index([*said["categories"], OTHER]).get_indexer(pd.Index(column.astype(str)))
        n_bins = len(said["categories"]) + 1
        codes = np.where(codes < 0, n_bins - 1, codes)
    counts = np.bincount(np.where(missing, n_bins, codes), minlength=n_bins + 1)
    return np.asarray(counts / max(len(column), 1), dtype=float)


def _index(before: Floats, now: Floats, n_before: int, n_now: int) -> tuple[float, int]:
    """The index, and the number of bins that have cases on a side."""
    used = (before > 0) | (now > 0)
    p = np.maximum(before[used], _PSEUDO / max(n_before, 1))
    q = np.maximum(now[used], _PSEUDO / max(n_now, 1))
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum()), int(used.sum())


def _verdict(psi: float, chance: float) -> str:
    if psi <= chance or psi < MODERATE:
        return STABLE
    return MUCH if psi >= LARGE else SOME
