"""Pictures of a backtest of series as PNG bytes: who is best, how errors grow, how forecasts looked, honest or not."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecast.errors import InvalidInput
from forecast.evaluation.metrics.pit import randomised_pit
from forecast.evaluation.plots import as_png, new_figure
from forecast.evaluation.series_backtest import leaderboard, quantile_columns

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

#: Actuals before the folds, in multiples of what the folds show.
_PAST = 2
_OWN, _OTHER = "tab:blue", "0.6"


def backtest_plot(scores: pd.DataFrame, predictions: pd.DataFrame, panel: pd.DataFrame, *, n_series: int = 4) -> bytes:
    """The leaderboard above the forecasts of the largest series.

    Parameters
    ----------
    scores : DataFrame
        From `series_backtest.series_scores`, not by group; the challenger in its first row.
    predictions, panel : DataFrame
        As given to `series_scores`.
    n_series : int
        Largest series by volume in the folds.
    """
    shown = largest_series(predictions, n_series)
    height = _board_height(scores)
    figure = new_figure(10, height + 1.9 * len(shown))
    grid = figure.add_gridspec(2, 1, height_ratios=[height, 1.9 * len(shown)])
    _draw_leaderboard(figure.add_subfigure(grid[0]), scores)
    _draw_fans(figure.add_subfigure(grid[1]), predictions, panel, shown)
    return as_png(figure)


def leaderboard_plot(scores: pd.DataFrame, *, title: str = "") -> bytes:
    """RMSSE of each model, its distance from the best baseline with the interval, and its bias; the best on top.

    Parameters
    ----------
    scores : DataFrame
        From `series_backtest.series_scores`, not by group; the challenger in its first row.
    """
    figure = new_figure(10, _board_height(scores))
    _draw_leaderboard(figure, scores)
    figure.suptitle(title)
    return as_png(figure)


def fan_plot(predictions: pd.DataFrame, panel: pd.DataFrame, *, n_series: int = 6, title: str = "") -> bytes:
    """Actuals, and the mean and ranges that were forecast at each cutoff, of the largest series.

    Parameters
    ----------
    predictions : DataFrame
        ``unique_id``, ``ds``, ``cutoff``, ``y``, ``mean`` and quantiles; pairs of them (0.1 and 0.9) make a range.
    panel : DataFrame
        ``unique_id``, ``ds``, ``y``: actuals before and within the folds.
    """
    shown = largest_series(predictions, n_series)
    figure = new_figure(10, 1.9 * len(shown) + 0.2)
    _draw_fans(figure, predictions, panel, shown)
    figure.suptitle(title)
    return as_png(figure)


def step_plot(scores: pd.DataFrame, *, by: str = "step", title: str = "") -> bytes:
    """RMSSE of each model, and coverage of the challenger's 80 % range, by step (or another group).

    Parameters
    ----------
    scores : DataFrame
        From `series_backtest.series_scores` with ``by``; the challenger in its first row.
    """
    figure = new_figure(10, 3.6)
    errors, inside = figure.subplots(1, 2)
    own = scores["model"].iloc[0]
    labels = list(dict.fromkeys(scores[by]))
    for model, rows in scores.groupby("model", sort=False):
        style = {"linewidth": 2, "zorder": 3} if model == own else {"linewidth": 1}
        places = [labels.index(group) for group in rows[by]]
        errors.plot(places, rows["rmsse"], "o-", markersize=3, label=str(model), **style)
    challenger = scores[scores["model"] == own]
    if "coverage_80_pit" in scores:
        inside.plot(range(len(labels)), 100 * challenger["coverage_80_pit"], "o-", markersize=3, label="randomised PIT")
        inside.plot(range(len(labels)), 100 * challenger["coverage_80"], "--", color=_OTHER, label="closed interval")
        inside.legend(frameon=False, fontsize=8)
    inside.axhline(80, color="0.7", linewidth=1, zorder=0)
    inside.set(ylim=(0, 100), ylabel="actuals inside the 80 % range, %")
    errors.set(ylim=(0, None), ylabel="RMSSE (lower is better)")
    errors.legend(frameon=False, fontsize=8)
    ticks = np.arange(0, len(labels), -(-len(labels) // 14))
    for axes in (errors, inside):
        axes.set_xlabel("periods ahead" if by == "step" else by)
        axes.set_xticks(ticks, [str(labels[tick]) for tick in ticks], rotation=0 if by == "step" else 30)
    figure.suptitle(title)
    return as_png(figure)


def pit_plot(predictions: pd.DataFrame, *, random_state: int = 0, title: str = "") -> bytes:
    """Where actuals fell in their forecast law, by the levels that were forecast: all bars at 1 when it is honest.

    High ends: ranges too narrow; low ends: too wide; a slope: a bias. Grey: 95 % of what chance does to an honest
    forecast of independent values.

    Raises
    ------
    InvalidInput
        If there are no quantiles.
    """
    columns = quantile_columns(predictions)
    if not columns:
        raise InvalidInput(f"`predictions` have no quantiles (q0.1 …); there are {list(predictions.columns)}.")
    quantiles = predictions[list(columns.values())].to_numpy(dtype=float)
    pit = randomised_pit(predictions["y"].to_numpy(dtype=float), list(columns), quantiles, random_state=random_state)
    # between the levels the law is only read off by straight lines, so that finer bars would show these
    edges = np.array([0.0, *columns, 1.0]) if len(columns) < 19 else np.linspace(0, 1, 11)
    width = np.diff(edges)
    shares = np.histogram(pit, bins=edges)[0] / len(pit) / width
    chance = 1.96 * np.sqrt((1 - width) / width / len(pit))
    figure = new_figure(5.5, 3.8)
    axes = figure.subplots()
    axes.bar(edges[:-1], shares, width=width, align="edge", edgecolor="white", color=_OWN, alpha=0.8)
    axes.bar(edges[:-1], 2 * chance, bottom=1 - chance, width=width, align="edge", color="0.3", alpha=0.25, linewidth=0)
    axes.axhline(1, color="0.2", linewidth=1)
    axes.set(
        xlim=(0, 1),
        ylim=(0, None),
        xlabel="level of the forecast at which the actual lies",
        ylabel="share of actuals ÷ expected",
        title=title or f"{len(pit):,} actuals",
    )
    return as_png(figure)


def largest_series(predictions: pd.DataFrame, n_series: int) -> list[Any]:
    """Ids of the largest series by volume in the folds, largest first."""
    if n_series < 1 or predictions.empty:
        raise InvalidInput(f"A plot needs at least one series, got n_series = {n_series}, {len(predictions)} rows.")
    volume = predictions["y"].abs().groupby(predictions["unique_id"]).sum()
    return list(volume.sort_values(ascending=False, kind="stable").index[:n_series])


def _board_height(scores: pd.DataFrame) -> float:
    return 1.2 + 0.32 * len(scores)


def _draw_leaderboard(figure: "FigureBase", scores: pd.DataFrame) -> None:
    own = scores["model"].iloc[0]
    rows = leaderboard(scores).iloc[::-1].reset_index(drop=True)
    place = np.arange(len(rows))
    colours = [_OWN if model == own else _OTHER for model in rows["model"]]
    error, gap, bias = figure.subplots(1, 3, sharey=True)
    error.barh(place, rows["rmsse"].fillna(0), color=colours, height=0.6)
    for at, value in zip(place, rows["rmsse"], strict=True):
        error.text(value if value == value else 0, at, f" {value:.3f}", va="center", fontsize=8)
    error.set(xlabel="RMSSE (lower is better)", xlim=(0, 1.18 * np.nanmax([*rows["rmsse"], 1e-9])))
    error.set_yticks(place, rows["model"])
    gap.axvline(0, color="0.7", linewidth=1)
    percent = 100 * rows["against_best"]
    below, above = (percent - 100 * rows["against_best_low"]), (100 * rows["against_best_high"] - percent)
    gap.hlines(place, percent - below, percent + above, color=colours, linewidth=1.5)
    gap.scatter(percent, place, c=colours, s=22, zorder=3)
    best = rows["model"][rows["against_best"].isna() & (rows["model"] != own)]
    gap.set_xlabel(f"against {best.iloc[-1] if len(best) else 'the best baseline'}, % with 95 % interval")
    bias.axvspan(-3, 3, color="0.92", zorder=0)
    bias.axvline(0, color="0.7", linewidth=1)
    bias.scatter(100 * rows["bias"], place, c=colours, s=22)
    bias.set_xlabel("bias, % of volume (grey: within 3 %)")
    for axes in (error, gap, bias):
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.tick_params(labelsize=8)
        axes.xaxis.label.set_size(8)
        axes.spines[["top", "right"]].set_visible(False)


def _draw_fans(figure: "FigureBase", predictions: pd.DataFrame, panel: pd.DataFrame, shown: list[Any]) -> None:
    ranges = _ranges(predictions)
    places = np.ravel(figure.subplots(len(shown), 1, squeeze=False))
    for axes, name in zip(places, shown, strict=True):
        folds = predictions[predictions["unique_id"] == name].sort_values(["cutoff", "ds"])
        actual = panel[panel["unique_id"] == name].sort_values("ds")
        start = int((actual["ds"] < folds["ds"].min()).sum())
        end = int((actual["ds"] <= folds["ds"].max()).sum())
        actual = actual.iloc[max(start - _PAST * (end - start), 0) : end]
        axes.plot(actual["ds"].to_numpy(), actual["y"].to_numpy(), color="black", linewidth=1, label="actual")
        for number, (_, fold) in enumerate(folds.groupby("cutoff")):
            moments = fold["ds"].to_numpy()
            marker = "o" if len(fold) == 1 else ""
            for low, high, label in ranges:
                bounds = fold[low].to_numpy(dtype=float), fold[high].to_numpy(dtype=float)
                text = "" if number else label
                axes.fill_between(moments, *bounds, alpha=0.25, color=_OWN, linewidth=0, label=text)
                if len(fold) == 1:
                    axes.vlines(moments, *bounds, alpha=0.35, color=_OWN, linewidth=4)
            line = {"color": _OWN, "linewidth": 1.2, "marker": marker, "markersize": 3}
            axes.plot(moments, fold["mean"].to_numpy(), label="" if number else "mean", **line)
            axes.axvline(fold["cutoff"].iloc[0], color="0.8", linewidth=0.8, linestyle=":", zorder=0)
        axes.set_title(str(name), fontsize=8, loc="left")
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
        if actual["y"].min() >= 0:
            axes.set_ylim(bottom=0)
    places[0].legend(frameon=False, fontsize=7, loc="upper left", ncols=2 + len(ranges))


def _ranges(predictions: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Pairs of quantiles around the median, the widest first."""
    columns = quantile_columns(predictions)
    pairs = []
    for level, low in columns.items():
        high = next((name for other, name in columns.items() if abs(other - (1 - level)) < 1e-9), None)
        if level < 0.5 and high is not None:
            pairs.append((low, high, f"{100 * (1 - 2 * level):.3g} % range"))
    return pairs
