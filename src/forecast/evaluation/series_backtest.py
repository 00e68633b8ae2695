"""Tables of a backtest of series: every model beside the baselines, over all or by step, class or level."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.errors import InvalidInput
from forecast.evaluation.bootstrap import crossed_weights
from forecast.evaluation.metrics.demand import bias, wape
from forecast.evaluation.metrics.pit import coverage_of_pit, randomised_pit
from forecast.evaluation.metrics.quantiles import pinball_losses
from forecast.evaluation.metrics.series import absolute_percentage
from forecast.evaluation.series_scale import naive_scales

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]

#: Columns that a screen has no room for; files and JSON have them.
DETAILS = ["n", "n_series", "n_unscaled", "smape", "coverage_80"]

_KEYS = ("unique_id", "ds", "cutoff", "y", "mean")
_NO_MODELS = frozenset({*_KEYS, "step"})


def series_scores(
    predictions: pd.DataFrame,
    panel: pd.DataFrame,
    *,
    by: str | None = None,
    challenger: str = "model",
    baselines: Sequence[str] | None = None,
    season_length: int = 1,
    level: float = 95.0,
    n_draws: int = 500,
    random_state: int = 0,
) -> pd.DataFrame:
    """Scores of each model on the same rows, baselines beside the challenger.

    Squared metrics and bias score the mean, absolute ones the median where there is one. Scales come from the panel up
    to each row's own cutoff, so nothing of the scored time enters them.

    Parameters
    ----------
    predictions : DataFrame
        ``unique_id``, ``ds``, ``cutoff``, ``y``, ``mean``, quantiles (``q0.1`` …, may be absent) and one column per
        baseline; one row per series, cutoff and moment.
    panel : DataFrame
        ``unique_id``, ``ds``, ``y``: the history that the scales are taken from.
    by : str, optional
        A column of ``predictions`` (``class``, ``level`` …), or ``step``: periods ahead of the cutoff, counted within
        each series and cutoff unless there is such a column.
    challenger : str
        Name of the model behind ``mean`` and the quantiles.
    baselines : sequence of str, optional
        Default: every other numeric column.
    season_length : int
        Of the naive in the scale of MASE; the scale of RMSSE is the naive of one period.
    level : float in (0, 100)
        Percent, of the interval of the difference.
    n_draws : int
        Of the bootstrap; 0 for none.
    random_state : int
        Of the bootstrap and the randomised PIT.

    Returns
    -------
    DataFrame
        One row per model (the challenger first), for each group of ``by``:

        - ``model`` and the group; ``n`` (values), ``n_series``, ``n_unscaled`` (series whose past repeats itself
          exactly or is absent: left out of RMSSE and MASE);
        - ``rmsse``, ``mase``: per series over all its rows, then the mean of the series; ``smape`` in percent, mean of
          rows; ``wape``, ``bias``: shares of the volume, positive bias is an over-forecast;
        - for the challenger with quantiles ``pinball`` (mean over them, in the unit of ``y``), and with ``q0.1`` and
          ``q0.9``: ``coverage_80`` (share inside the closed interval), ``coverage_80_pit`` (by randomised PIT, fair to
          counts), ``width_80`` (mean width over mean absolute actual);
        - ``against_best``: RMSSE over that of the group's best baseline, less 1; negative is better;
          ``against_best_low`` and ``against_best_high``: its interval, drawing series and origins with replacement.

        NaN where undefined.

    Raises
    ------
    InvalidInput
        If a column is missing, or a value is.
    """
    names = _baselines(predictions, baselines, by)
    columns = {challenger: "mean"} | {name: name for name in names}
    groups = _groups(predictions, by, list(columns.values()))
    scales = naive_scales(panel, predictions, season_length)
    series, origin = _places(predictions)
    rows = pd.DataFrame({"series": series, "origin": origin, "mse": scales[0], "mae": scales[1]})
    tables = []
    for group, index in groups:
        part = _Part(predictions.iloc[index], rows.iloc[index])
        table = pd.DataFrame([{"model": name} | part.scores(column) for name, column in columns.items()])
        if by is not None:
            table.insert(1, by, [group] * len(table))
        table = table.join(pd.DataFrame([part.quantile_scores(random_state)], index=[0]))
        tables.append(table.join(part.differences(table, columns, level, n_draws, random_state)))
    return pd.concat(tables, ignore_index=True)


def leaderboard(scores: pd.DataFrame, *, metric: str = "rmsse") -> pd.DataFrame:
    """Models from best to worst by a metric of which less is better, within each group if there are groups.

    Raises
    ------
    InvalidInput
        If there is no such column.
    """
    if metric not in scores:
        raise InvalidInput(
            f"`metric` must be a column of the scores, got {metric!r}; there are {list(scores.columns)}."
        )
    group = [name for name in scores.columns[1:2] if name != "n"]
    return scores.sort_values([*group, metric], kind="stable", na_position="last").reset_index(drop=True)


def quantile_columns(frame: pd.DataFrame) -> dict[float, str]:
    """Level to column of each quantile (``q0.1`` …), ascending."""
    names = [str(name) for name in frame.columns]
    found = {float(name[1:]): name for name in names if name.startswith("q0.") and name[3:].isdigit()}
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class _Part:
    """Rows of one group: predictions, and the series, origin and scales of each."""

    predictions: pd.DataFrame
    rows: pd.DataFrame

    def scores(self, column: str) -> dict[str, float]:
        """Scores of a model's mean and median."""
        y, mean, middle = self._numbers("y"), self._numbers(column), self._numbers(self._middle(column))
        squared = self._by_series((mean - y) ** 2 / self.rows["mse"].to_numpy())
        absolute = self._by_series(np.abs(middle - y) / self.rows["mae"].to_numpy())
        return {
            "n": len(y),
            "n_series": len(squared),
            "n_unscaled": int(np.isnan(squared).sum()),
            "rmsse": _mean(np.sqrt(squared)),
            "mase": _mean(absolute),
            "smape": float(absolute_percentage(y, middle).mean()),
            "wape": wape(y, middle),
            "bias": bias(y, mean),
        }

    def quantile_scores(self, random_state: int) -> dict[str, float]:
        """Scores of the challenger's quantiles; without any none."""
        columns = quantile_columns(self.predictions)
        if not columns:
            return {}
        y, levels = self._numbers("y"), np.array(list(columns))
        quantiles = self.predictions[list(columns.values())].to_numpy(dtype=float)
        scores = {"pinball": float(pinball_losses(y, levels, quantiles).mean())}
        if {0.1, 0.9} <= set(columns):
            low, high = self._numbers(columns[0.1]), self._numbers(columns[0.9])
            pit = randomised_pit(y, levels, quantiles, random_state=random_state)
            scores["coverage_80"] = float(((low <= y) & (y <= high)).mean())
            scores["coverage_80_pit"] = coverage_of_pit(pit, level=80)
            scores["width_80"] = float((high - low).mean()) / (float(np.abs(y).mean()) or float("nan"))
        return scores

    def differences(
        self, table: pd.DataFrame, columns: dict[str, str], level: float, n_draws: int, random_state: int
    ) -> pd.DataFrame:
        """RMSSE of each model against that of the best baseline, with the interval; rows as in ``table``."""
        names = ["against_best", "against_best_low", "against_best_high"]
        found = pd.DataFrame(np.nan, index=table.index, columns=names)
        floors = table["rmsse"].iloc[1:].dropna()
        if floors.empty or floors.min() == 0:
            return found
        best = int(floors.idxmin())
        found["against_best"] = table["rmsse"] / floors.min() - 1
        found.loc[best, "against_best"] = np.nan
        if n_draws:
            drawn = self._drawn_rmsse(list(columns.values()), n_draws, random_state)
            tail = (100 - level) / 2
            told = drawn[drawn[:, best] > 0]  # where the best made no error there is no ratio
            if len(told):
                bounds = np.nanpercentile(told / told[:, [best]] - 1, [tail, 100 - tail], axis=0)
                found["against_best_low"], found["against_best_high"] = bounds
            found.loc[best] = np.nan
        return found

    def _drawn_rmsse(self, columns: list[str], n_draws: int, random_state: int) -> Floats:
        """RMSSE of each model over drawn series and origins, shape (n_draws, n_models)."""
        scaled = self.rows["mse"].notna().to_numpy()
        series, origin = (pd.factorize(self.rows[name][scaled], sort=True)[0] for name in ("series", "origin"))
        shape = (int(series.max()) + 1, int(origin.max()) + 1)
        cell, scale, y = series * shape[1] + origin, self.rows["mse"][scaled].to_numpy(), self._numbers("y")[scaled]
        sizes = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
        sums = [
            np.bincount(cell, (self._numbers(name)[scaled] - y) ** 2 / scale, sizes.size).reshape(shape)
            for name in columns
        ]
        drawn = []
        for of_series, of_origin in crossed_weights(shape, n_draws=n_draws, random_state=random_state):
            size = sizes @ of_origin.T
            weight = of_series * (size.T > 0)
            roots = [np.sqrt(total @ of_origin.T / np.maximum(size, 1)).T for total in sums]
            with np.errstate(invalid="ignore"):  # a draw may miss every series of the group
                drawn.append(np.stack([(weight * root).sum(axis=1) / weight.sum(axis=1) for root in roots], axis=1))
        return np.concatenate(drawn)

    def _middle(self, column: str) -> str:
        return quantile_columns(self.predictions).get(0.5, column) if column == "mean" else column

    def _numbers(self, column: str) -> Floats:
        return self.predictions[column].to_numpy(dtype=float)

    def _by_series(self, values: Floats) -> Floats:
        return np.asarray(pd.Series(values).groupby(self.rows["series"].to_numpy()).mean(), dtype=np.float64)


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _places(predictions: pd.DataFrame) -> tuple[Positions, Positions]:
    """Series and origin of each row; as series end on different days, an origin is the n-th last cutoff of each."""
    series = pd.factorize(predictions["unique_id"])[0].astype(np.int64)
    rank = predictions["cutoff"].groupby(series).rank(method="dense", ascending=False)
    return series, rank.to_numpy().astype(np.int64) - 1


