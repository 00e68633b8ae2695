"""Pictures of a funnel as PNG bytes: how stays end by the days they last, and what a better stage would bring."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.evaluation.plots import as_png, new_figure
from forecast.explain.labels import Text
from forecast.fonts import families
from forecast.funnel.measure import Funnel
from forecast.funnel.texts import stage_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Okabe & Ito (2008): told apart by colour-blind readers too.
_COLOURS = {"advance": "#0072B2", "won": "#009E73", "back": "#E69F00", "lost": "#D55E00", "still": "0.85"}
_NAMES = {
    "advance": Text("advance", "推进"),
    "won": Text("won", "成交"),
    "back": Text("fall back", "退回"),
    "lost": Text("lost", "流失"),
    "still": Text("still there", "仍停留"),
}
_NAIVE = Text("naive: moved on of all entered", "简单比率：推进 ÷ 进入")
_SHARES = Text("how stays end, % (with 80 % interval of moving on)", "停留如何结束，%（推进的 80 % 区间）")
_WORTH = Text(
    "back to its best quarter, {currency} a quarter (80 % interval)",
    "恢复最佳季度，每季度 {currency}（80 % 区间）",
)


def funnel_plot(funnel: Funnel, *, lang: str = "en", title: str = "") -> bytes:
    """Stages from top to bottom: how stays end, and what each is worth back at its best quarter.

    Parameters
    ----------
    funnel : Funnel
    lang : {"en", "zh"}
    title : str

    Returns
    -------
    bytes
        PNG; the same bytes for the same numbers.
    """
    from matplotlib import rc_context

    with rc_context({"font.family": families()}):
        figure = new_figure(11, 1.6 + 0.55 * max(len(funnel.table), 2))
        shares, worth = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
        table = funnel.table.set_index("stage").reindex(funnel.stages)
        place = np.arange(len(table))[::-1]
        _draw_shares(shares, table, place, lang)
        _draw_worth(worth, funnel, place, lang)
        shares.set_yticks(place, [_plain(stage_label(str(stage), lang)) for stage in table.index])
        figure.suptitle(_plain(title))
        return as_png(figure)


def _draw_shares(axes: "Axes", table: pd.DataFrame, place: NDArray[np.int64], lang: str) -> None:
    left = np.zeros(len(table))
    for ending, colour in _COLOURS.items():
        width = 100 * table["still" if ending == "still" else f"{ending}_share"].astype(float).fillna(0.0).to_numpy()
        axes.barh(place, width, left=left, height=0.6, color=colour, label=_NAMES[ending].in_language(lang))
        left += width
    bounds = 100 * table[["converted_low", "converted_high"]].to_numpy(dtype=float)
    axes.hlines(place, bounds[:, 0], bounds[:, 1], color="black", linewidth=2)
    naive = 100 * table["naive_of_entered"].to_numpy(dtype=float)
    axes.scatter(naive, place, marker="x", color="black", zorder=3, label=_NAIVE.in_language(lang))
    axes.set(xlim=(0, 100), xlabel=_SHARES.in_language(lang))
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    axes.spines[["top", "right"]].set_visible(False)


def _draw_worth(axes: "Axes", funnel: Funnel, place: NDArray[np.int64], lang: str) -> None:
    lines = funnel.bottlenecks.set_index("stage").reindex(funnel.stages)
    value, low, high = (lines[name].to_numpy(dtype=float) for name in ("value", "value_low", "value_high"))
    colours = np.where(lines["is_bottleneck"].fillna(False).to_numpy(bool), "#D55E00", "0.5")
    known = np.isfinite(value)
    axes.hlines(place[known], low[known], high[known], color=list(colours[known]), linewidth=2)
    axes.scatter(value[known], place[known], c=list(colours[known]), zorder=3)
    axes.axvline(0, color="0.7", linewidth=1, zorder=0)
    axes.set_xlabel(_WORTH.in_language(lang).format(currency=funnel.currency), fontsize=8)
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)


def _plain(text: str) -> str:
    """Dollar signs as such: two of them would be taken for a formula."""
    return text.replace("$", r"\$")
