"""What the demand comparison says about forecasts: scores of one set, of all or some of its series, and differences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any

import numpy as np
import pandas as pd
from demand_peers import COLUMNS, QUANTILES
from demand_sets import Fold, Task

from forecast.demand.classes import classify
from forecast.evaluation.metrics.owa import naive2
from forecast.evaluation.metrics.pit import randomised_pit
from forecast.evaluation.metrics.quantiles import pinball_losses
from forecast.evaluation.metrics.series import absolute_percentage, naive_mae, naive_mse

OURS = "forecast"
MEAN = "mean of ETS and DOT"
NAIVE2 = "Naive2"
PUBLISHED = " (published)"
#: The quantiles whose pinball loss is compared: what a forecaster gives by default.
PINBALL = (0.1, 0.5, 0.9)
LEVEL = 80.0
N_DRAWS = 1000
KEYS = ["fold", "unique_id"]


@dataclass(frozen=True)
class Judged:
    """Forecasts of all models for the same rows of one task.

    Attributes
    ----------
    rows : DataFrame
        ``fold``, ``unique_id``, ``ds``, ``y`` and, of the series at the origin, ``class``, ``scale_mse``,
        ``scale_mae`` (mean squared and absolute change from one period to the next), ``scale_season`` (over a season).
    forecasts : mapping of model to array of shape (n_rows, 1 + n_quantiles)
        Mean and quantiles in the rows' order; NaN where the model says nothing.
    facts : mapping of model to its ``cpu_seconds``, ``seconds``, ``n_series`` and ``peak_gb``
        Summed over folds; of the memory the largest.
    """

    task: Task
    rows: pd.DataFrame
    forecasts: Mapping[str, np.ndarray]
    facts: Mapping[str, Mapping[str, float]]
    found: dict[Any, Any] = field(default_factory=dict)  # by `once`

    @cached_property
    def samples(self) -> list[np.ndarray]:
        """Flags of the rows that are compared: all of them, and those that the models run on fewer series have."""
        covers = {np.isfinite(values[:, 0]).tobytes(): np.isfinite(values[:, 0]) for values in self.forecasts.values()}
        return sorted(covers.values(), key=lambda rows: -int(rows.sum()))

    def models(self, rows: np.ndarray) -> list[str]:
        """Those that have a forecast for each of the rows."""
        return [name for name, values in self.forecasts.items() if np.isfinite(values[rows, 0]).all()]


def once(calculate: Callable[..., Any]) -> Callable[..., Any]:
    """Keep what was calculated of a set, a model and rows: every table asks again."""

    @wraps(calculate)
    def kept(judged: Judged, model: str, rows: np.ndarray, *more: str) -> Any:
        key = (calculate.__name__, model, rows.tobytes(), *more)
        if key not in judged.found:
            judged.found[key] = calculate(judged, model, rows, *more)
        return judged.found[key]

    return kept


def judge(
    task: Task, frames: Mapping[str, list[pd.DataFrame | None]], facts: Mapping[str, Mapping[str, float]]
) -> Judged:
    """Put the models' forecasts (a frame per fold) beside what came true."""
    rows = pd.concat([_rows(task, fold, number) for number, fold in enumerate(task.folds)], ignore_index=True)
    rows["ds"] = rows["ds"].infer_objects()
    forecasts = {}
    for name, of_folds in frames.items():
        parts = [frame.assign(fold=number) for number, frame in enumerate(of_folds) if frame is not None]
        if parts:
            found = pd.concat(parts, ignore_index=True).astype({"unique_id": str})
            merged = rows[[*KEYS, "ds"]].merge(found, "left", [*KEYS, "ds"])
            forecasts[name] = merged[["mean", *COLUMNS]].to_numpy(dtype=float)
    if "AutoETS" in forecasts and "DOT" in forecasts:
        forecasts[MEAN] = (forecasts["AutoETS"] + forecasts["DOT"]) / 2
        both = [facts["AutoETS"], facts["DOT"]]
        seconds = {key: sum(one[key] / one["n_series"] for one in both) for key in ("seconds", "cpu_seconds")}
        facts = {**facts, MEAN: seconds | {"n_series": 1.0, "peak_gb": max(one["peak_gb"] for one in both)}}
    is_positive = all((fold.past["y"] >= 0).all() for fold in task.folds)
    for name, values in forecasts.items():
        values[:, 1:] = np.sort(values[:, 1:], axis=1)  # quantiles of peers cross now and then; NaN stays at the end
        forecasts[name] = np.maximum(values, 0) if is_positive else values
    if task.is_competition:
        forecasts[NAIVE2] = _naive2(task, rows)
    return Judged(task, rows, forecasts, facts)


