"""Figures of demand forecasts: parts period by period, and how forecasts move with drivers."""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecast.explain.demand import WHAT_IF_CAVEAT, part_label
from forecast.explain.labels import Text
from forecast.fonts import families

#: Okabe & Ito (2008): told apart by colour-blind readers too.
_COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2", "#D55E00", "#F0E442", "#000000")
_LEVEL = "0.8"
_FORECAST = Text("Forecast", "预测")
_MEAN = Text("mean forecast per series and period", "每序列每期的平均预测")
_RELATIVE = Text("times the usual value", "通常值的倍数")
_VALUE = Text("value", "取值")


def parts_plot(points: Sequence[Mapping[str, Any]], *, title: str, lang: str = "en") -> bytes:
    """Stacked parts of each period above or below the level, and the forecast that they add up to.

    Parameters
    ----------
    points : sequence of mappings
        One per period: ``ds``, ``mean``, ``parts`` (each with ``part`` and ``points``).
    title : str
    lang : {"en", "zh"}

    Returns
    -------
    bytes
        PNG.
    """
    table = pd.DataFrame([{part["part"]: part["points"] for part in point["parts"]} for point in points]).fillna(0.0)
    place = np.arange(len(points))
    level = table.pop("level").to_numpy()
    with _fonts():
        figure = _figure(1)
        axes = figure.subplots()
        axes.bar(place, level, color=_LEVEL, width=0.8, label=part_label("level", lang))
        above, below = level.copy(), level.copy()
        for index, part in enumerate(table):
            values = table[part].to_numpy()
            start = np.where(values >= 0, above, below)
            colour = _COLOURS[index % len(_COLOURS)]
            axes.bar(place, values, bottom=start, color=colour, width=0.8, label=_plain(part_label(str(part), lang)))
            above, below = above + np.maximum(values, 0), below + np.minimum(values, 0)
        mean = [point["mean"] for point in points]
        axes.plot(place, mean, "o-", color="black", markersize=4, label=_FORECAST.in_language(lang))
        shown = place[:: max(1, len(place) // 10)]
        axes.set_xticks(shown, [str(points[index]["ds"]) for index in shown], rotation=30, ha="right")
        axes.set_title(_plain(title), loc="left", fontsize=11)
        figure.legend(loc="outside upper center", fontsize=8, ncols=5, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        return _png(figure)


def effects_plot(effects: pd.DataFrame, *, lang: str = "en") -> bytes:
    """Mean forecast against each driver's value, one panel per driver, with the caveat below.

    Parameters
    ----------
    effects : DataFrame
        Of `forecast.demand.driver_effects`, not empty.
    lang : {"en", "zh"}

    Returns
    -------
    bytes
        PNG.
    """
    names = effects["driver"].drop_duplicates().tolist()
    with _fonts():
        figure = _figure(len(names))
        for axes, name in zip(figure.subplots(len(names), 1, squeeze=False)[:, 0], names, strict=True):
            rows = effects[effects["driver"] == name]
            is_category = rows["category"].notna().all()
            where = rows["category"].map(_plain) if is_category else rows["value"]
            axes.plot(where.to_numpy(), rows["mean"].to_numpy(), "o" if is_category else "o-", color=_COLOURS[4])
            unit = (_RELATIVE if rows["is_relative"].all() else _VALUE).in_language(lang)
            axes.set(title=_plain(f"{name} ({unit})"), ylabel=_MEAN.in_language(lang))
            axes.spines[["top", "right"]].set_visible(False)
        return _png(figure, WHAT_IF_CAVEAT.in_language(lang))


def _fonts() -> Any:
    from matplotlib import rc_context

    return rc_context({"font.family": families()})


def _figure(n_panels: int) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(8.5, 1.5 + 3.2 * n_panels), layout="constrained", dpi=120)


def _png(figure: Any, note: str = "") -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if note:
        figure.supxlabel(note, fontsize=7, color="0.4", wrap=True)
    image = io.BytesIO()
    with warnings.catch_warnings():
        # A name from the company's data may have characters that no font here has: they become boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        FigureCanvasAgg(figure).print_png(image, metadata={"Software": None})
    return image.getvalue()


def _plain(text: str) -> str:
    """A dollar sign would begin a formula."""
    return str(text).replace("$", r"\$")
