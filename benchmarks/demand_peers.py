"""What others would use for demand, at their defaults: forecasts each set with each peer and stores the forecasts.

    python benchmarks/demand_peers.py --cache DIR [--data DIR] [--sets ...] [--parts ...] [--peers ...]

Runs in an environment made from `requirements-demand-peers.txt`; `benchmarks/demand.py` makes it and calls this script.
Each set, part and peer runs in a process of its own. A file per origin: what is in the folder is not run again.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import resource
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

os.environ.setdefault("NIXTLA_NUMBA_CACHE", "1")  # compiled once, not in every process

import numpy as np
import pandas as pd
from demand_sets import DATA, PARTS, SETS, Fold, Task, load_task

#: Central intervals asked for, in percent, and the quantiles that they are the ends of.
LEVELS = (20, 40, 60, 80, 90)
QUANTILES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
COLUMNS = [f"q{quantile:g}" for quantile in QUANTILES]
PACKAGES = ("statsforecast", "mlforecast", "lightgbm", "autogluon.timeseries", "pandas", "numpy")
#: Series that the slow statistical peers are run on: a fixed random choice, ours judged there too.
SLOW, N_VALID, N_SLOW = ("AutoETS", "AutoTheta", "AutoCES"), 100, 250
N_SERIES = {"m4-hourly": 60, "m4-yearly": 1000}
PRETRAINED = ["Chronos2", "Toto2"]  # left out of AutoGluon: they have seen many public sets

Forecast = Callable[[Task, Fold], pd.DataFrame]


def filled(past: pd.DataFrame) -> pd.DataFrame:
    """Gaps inside a series filled linearly: peers need every moment."""
    if pd.api.types.is_integer_dtype(past["ds"]):
        return past
    wide = past.pivot_table(index="ds", columns="unique_id", values="y", aggfunc="first")
    inside = wide.interpolate(limit_area="inside")
    return inside.melt(value_name="y", ignore_index=False).reset_index().dropna()[["unique_id", "ds", "y"]]


def statistical(name: str) -> Forecast:
    """One model of statsforecast with its own intervals; a series on which it fails gets the seasonal naive.

    AutoCES without intervals: simulating them takes five times as long as all the rest.
    """

    def forecast(task: Task, fold: Fold) -> pd.DataFrame:
        from statsforecast import StatsForecast, models

        def run(panel: pd.DataFrame) -> pd.DataFrame:
            model = getattr(models, name)(season_length=task.peer_season, alias="mean")
            engine = StatsForecast([model], task.freq, fallback_model=models.SeasonalNaive(task.peer_season))
            return engine.forecast(task.horizon, panel, level=None if name == "AutoCES" else list(LEVELS))

        return with_quantiles(run(filled(fold.past)), "mean")

    return forecast


def lightgbm(objective: str, *, difference_season: bool = False) -> Forecast:
    """A plain recipe: one LightGBM over all series, lags and means of them, fed back step by step.

    Series are scaled; those of competitions are differences of logarithms and the loss is absolute, which was best on
    the validation parts. Intervals are the conformal ones of two windows, where every series is long enough for them.
    """

    def forecast(task: Task, fold: Fold) -> pd.DataFrame:
        from mlforecast.utils import PredictionIntervals

        past, static, ahead = with_columns(task, fold)
        seasonal = difference_season and task.peer_season > 1
        loss = "l1" if task.is_competition else objective
        arguments = {"df": past, "static_features": static, "dropna": False}
        intervals = PredictionIntervals(n_windows=2, h=task.horizon)
        try:
            engine = recipe(task, loss, seasonal=seasonal).fit(**arguments, prediction_intervals=intervals)
            found = engine.predict(task.horizon, level=list(LEVELS), X_df=ahead)
        except ValueError:  # too short for the windows
            engine = recipe(task, loss, seasonal=seasonal).fit(**arguments)
            found = engine.predict(task.horizon, X_df=ahead)
        return with_quantiles(found, "mean")

    return forecast


def recipe(task: Task, objective: str, *, seasonal: bool) -> Any:
    """The pipeline of mlforecast."""
    from lightgbm import LGBMRegressor
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import ExpandingMean, RollingMean
    from mlforecast.target_transforms import Differences, GlobalSklearnTransformer, LocalStandardScaler
    from sklearn.preprocessing import FunctionTransformer

    season = task.peer_season
    lags = {*range(1, min(max(season + 1, 4), 25) + 1), season}
    means = [RollingMean(window, min_samples=1) for window in sorted({4, season} - {1})]
    has_dates = not isinstance(task.freq, int)
    transforms: list[Any] = [LocalStandardScaler()]
    if task.is_competition:
        lags |= {2 * season}
        logarithm = GlobalSklearnTransformer(FunctionTransformer(np.log1p, np.expm1))
        transforms = [logarithm, Differences([season if seasonal else 1])]
    model = LGBMRegressor(objective=objective, n_estimators=200, learning_rate=0.05, n_jobs=1, verbose=-1, seed=0)
    return MLForecast(
        models={"mean": model},
        freq=task.freq,
        lags=sorted(lags),
        lag_transforms={1: [*means, ExpandingMean()]},
        date_features=(["month"] if task.freq == "MS" else ["month", "week"]) if has_dates else [],
        target_transforms=transforms,
        num_threads=1,
    )


def with_columns(task: Task, fold: Fold) -> tuple[pd.DataFrame, list[str], pd.DataFrame | None]:
    """History with static columns and drivers as numbers, the names of the static ones, drivers of the horizon."""
    past, static, ahead = filled(fold.past), [], None
    if fold.static is not None:
        codes = fold.static.drop(columns="unique_id").apply(
            lambda column: column if pd.api.types.is_numeric_dtype(column) else pd.factorize(column)[0]
        )
        static = list(codes)
        past = past.merge(codes.assign(unique_id=fold.static["unique_id"]), "left", "unique_id")
    if fold.drivers is not None:
        past = past.merge(fold.drivers, "left", ["unique_id", "ds"])
        cutoff = past["ds"].max()
        grid = pd.MultiIndex.from_product(
            [past["unique_id"].unique(), pd.date_range(cutoff, periods=task.horizon + 1, freq=task.freq)[1:]],
            names=["unique_id", "ds"],
        )
        ahead = fold.drivers.merge(grid.to_frame(index=False), "right", ["unique_id", "ds"]).fillna(0.0)
        names = [name for name in fold.drivers if name not in ("unique_id", "ds")]
        past[names] = past[names].fillna(0.0)
    return past, static, ahead


def autogluon(task: Task, fold: Fold) -> pd.DataFrame:
    """AutoGluon-TimeSeries, preset `medium_quality` (statistical and tree models, weighted) without pretrained ones."""
    from autogluon.timeseries import TimeSeriesPredictor

    past = filled(fold.past)
    freq = task.freq
    if isinstance(freq, int):  # it needs dates: the last moment of every series is the same day
        freq = "D"
        to_end = past["ds"] - past.groupby("unique_id")["ds"].transform("max")
        past = past.assign(ds=pd.Timestamp("2000-01-01") + pd.to_timedelta(to_end, unit="D"))
    frame = past.rename(columns={"unique_id": "item_id", "ds": "timestamp", "y": "target"})
    with tempfile.TemporaryDirectory() as folder:
        predictor = TimeSeriesPredictor(
            target="target", prediction_length=task.horizon, freq=freq, eval_metric="WQL",
            eval_metric_seasonal_period=task.peer_season, quantile_levels=list(QUANTILES), path=folder, verbosity=0,
        )  # fmt: skip
        predictor.fit(frame, presets="medium_quality", excluded_model_types=PRETRAINED, random_seed=0)
        found = pd.DataFrame(predictor.predict(frame, random_seed=0)).reset_index()
    found.columns = ["unique_id", "ds", "mean", *COLUMNS]
    if isinstance(task.freq, int):
        end = fold.past.groupby("unique_id")["ds"].max()
        step = found.groupby("unique_id").cumcount() + 1
        found["ds"] = found["unique_id"].map(end).to_numpy() + step.to_numpy()
    return found


def with_quantiles(found: pd.DataFrame, name: str) -> pd.DataFrame:
    """Columns ``mean`` and ``q…`` from a library's point and its ends of central intervals; the point is its median."""
    result = found[["unique_id", "ds"]].assign(mean=found[name], **{"q0.5": found[name]})
    for level in LEVELS:
        for end, quantile in (("lo", 0.5 - level / 200), ("hi", 0.5 + level / 200)):
            column = f"{name}-{end}-{level}"
            result[f"q{quantile:g}"] = found.get(column, np.nan)
    return result[["unique_id", "ds", "mean", *COLUMNS]]


