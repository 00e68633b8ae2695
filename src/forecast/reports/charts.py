"""Pictures of report tables as SVG, in colours that a page may choose itself."""

import io
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from forecast.explain.labels import Text
from forecast.fonts import families
from forecast.reports.dimensions import OTHER_KEY, value_label
from forecast.reports.measures import Measure
from forecast.reports.report import ReportTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Okabe & Ito (2008): told apart by colour-blind readers, and on light as on dark.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#B5A642")
#: Bars, or lines of a stack, drawn at most; the table has all.
MAX_BARS, MAX_PARTS = 20, 7
_INK = "#123456"  # replaced by the colour of the text around
_MORE = Text("the first {n} of {all} rows", "仅显示前 {n} 行，共 {all} 行")
_LONGEST = 26


def chart_svg(
    table: ReportTable,
    names: Mapping[str, Mapping[str, str]],
    *,
    currency: str,
    lang: str = "en",
    ink: str = "currentColor",
    outlines: bool = False,
    size: tuple[float, float] = (8.0, 3.4),
) -> str:
    """The chart of a table; empty where it has none, or nothing to draw.

    Parameters
    ----------
    table : ReportTable
    names : mapping of dimension to names of keys
    currency : str
    lang : {"en", "zh"}
    ink : str
        Colour of texts and axes; by default that of the text around the picture.
    outlines : bool
        Draw letters as shapes, for readers without fonts; else they are text.
    size : (float, float)
        Width and height in inches.

    Returns
    -------
    str
        An ``<svg>`` element; the same bytes for the same numbers.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    chart = table.chart
    if chart is None or table.rows.empty:
        return ""
    style: dict[str, Any] = {
        "font.family": families(),
        "svg.fonttype": "path" if outlines else "none",
        "svg.hashsalt": "report",
        "font.size": 9,
        **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK),
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with rc_context(style), warnings.catch_warnings():
        # A name from the company's data may have characters that no font here has: they become boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        measures = [measure for measure in table.measures if measure.name in chart.measures] or [table.measures[0]]
        measures.sort(key=lambda measure: chart.measures.index(measure.name) if chart.measures else 0)
        _DRAW[chart.kind](axes, _Drawn(table, measures, names, lang))
        _scale(axes, measures[0], currency, lang)
        image = io.BytesIO()
        figure.savefig(image, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = image.getvalue().decode()
    return svg[svg.index("<svg") :].replace(_INK, ink)


class _Drawn:
    """What a chart draws: labels along the axis, and a series per measure (or per value of a second dimension)."""

    def __init__(
        self, table: ReportTable, measures: list[Measure], names: Mapping[str, Mapping[str, str]], lang: str
    ) -> None:
        self.measures, self.lang = measures, lang
        self._names = names
        first, *rest = table.dimensions
        rows = table.rows
        if rest:
            rows, self.series = self._crossed(rows, first, rest[-1], measures[0])
        else:
            self.series = {m.title.in_language(lang): rows[m.name] for m in measures}
        n_rows = len(rows)
        self.more = ""
        if n_rows > MAX_BARS and first not in ("month", "quarter", "day"):
            self.more = _MORE.in_language(lang).format(n=MAX_BARS, all=n_rows)
            rows = rows.head(MAX_BARS)
        self.labels = [self._label(first, str(key)) for key in rows[first]]
        n = len(self.labels)
        self.series = {name: values.head(n).to_numpy(dtype=float) for name, values in self.series.items()}

    def _crossed(
        self, rows: pd.DataFrame, first: str, second: str, measure: Measure
    ) -> tuple[pd.DataFrame, dict[str, Any]]:
        wide = rows.pivot_table(index=first, columns=second, values=measure.name, aggfunc="sum", sort=False)
        largest = wide.drop(columns=OTHER_KEY, errors="ignore").abs().sum().nlargest(MAX_PARTS - 1).index
        rest = wide.drop(columns=largest)
        series = {self._label(second, str(key)): wide[key].fillna(0.0) for key in largest}
        if rest.shape[1]:
            series[self._label(second, OTHER_KEY)] = rest.sum(axis=1)
        return wide.reset_index()[[first]], series

    def _label(self, dimension: str, key: str) -> str:
        text = value_label(dimension, key, self.lang, self._names)
        short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
        return short.replace("$", r"\$")  # else two of them would be a formula


def _bars(axes: "Axes", drawn: _Drawn) -> None:
    place, n = np.arange(len(drawn.labels)), len(drawn.series)
    width = 0.8 / n
    for index, (name, values) in enumerate(drawn.series.items()):
        axes.bar(place + (index - (n - 1) / 2) * width, values, width, label=name, color=COLOURS[index % len(COLOURS)])
    _ends(axes, drawn)


def _stacked(axes: "Axes", drawn: _Drawn) -> None:
    place = np.arange(len(drawn.labels))
    above, below = np.zeros(len(place)), np.zeros(len(place))
    for index, (name, values) in enumerate(drawn.series.items()):
        known = np.nan_to_num(values)
        start = np.where(known >= 0, above, below)
        axes.bar(place, known, 0.7, bottom=start, label=name, color=COLOURS[index % len(COLOURS)])
        above, below = above + np.maximum(known, 0), below + np.minimum(known, 0)
    _ends(axes, drawn)


def _lines(axes: "Axes", drawn: _Drawn) -> None:
    place = np.arange(len(drawn.labels))
    for index, (name, values) in enumerate(drawn.series.items()):
        axes.plot(place, values, "o-", markersize=4, label=name, color=COLOURS[index % len(COLOURS)])
    _ends(axes, drawn)


def _ranges(axes: "Axes", drawn: _Drawn) -> None:
    """A point per row with its range; the measures are the middle, the low and the high one."""
    place = np.arange(len(drawn.labels))
    (name, middle), (_, low), (_, high) = drawn.series.items()
    axes.vlines(place, low, high, color=COLOURS[0], linewidth=2, alpha=0.6)
    axes.plot(place, middle, "o", color=COLOURS[0], label=name)
    if np.nanmin(low, initial=0.0) < 0:
        axes.axhline(0, color=_INK, linewidth=0.8, alpha=0.5)
    _ends(axes, drawn)


_DRAW: Mapping[Literal["bar", "line", "stacked", "range"], Callable[["Axes", _Drawn], None]] = {
    "bar": _bars,
    "line": _lines,
    "stacked": _stacked,
    "range": _ranges,
}


def _ends(axes: "Axes", drawn: _Drawn) -> None:
    """Labels along the axis, and the legend."""
    n = len(drawn.labels)
    step = max(1, -(-n // 24))
    shown = np.arange(0, n, step)
    longest = max((len(drawn.labels[place]) for place in shown), default=0)
    crowded = longest * len(shown) > 90
    axes.set_xticks(shown, [drawn.labels[place] for place in shown], rotation=35 if crowded else 0,
                    ha="right" if crowded else "center", rotation_mode="anchor" if crowded else "default")  # fmt: skip
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel(drawn.more, fontsize=7)
    figure = axes.get_figure(root=True)
    columns = 4 if figure is None or figure.get_figwidth() > 7 else 2
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, fontsize=8, borderaxespad=0.2)


def _scale(axes: "Axes", measure: Measure, currency: str, lang: str) -> None:
    from matplotlib.ticker import FuncFormatter, PercentFormatter

    axes.grid(axis="y", color=_INK, alpha=0.12, linewidth=0.8)
    axes.set_axisbelow(True)
    low, high = axes.get_ylim()
    axes.set_ylim(top=high + 0.06 * (high - low))  # nothing touches the legend
    if measure.unit == "share":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value, lang)))
    unit = currency if measure.unit == "money" else ""
    axes.set_ylabel(unit, fontsize=8)


def short_number(value: float, lang: str) -> str:
    """``1.2M``, or 120万: as short as the language allows."""
    scales = ((1e9, "bn"), (1e6, "M"), (1e3, "k")) if lang == "en" else ((1e8, "亿"), (1e4, "万"))
    for scale, name in scales:
        if abs(value) >= scale:
            return f"{value / scale:,.4g}{name}"
    return f"{value:,.4g}"
