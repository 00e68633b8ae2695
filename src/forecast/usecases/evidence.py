"""What was kept with a model to judge it by later: predictions on later time, importance, and what it learned from.

The files lie beside the model's own, so that pages show them also while the tracking server is gone.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from forecast.evaluation.breakdown import MISSING, breakdown
from forecast.evaluation.reliability import reliability_curve

#: Predictions of rows later than the training: case (a number), as_of, y, probability, baseline, and the segments.
RELIABILITY = "reliability.parquet"
#: Of reasons and features; see `forecast.attribution.importance`.
IMPORTANCE = "importance.csv"
#: Every compared model on the same later rows.
EVALUATION = "evaluation.csv"
#: Scores of a demand model by class of series.
CLASSES = "classes.csv"
#: What the features looked like; see `forecast.monitoring.drift`.
REFERENCE = "reference.json"

_NOT_SEGMENTS = ("case", "as_of", "y", "probability", "baseline", "month")
MONTH = "month"


@dataclass(frozen=True)
class Reliability:
    """How right a model was on later time, over all or in one group.

    Attributes
    ----------
    ways : tuple of str
        What the rows can be parted by: ``month`` and the segments.
    by : str
        The one of ``ways`` that ``groups`` is by.
    groups : DataFrame
        `breakdown` by it.
    group : str
        The group that ``curve`` is of; empty for all.
    curve : DataFrame
        From `reliability_curve`.
    """

    ways: tuple[str, ...]
    by: str
    groups: pd.DataFrame
    group: str
    curve: pd.DataFrame


def reliability_of(files: Mapping[str, bytes], by: str = MONTH, group: str = "") -> Reliability | None:
    """Reliability of a model by month or segment; None where its predictions were not kept.

    Parameters
    ----------
    files : mapping of file name to content
        Of the registered model.
    by : str
        ``month`` or a segment; an unknown one counts as ``month``.
    group : str
        Only this group's curve; one that there is not counts as all.
    """
    if RELIABILITY not in files:
        return None
    rows = pd.read_parquet(io.BytesIO(files[RELIABILITY]))
    rows = rows.assign(month=rows["as_of"].dt.strftime("%Y-%m"))
    ways = (MONTH, *(str(name) for name in rows.columns if name not in _NOT_SEGMENTS))
    by = by if by in ways else MONTH
    labels = rows[by].fillna(MISSING).astype(str)
    y, p, base, case = (rows[name].to_numpy() for name in ("y", "probability", "baseline", "case"))
    groups = breakdown(y, p, labels, y_base=base, clusters=case)
    mask = (labels == group).to_numpy()
    group = group if mask.any() else ""
    chosen = mask if group else mask | True
    curve = reliability_curve(y[chosen], p[chosen], clusters=case[chosen])
    return Reliability(ways, by, groups, group, curve)


def kept_predictions(
    cases: ArrayLike,
    as_of: ArrayLike,
    y: ArrayLike,
    probability: ArrayLike,
    baseline: ArrayLike,
    segments: Mapping[str, ArrayLike],
) -> bytes:
    """The file that `reliability_of` reads; cases become numbers, so that nothing leads back to anybody.

    Parameters
    ----------
    cases, as_of, y, probability, baseline : arrays of shape (n,)
        Which case, when, what came (1.0 or 0.0), and what the model and the baseline had said.
    segments : mapping of name to array of shape (n,)
    """
    rows = pd.DataFrame(
        {
            "case": pd.factorize(np.asarray(cases))[0],
            "as_of": pd.to_datetime(np.asarray(as_of), utc=True),
            "y": np.asarray(y, dtype=float),
            "probability": np.asarray(probability, dtype=float).round(6),
            "baseline": np.asarray(baseline, dtype=float).round(6),
            **{name: np.asarray(values, dtype=object) for name, values in segments.items()},
        }
    )
    stored = io.BytesIO()
    rows.to_parquet(stored, index=False, compression="zstd")
    return stored.getvalue()


def kept_table(files: Mapping[str, bytes], name: str) -> pd.DataFrame | None:
    """A table that was kept as CSV; None where it was not."""
    return pd.read_csv(io.BytesIO(files[name])) if name in files else None


def kept_reference(files: Mapping[str, bytes]) -> dict[str, Any] | None:
    """What the features of the training looked like; None where that was not kept."""
    return json.loads(files[REFERENCE]) if REFERENCE in files else None
