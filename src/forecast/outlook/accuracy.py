"""How good forecasts of revenue were: model, what users know, and overrides, on the cases of each."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.evaluation.metrics.quantiles import pinball_losses
from forecast.outlook.baselines import BASELINES
from forecast.outlook.record import LEVELS, binomial_interval, one_per_case

Floats = NDArray[np.float64]

#: Columns that are forecasts of the mean, by the name of who makes them.
FORECASTERS: Mapping[str, str] = {"model": "mean", **{name: name for name in BASELINES}, "override": "override"}
#: Levels of the quantiles that are judged.
QUANTILES = tuple(round(0.1 * step, 1) for step in range(1, 10))


def quantile_columns(quantiles: Sequence[float] = QUANTILES) -> list[str]:
    """``q0.1`` …: how columns of quantiles are called."""
    return [f"q{quantile:g}" for quantile in quantiles]


def accuracy(judged: pd.DataFrame) -> pd.DataFrame:
    """Errors of the model, the baselines and the overrides per node and horizon.

    Parameters
    ----------
    judged : DataFrame
        Forecasts of finished periods: ``period``, ``level``, ``id``, ``as_of``, ``batch``, ``days_ahead``, ``actual``
        and the columns of `FORECASTERS`; missing where nobody said anything.

    Returns
    -------
    DataFrame
        ``level``, ``id``, ``horizon``, ``forecaster``, ``n`` (cases: periods), ``bias`` (sum of forecast − actual,
        positive when too high), ``bias_share`` (over the sum of absolute actuals), ``wape`` (sum of absolute errors
        over that sum; NaN where it is 0), ``model_wape`` (of the model on the same cases). Only with cases; each is
        judged by the first forecast at its horizon in which the forecaster said something.
    """
    known = judged[judged["actual"].notna()]
    tables = [_errors_of(known, name, column) for name, column in FORECASTERS.items() if column in known]
    whole = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    rank = whole["level"].map({level: at for at, level in enumerate(LEVELS)})
    place = whole["forecaster"].map({name: at for at, name in enumerate(FORECASTERS)})
    whole = whole.assign(_rank=rank, _place=place).sort_values(["_rank", "id", "horizon", "_place"], kind="stable")
    return whole.drop(columns=["_rank", "_place"]).reset_index(drop=True).round(6)


def _errors_of(judged: pd.DataFrame, name: str, column: str) -> pd.DataFrame:
    """Errors of one forecaster, each case by the first time that it said something."""
    cases = one_per_case(judged[judged[column].notna()])
    actual = cases["actual"].astype(float)
    error, model = (cases[said].astype(float) - actual for said in (column, "mean"))
    sums = pd.DataFrame({"n": 1, "bias": error, "error": error.abs(), "model": model.abs(), "actual": actual.abs()})
    table = sums.groupby([cases["level"], cases["id"], cases["horizon"]], sort=False).sum()
    scale = table["actual"].where(table["actual"] > 0)
    columns = {
        "forecaster": name,
        "n": table["n"].astype(int),
        "bias": table["bias"],
        "bias_share": table["bias"] / scale,
        "wape": table["error"] / scale,
        "model_wape": table["model"] / scale,
    }
    return pd.DataFrame(columns, index=table.index).reset_index()


def compare(forecasts: pd.DataFrame, by: Sequence[str] = ("level", "ahead")) -> pd.DataFrame:
    """Methods beside each other on the same cases: pinball loss, coverage, bias.

    Parameters
    ----------
    forecasts : DataFrame
        ``period``, ``as_of``, ``level``, ``id``, ``ahead``, ``model``, ``mean``, ``q0.1`` … ``q0.9``, ``actual``. Cases
        that a method of the group does not forecast are left out for all of them.
    by : sequence of str
        Columns whose values get a table of their own.

    Returns
    -------
    DataFrame
        ``by``, ``model``, ``n``, ``n_periods``, ``pinball`` (mean over the nine levels and the cases, in currency),
        ``pinball_share`` (over the mean absolute actual), ``wape``, ``bias_share`` (of the mean; positive when too
        high), ``inside``, ``coverage_80``, ``coverage_low``, ``coverage_high`` (95 % interval), ``width_share`` (of
        the 80 % range), ``is_best`` (least pinball loss of its group). Best first in each group.
    """
    columns = quantile_columns()
    case = ["period", "as_of", "level", "id", "ahead"]
    known = forecasts[forecasts[["mean", "actual", *columns]].notna().all(axis=1)]
    n_models = known.groupby(list(by))["model"].transform("nunique")
    known = known[known.groupby([*by, *case])["model"].transform("size") == n_models].reset_index(drop=True)
    losses = pinball_losses(known["actual"], np.array(QUANTILES), known[columns].to_numpy(dtype=float))
    error = known["mean"] - known["actual"]
    rows = known[[*by, "model", "period"]].assign(
        pinball=losses.mean(axis=1),
        error=error,
        absolute=error.abs(),
        actual=known["actual"].abs(),
        inside=known["actual"].between(known["q0.1"], known["q0.9"]),
        width=known["q0.9"] - known["q0.1"],
    )
    table = rows.groupby([*by, "model"], sort=False).agg(
        n=("pinball", "size"),
        n_periods=("period", "nunique"),
        pinball=("pinball", "mean"),
        actual=("actual", "mean"),
        absolute=("absolute", "mean"),
        error=("error", "mean"),
        inside=("inside", "sum"),
        width=("width", "mean"),
    )
    table = table.reset_index()
    rank = table["level"].map({level: at for at, level in enumerate(LEVELS)}) if "level" in table else 0
    table = table.assign(_rank=rank).sort_values(["_rank", *by, "pinball"], kind="stable", ignore_index=True)
    low, high = binomial_interval(table["inside"], table["n"])
    scale = table["actual"].where(table["actual"] > 0)
    return pd.DataFrame(
        {
            **{name: table[name] for name in by},
            "model": table["model"],
            "n": table["n"],
            "n_periods": table["n_periods"],
            "pinball": table["pinball"],
            "pinball_share": table["pinball"] / scale,
            "wape": table["absolute"] / scale,
            "bias_share": table["error"] / scale,
            "inside": table["inside"],
            "coverage_80": table["inside"] / table["n"],
            "coverage_low": low,
            "coverage_high": high,
            "width_share": table["width"] / scale,
            "is_best": table["pinball"] == table.groupby(list(by))["pinball"].transform("min"),
        }
    )