LIGHTGBM, LIGHTGBM_SEASONAL, LIGHTGBM_L1 = "LightGBM", "LightGBM, seasonal differences", "LightGBM L1"
AUTOGLUON = "AutoGluon"
STATISTICAL = {
    "seasonal naive": "SeasonalNaive",
    "DOT": "DynamicOptimizedTheta",
    "AutoETS": "AutoETS",
    "AutoTheta": "AutoTheta",
    "AutoCES": "AutoCES",
}
PEERS: dict[str, Forecast] = {
    "seasonal naive": statistical("SeasonalNaive"),
    LIGHTGBM: lightgbm("l2"),
    LIGHTGBM_SEASONAL: lightgbm("l2", difference_season=True),
    LIGHTGBM_L1: lightgbm("l1"),
    **{name: statistical(model) for name, model in STATISTICAL.items() if name != "seasonal naive"},
    AUTOGLUON: autogluon,
}
#: Whose ranges are looked at from three origins.
RANGES = ("seasonal naive", "DOT", "AutoETS")


def applies(peer: str, task: Task) -> bool:
    """Whether a peer says something of its own about a set; the slowest are run on test parts only."""
    if task.part == "origins":
        return peer in RANGES
    if peer == LIGHTGBM_SEASONAL:
        return task.is_competition and task.peer_season > 1
    if peer == LIGHTGBM_L1:
        return not task.is_competition
    return task.part == "test" or peer not in (AUTOGLUON, "AutoTheta", "AutoCES")


