"""Charts of the pages: Plotly figures as plain data, drawn by ``static/charts.js`` in the colours of the page.

A figure names colours of the style sheet (``"accent"``, ``"good"``, ``"muted"`` …) instead of colour values, so that it
follows light and dark. Every chart on a page has a table of the same numbers beside it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup


@dataclass(frozen=True)
class Chart:
    """One chart; ``{{ chart }}`` in a template places it.

    Attributes
    ----------
    name : str
        Of its element; unique on the page.
    title : str
        What it shows, for who cannot see it too.
    data : list of dict
        Plotly traces; no NaN, None where there is no number.
    layout : dict
        What differs from the usual layout.
    """

    name: str
    title: str
    data: list[dict[str, Any]]
    layout: dict[str, Any] = field(default_factory=dict)

    def __html__(self) -> Markup:
        """The element that ``charts.js`` draws into."""
        figure = json.dumps(
            {"data": self.data, "layout": self.layout}, ensure_ascii=False, allow_nan=False, default=str
        )
        return Markup('<figure class="chart" id="{}" data-figure="{}" role="img" aria-label="{}"></figure>').format(
            self.name, figure, self.title
        )


def error_bars(
    middle: Sequence[float], low: Sequence[float], high: Sequence[float], color: str = "muted"
) -> dict[str, Any]:
    """The ``error_x`` or ``error_y`` of a trace: from the low to the high end of each of its points."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [up - at for up, at in zip(high, middle, strict=True)],
        "arrayminus": [at - down for at, down in zip(middle, low, strict=True)],
        "color": color,
        "thickness": 1.5,
    }