def wide(past: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Ids and histories side by side, aligned at the end, NaN where unknown."""
    table = past.pivot_table(index="unique_id", columns="ds", values="y", aggfunc="first")
    table = table.reindex(columns=_moments(past))
    values = table.to_numpy(dtype=float)
    n_after = np.argmax(~np.isnan(values[:, ::-1]), axis=1)
    place = (np.arange(values.shape[1]) - n_after[:, None]) % values.shape[1]
    return table.index.to_numpy(), np.take_along_axis(values, place, axis=1)


def _moments(past: pd.DataFrame) -> pd.Index:
    found = np.sort(past["ds"].unique())
    return pd.Index(np.arange(found[0], found[-1] + 1) if past["ds"].dtype.kind == "i" else found)


def _rows(task: Task, fold: Fold, number: int) -> pd.DataFrame:
    ids, past = wide(fold.past)
    season = task.peer_season
    series = pd.DataFrame(
        {
            "unique_id": ids,
            "class": classify(past, season)["class"].astype(str).to_numpy(),
            "scale_mse": naive_mse(past),
            "scale_mae": naive_mae(past),
            "scale_season": naive_mae(past, season) if past.shape[1] > season else np.nan,
        }
    )
    return fold.actual.assign(fold=number).merge(series, "left", "unique_id")


def _naive2(task: Task, rows: pd.DataFrame) -> np.ndarray:
    (fold,) = task.folds
    ids, past = wide(fold.past)
    values = naive2(past, task.horizon, task.peer_season)
    place = pd.Index(ids).get_indexer(rows["unique_id"])
    step = rows.groupby("unique_id").cumcount().to_numpy()
    result = np.full((len(rows), 1 + len(QUANTILES)), np.nan)
    result[:, 0] = values[place, step]
    return result


@once
def per_series(judged: Judged, model: str, rows: np.ndarray) -> pd.DataFrame:
    """What is summed or averaged over series and folds, a row for each pair of them; NaN where it is undefined."""
    table = judged.rows[rows]
    y, values = table["y"].to_numpy(), judged.forecasts[model][rows]
    mean, median = values[:, 0], values[:, 1 + QUANTILES.index(0.5)]
    chosen = values[:, [1 + QUANTILES.index(quantile) for quantile in PINBALL]]
    has = np.isfinite(chosen).all(axis=1)
    pinball = np.full(len(y), np.nan)
    if has.any():
        pinball[has] = pinball_losses(y[has], PINBALL, chosen[has]).mean(axis=1)
    parts = pd.DataFrame(
        {
            "squared": (mean - y) ** 2 / table["scale_mse"].to_numpy(),
            "error": mean - y,
            "volume": np.abs(y),
            "absolute": np.abs(np.where(np.isfinite(median), median, mean) - y),
            "scaled": np.abs(mean - y) / table["scale_season"].to_numpy(),
            "smape": absolute_percentage(y, mean),
            "pinball": pinball,
        }
    )
    grouped = parts.groupby([table["fold"].to_numpy(), table["unique_id"].to_numpy()], sort=True)
    result = grouped.sum(min_count=1)[["error", "volume", "absolute", "pinball"]]
    averages = grouped[["squared", "scaled", "smape"]].mean()
    return result.assign(rmsse=np.sqrt(averages["squared"]), mase=averages["scaled"], smape=averages["smape"])


@once
def scores(judged: Judged, model: str, rows: np.ndarray) -> dict[str, float]:
    """All point scores of one model on some rows."""
    table = per_series(judged, model, rows)
    weight = np.ones((1, len(table)))
    result = {name: float(values[0]) for name, values in _weighted(table, weight).items()}
    if judged.task.is_competition:
        base = per_series(judged, NAIVE2, rows)
        known = base["mase"].notna()
        shares = [
            table["smape"].mean() / base["smape"].mean(),
            table["mase"][known].mean() / base["mase"][known].mean(),
        ]
        result["owa"] = float(np.mean(shares))
    return result


def _weighted(table: pd.DataFrame, weight: np.ndarray) -> dict[str, np.ndarray]:
    """Scores for each row of weights of the series and folds, shape (n_draws,)."""

    def total(name: str) -> np.ndarray:
        return weight @ table[name].fillna(0).to_numpy()

    def average(name: str) -> np.ndarray:
        return total(name) / (weight @ table[name].notna().to_numpy(dtype=float))

    volume = total("volume")
    has_quantiles = bool(table["pinball"].notna().all())
    return {
        "rmsse": average("rmsse"),
        "bias": total("error") / volume,
        "wape": total("absolute") / volume,
        "pinball": 2 * total("pinball") / volume if has_quantiles else np.full(len(weight), np.nan),
        "mase": average("mase"),
        "smape": average("smape"),
    }


@once
def difference(judged: Judged, model: str, rows: np.ndarray, metric: str) -> tuple[float, float]:
    """95 % interval of ours less another's: origins are drawn with replacement, and the series within them."""
    ours, other = per_series(judged, OURS, rows), per_series(judged, model, rows)
    rng = np.random.default_rng(0)
    folds, series = (pd.factorize(ours.index.get_level_values(level))[0] for level in (0, 1))
    n_folds, n_series = folds.max() + 1, series.max() + 1
    drawn: list[np.ndarray] = []
    for _ in range(0, N_DRAWS, 50):
        of_folds = rng.multinomial(n_folds, np.full(n_folds, 1 / n_folds), size=50)
        of_series = rng.multinomial(n_series, np.full(n_series, 1 / n_series), size=50)
        weight = (of_folds[:, folds] * of_series[:, series]).astype(float)
        values = [_weighted(table, weight)[metric] for table in (ours, other)]
        drawn.append(np.abs(values[0]) - np.abs(values[1]))
    low, high = np.nanquantile(np.concatenate(drawn), [0.025, 0.975])
    return float(low), float(high)


@once
def intervals(judged: Judged, model: str, rows: np.ndarray) -> pd.DataFrame:
    """Whether each row's randomised PIT lies in the central interval, and that interval's width over the series' scale.

    Columns ``class``, ``inside``, ``width``; empty when the model has no intervals.
    """
    values = judged.forecasts[model][:, 1:]
    used = rows & np.isfinite(values).all(axis=1)
    table, quantiles = judged.rows[used], values[used]
    if not len(table):
        return pd.DataFrame({"class": [], "inside": [], "width": []})
    y = table["y"].to_numpy()
    pit = randomised_pit(y, QUANTILES, quantiles, is_count=bool((judged.rows["y"] % 1 == 0).all()), random_state=0)
    tail = (100 - LEVEL) / 200
    low, high = (quantiles[:, QUANTILES.index(quantile)] for quantile in (0.1, 0.9))
    return pd.DataFrame(
        {
            "class": table["class"].to_numpy(),
            "inside": (pit >= tail) & (pit <= 1 - tail),
            "width": (high - low) / table["scale_mae"].to_numpy(),
        }
    )
