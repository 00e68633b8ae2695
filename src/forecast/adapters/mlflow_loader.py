"""How MLflow loads one of our models for serving or in a notebook: ``mlflow.pyfunc.load_model(uri)``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

#: Beside the model's files: which registered model they are.
IDENTITY_FILE = "identity.json"


class ConversionPredictor:
    """Probabilities from a frame of features, as ``forecast.features.build_features`` makes it.

    ``as_of`` is in UTC and without a zone, as all moments in MLflow.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        from forecast.conversion import ConversionScorer

        self.scorer = ConversionScorer.from_files(files)

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Win probability within the model's horizon, its 80 % interval, and the three shorter horizons."""
        scored = self.scorer.score(model_input)
        return scored[["probability", "low", "high", *(name for name in scored.columns if name.startswith("p_"))]]


class DemandPredictor:
    """Forecasts of a panel ``unique_id``, ``ds``, ``y``: its history up to the moment of the forecast."""

    def __init__(self, files: dict[str, bytes]) -> None:
        from forecast.demand import CoherentForecaster

        self.forecaster = CoherentForecaster.from_files(files)

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """``unique_id``, ``ds``, ``mean`` and quantiles of the steps after the panel's end."""
        return self.forecaster.observe(model_input).predict()


def _load_pyfunc(data_path: str) -> ConversionPredictor | DemandPredictor:
    """Called by MLflow with the folder of the model's files."""
    files = {file.name: file.read_bytes() for file in sorted(Path(data_path).iterdir())}
    name = json.loads(files.pop(IDENTITY_FILE))["name"]
    return ConversionPredictor(files) if name.startswith("conversion_") else DemandPredictor(files)