def _groups(predictions: pd.DataFrame, by: str | None, columns: list[str]) -> list[tuple[object, Positions]]:
    _check(predictions, columns)
    everything = np.arange(len(predictions))
    if by is None:
        return [(None, everything)]
    if by in predictions:
        labels = predictions[by].reset_index(drop=True)
    elif by == "step":
        labels = predictions.reset_index(drop=True).groupby(["unique_id", "cutoff"])["ds"].rank().astype(int)
    else:
        raise InvalidInput(
            f"`by` must be step or a column of the predictions, got {by!r}; {list(predictions.columns)}."
        )
    parts = pd.Series(everything).groupby(labels, sort=True, observed=True)
    return [(name, part.to_numpy()) for name, part in parts]


def _baselines(predictions: pd.DataFrame, baselines: Sequence[str] | None, by: str | None) -> list[str]:
    if baselines is not None:
        return list(baselines)
    skipped = _NO_MODELS | set(quantile_columns(predictions).values()) | {by}
    return [str(name) for name in predictions.select_dtypes("number") if name not in skipped]


def _check(predictions: pd.DataFrame, columns: list[str]) -> None:
    wanted = [*_KEYS, *columns]
    missing = [name for name in wanted if name not in predictions]
    if missing:
        raise InvalidInput(f"`predictions` lack columns {missing}; there are {list(predictions.columns)}.")
    if predictions.empty:
        raise InvalidInput("`predictions` must have at least one row, got none.")
    numbers = predictions[[*dict.fromkeys(["y", *columns]), *quantile_columns(predictions).values()]]
    n_bad = int((~np.isfinite(numbers.to_numpy(dtype=float))).any(axis=1).sum())
    if n_bad:
        raise InvalidInput(f"Actuals and forecasts must be finite, {n_bad} of {len(predictions)} rows are not.")
