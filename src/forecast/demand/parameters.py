"""What the parameters of a forecaster may be."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from forecast.demand.grid import parse_frequency
from forecast.demand.members import GLOBAL_MEMBERS
from forecast.demand.statistical import MEMBERS
from forecast.errors import InvalidInput

MODELS = ("auto", *GLOBAL_MEMBERS, *MEMBERS)


def check_parameters(given: Mapping[str, Any]) -> None:
    """Check the parameters of `DemandForecaster`.

    Raises
    ------
    InvalidInput
        If one is out of range.
    """
    parse_frequency(given["freq"])
    for name in ("horizon", "n_windows", "max_rows", "season_length"):
        value = given[name]
        if name == "season_length" and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise InvalidInput(f"`{name}` must be a whole number of at least 1, got {value!r}.")
    if not isinstance(given["budget"], (int, float)) or not given["budget"] > 0:
        raise InvalidInput(f"`budget` must be a positive number of seconds, got {given['budget']!r}.")
    if given["model"] not in MODELS:
        raise InvalidInput(f"`model` must be one of {list(MODELS)}, got {given['model']!r}.")
    quantiles = list(given["quantiles"])
    if any(not 0 < quantile < 1 for quantile in quantiles) or quantiles != sorted(set(quantiles)):
        raise InvalidInput(f"`quantiles` must be ascending numbers between 0 and 1, got {quantiles}.")
