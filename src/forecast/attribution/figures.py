"""Figures of additive points as PNG images: the waterfall of one score and the swarm of many."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecast.fonts import families

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Blue raises, orange lowers: told apart by colour-blind readers too (Okabe & Ito 2008).
RAISES, LOWERS, NEUTRAL = "#0072B2", "#D55E00", "0.45"


@contextmanager
def _drawing() -> Iterator[None]:
    """Fonts for everything made inside."""
    from matplotlib import rc_context

    with rc_context({"font.family": families()}), warnings.catch_warnings():
        # A name from the company's data may have characters that no font here has: they become boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


@_drawing()
def waterfall(
    labels: Sequence[str],
    points: Sequence[float],
    *,
    base: float,
    base_label: str,
    total_label: str,
    x_label: str,
) -> bytes:
    """The way from the base rate to one probability, a bar per reason, from top to bottom.

    Parameters
    ----------
    labels : sequence of str
        One per reason, as shown.
    points : sequence of float
        Points of probability, in the same order; with ``base`` they give the probability.
    base : float
        Probability at which the way starts.
    base_label, total_label, x_label : str
        Texts of the first line, the last one, and the axis.

    Returns
    -------
    bytes
        PNG.
    """
    steps = 100 * np.asarray(points, dtype=float)
    ends = 100 * base + np.cumsum(steps)
    starts = np.concatenate([[100 * base], ends[:-1]]) if len(steps) else ends
    total = float(ends[-1]) if len(steps) else 100 * base
    figure = _figure(height=1.4 + 0.34 * (len(steps) + 2))
    axes = figure.subplots()
    rows = np.arange(1, len(steps) + 1)
    axes.barh(rows, steps, left=starts, height=0.62, color=np.where(steps >= 0, RAISES, LOWERS))
    axes.barh([0, len(steps) + 1], [100 * base, total], height=0.62, color=NEUTRAL)
    edges = np.concatenate([[100 * base], ends])
    axes.vlines(edges, np.arange(len(edges)), np.arange(len(edges)) + 1, color="0.7", linewidth=0.8)
    low, high = min(0.0, float(edges.min())), float(edges.max())
    room = 0.02 * (high - low)
    for row, (start, end, step) in enumerate(zip(starts, ends, steps, strict=True), start=1):
        axes.text(max(start, end) + room, row, f"{step:+.1f}".replace("-", "−"), va="center", fontsize=9)
    for row, value in ((0, 100 * base), (len(steps) + 1, total)):
        axes.text(value + room, row, f"{value:.1f} %", va="center", fontsize=9)
    axes.set_yticks(range(len(steps) + 2), [base_label, *labels, total_label])
    axes.set(xlim=(low, high + 0.14 * (high - low)), ylim=(len(steps) + 1.6, -0.6), xlabel=x_label)
    _tidy(axes)
    return _png(figure)


@_drawing()
def beeswarm(
    points: pd.DataFrame,
    ranks: pd.DataFrame,
    *,
    labels: Sequence[str],
    x_label: str,
    colour_label: str,
    low_high: tuple[str, str],
) -> bytes:
    """Points of each reason over many cases: a dot per case, coloured by the rank of the value.

    Parameters
    ----------
    points : DataFrame of shape (n, k)
        Points of probability, one column per reason, drawn from top to bottom.
    ranks : DataFrame of shape (n, k)
        Rank of the value behind it, 0 (lowest) to 1; NaN (missing, or no order) is grey.
    labels : sequence of str, one per column
    x_label, colour_label : str
    low_high : (str, str)
        Texts at the ends of the colour bar.

    Returns
    -------
    bytes
        PNG.
    """
    figure = _figure(height=1.6 + 0.42 * points.shape[1])
    axes = figure.subplots()
    values = 100 * points.to_numpy(dtype=float)
    width = max(float(np.ptp(values)), 1e-9) / 120
    coloured = None
    for row in range(points.shape[1]):
        height = row + 0.42 * swarm_offsets(values[:, row], width)
        rank = ranks.iloc[:, row].to_numpy(dtype=float)
        plain = np.isnan(rank)
        axes.scatter(values[plain, row], height[plain], s=7, color="0.6", linewidths=0, rasterized=True)
        shown = axes.scatter(
            values[~plain, row], height[~plain], c=rank[~plain], s=7, cmap="viridis", vmin=0, vmax=1, linewidths=0
        )
        coloured = shown if (~plain).any() else coloured
    axes.axvline(0, color="0.5", linewidth=0.8, zorder=0)
    axes.set_yticks(range(points.shape[1]), list(labels))
    axes.set(ylim=(points.shape[1] - 0.4, -0.6), xlabel=x_label)
    _tidy(axes)
    if coloured is not None:
        bar = figure.colorbar(coloured, ax=axes, ticks=[0, 1], aspect=30, pad=0.02)
        bar.ax.set_yticklabels(list(low_high))
        bar.set_label(colour_label)
        bar.outline.set_visible(False)
    return _png(figure)


def swarm_offsets(values: np.ndarray, width: float) -> np.ndarray:
    """Offsets in [-1, 1] that part the dots of equal values: alternately up and down in bins of ``width``."""
    bins = pd.Series(np.round(np.nan_to_num(values) / width))
    place = bins.groupby(bins).cumcount().to_numpy()
    step = (place + 1) // 2 * np.where(place % 2 == 1, 1, -1)
    return np.asarray(step / max(float(np.abs(step).max(initial=0)), 8.0))


def value_ranks(values: pd.DataFrame) -> pd.DataFrame:
    """Rank of each value within its column, 0 to 1, ties in the middle; NaN where there is no number."""
    numbers = values.apply(lambda column: pd.to_numeric(column, errors="coerce")).astype(float)
    above = np.maximum(numbers.notna().to_numpy().sum(axis=0) - 1, 1)
    return pd.DataFrame((numbers.rank() - 1) / above)


def _figure(*, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(8.5, height), layout="constrained", dpi=120)


def _tidy(axes: Any) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _png(figure: "Figure") -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    image = io.BytesIO()
    FigureCanvasAgg(figure).print_png(image, metadata={"Software": None})
    return image.getvalue()