def n_sampled(peer: str, name: str, part: str, n_slow: int = N_SLOW) -> int | None:
    """How many series a peer is run on; None is all."""
    if peer == "DOT":
        return N_VALID if part == "valid" else N_SERIES.get(name) if name == "m4-hourly" else None
    if peer not in SLOW:
        return None
    return N_VALID if part == "valid" else N_SERIES.get(name, n_slow)


def stored(cache: Path, task: Task, origin: str, peer: str) -> Path:
    """The file of a peer's forecasts; what was measured is in the ``.json`` beside it."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in peer.lower())
    return cache / f"{task.name}.{task.part}.{origin}.{plain}.parquet"


def is_fresh(path: Path, mark: str, n_series: int = 0) -> bool:
    """Whether forecasts of so many series at least from just this history are there."""
    facts = json.loads(path.with_suffix(".json").read_text()) if path.exists() else {}
    return facts.get("fingerprint") == mark and facts["n_series"] >= n_series


def missing(task: Task, peer: str, cache: Path, n_slow: int) -> list[tuple[Path, str, Fold]]:
    """What a peer has still to forecast: the file, the history's hash, the fold of the series that it is run on."""
    n_series = n_sampled(peer, task.name, task.part, n_slow)
    chosen = task if n_series is None else task.sample(n_series)
    found = []
    for whole, fold in zip(task.folds, chosen.folds, strict=True):
        path, mark = stored(cache, task, whole.origin, peer), whole.fingerprint()
        if not is_fresh(path, mark, fold.past["unique_id"].nunique()):
            found.append((path, mark, fold))
    return found


def run(task: Task, peer: str, cache: Path, n_slow: int) -> None:
    """Forecast with one peer what is missing of a task, and store it."""
    warm_up(peer)
    for path, mark, fold in missing(task, peer, cache, n_slow):
        started, used = time.perf_counter(), sum(os.times()[:4])
        found = PEERS[peer](task, fold)
        facts = {
            "fingerprint": mark,
            "seconds": time.perf_counter() - started,
            "cpu_seconds": sum(os.times()[:4]) - used,
            "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
            "n_series": fold.past["unique_id"].nunique(),
            "versions": {name: number for name in PACKAGES if (number := version_of(name))},
        }
        path.with_suffix(".json").write_text(json.dumps(facts))
        part = path.with_suffix(".part")
        found.astype(dict.fromkeys(["mean", *COLUMNS], "float32")).to_parquet(part, index=False)
        part.rename(path)  # last: a file that is there is complete
        print(f"{task.name}, {task.part}, {fold.origin}, {peer}: {facts['cpu_seconds']:.1f} s of CPU", flush=True)


def warm_up(peer: str) -> None:
    """Compile what a library compiles at its first use, which is not its speed."""
    if peer in STATISTICAL:
        from statsforecast import models

        y = 10 + np.sin(np.arange(48.0)) + np.arange(48) / 10
        getattr(models, STATISTICAL[peer])(season_length=12).forecast(y=y, h=3)


def version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def preload(peers: list[str]) -> None:
    """Import here what every process would import for itself."""
    for module in ("lightgbm", "mlforecast", "statsforecast.models"):
        if module != "mlforecast" or any(peer.startswith(LIGHTGBM) for peer in peers):
            importlib.import_module(module)


def main() -> None:
    """Run what is missing in the cache."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder of the forecasts")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--slow-series", type=int, default=N_SLOW, help=f"series of a set for {', '.join(SLOW)}")
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    preload([peer for peer in given.peers if given.parts != ["origins"] or peer in RANGES])
    for part in given.parts:
        for name in given.sets:
            task = load_task(name, given.data, part)
            for peer in (peer for peer in given.peers if applies(peer, task)):
                if missing(task, peer, given.cache, given.slow_series):
                    process = multiprocessing.Process(target=run, args=(task, peer, given.cache, given.slow_series))
                    process.start()
                    process.join()
                    if process.exitcode:
                        print(f"{name}, {part}, {peer}: failed", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # peers are taken as they come
    main()
