"""What a training run hands back, whatever it trained."""

from dataclasses import dataclass

import pandas as pd

from forecast.evaluation.promotion import Decision
from forecast.ports import ModelVersion


@dataclass(frozen=True)
class TrainingResult:
    """One registered challenger and what became of it.

    Attributes
    ----------
    model : ModelVersion
        The challenger, registered whether promoted or not.
    decision : Decision
        Of the gate: ``promote``, ``reason``, ``numbers``.
    metrics : DataFrame
        One row per compared model, the same later rows for all: ``model`` and its metrics.
    n_rows : int
        Rows that the challenger was refitted on.
    horizon_days : int
        ``probability`` is P(won within so many days); for series the steps ahead.
    """

    model: ModelVersion
    decision: Decision
    metrics: pd.DataFrame
    n_rows: int
    horizon_days: int
