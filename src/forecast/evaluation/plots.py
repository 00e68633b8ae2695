"""Pictures of an evaluation as PNG bytes: the same bytes for the same numbers; no screen, no global state."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure, inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def as_png(figure: "Figure") -> bytes:
    """The figure as a PNG image without anything that changes from one making to the next."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    image = io.BytesIO()
    FigureCanvasAgg(figure).print_png(image, metadata={"Software": None})
    return image.getvalue()


def gains_plot(curves: Mapping[str, pd.DataFrame], *, title: str = "") -> bytes:
    """Cumulative gains, and the lift they make, of one or more models.

    Parameters
    ----------
    curves : mapping of model name to DataFrame
        From `metrics.gains_curve`.
    """
    figure = new_figure(9, 4.5)
    gains, lift = figure.subplots(1, 2)
    for name, curve in curves.items():
        gains.plot(curve["share"], curve["gains"], label=name)
        lift.plot(curve["share"], curve["lift"], label=name)
    gains.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    lift.axhline(1, color="0.7", linewidth=1)
    gains.set(xlim=(0, 1), ylim=(0, 1), xlabel="share of cases, best first", ylabel="share of all wins")
    lift.set(xlim=(0, 1), ylim=(0, None), xlabel="share of cases, best first", ylabel="win rate ÷ that of all (lift)")
    gains.legend(loc="lower right", frameon=False)
    figure.suptitle(title)
    return as_png(figure)


def decision_plot(curves: Mapping[str, pd.DataFrame], *, title: str = "") -> bytes:
    """Decision curves: net benefit of each model beside acting on every case and on none.

    Parameters
    ----------
    curves : mapping of model name to DataFrame
        From `metrics.decision_curve`, all on the same rows.
    """
    figure = new_figure(6, 4.5)
    axes = figure.subplots()
    highest = 0.0
    for name, curve in curves.items():
        axes.plot(curve["threshold"], curve["model"], label=name)
        highest = max(highest, float(curve["model"].max()), float(curve["all"].max()))
    some = next(iter(curves.values()))
    axes.plot(some["threshold"], some["all"], color="0.5", linestyle="--", linewidth=1, label="act on all")
    axes.axhline(0, color="0.7", linewidth=1, label="act on none")
    useful = some["threshold"][np.maximum.reduce([curve["model"].to_numpy() for curve in curves.values()]) > 0]
    axes.set(
        xlim=(0, min(1.0, 1.1 * float(useful.max())) if len(useful) else 1.0),
        ylim=(-0.15 * highest, 1.05 * highest) if highest > 0 else None,
        xlabel="act from this probability on",
        ylabel="net benefit, wins per case",
        title=title,
    )
    axes.legend(frameon=False)
    return as_png(figure)


def monthly_plot(months: pd.DataFrame, *, model: str = "model", baseline: str = "baseline", title: str = "") -> bytes:
    """Log loss of a model and its baseline per month, above the rates said and observed with their interval.

    Parameters
    ----------
    months : DataFrame
        From `breakdown.breakdown` by month.
    """
    figure = new_figure(8, 6)
    loss, rate = figure.subplots(2, 1, sharex=True)
    place = np.arange(len(months))
    loss.plot(place, months["log_loss"], "o-", markersize=4, label=model)
    loss.plot(place, months["log_loss"] - months["difference"], "o--", markersize=4, color="0.5", label=baseline)
    highest = float(np.maximum(months["log_loss"], months["log_loss"] - months["difference"]).max())
    loss.set(ylim=(0, 1.1 * highest), ylabel="log loss, nats", title=title)
    loss.legend(frameon=False)
    observed = months["win_rate"].to_numpy()
    said = months["mean_probability"].to_numpy()
    low, high = (np.clip(said + months[name].to_numpy(), 0, 1) for name in ("gap_low", "gap_high"))
    rate.errorbar(
        place,
        observed,
        yerr=[observed - low, high - observed],
        fmt="o",
        capsize=2,
        markersize=4,
        label="observed, 95 %",
    )
    rate.plot(place, said, "_", color="C1", markersize=14, markeredgewidth=2, label="said")
    rate.set(ylim=(0, None), ylabel="win rate")
    rate.set_xticks(place, months["group"], rotation=90 if len(months) > 8 else 0)
    rate.legend(frameon=False)
    return as_png(figure)
