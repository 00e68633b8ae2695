"""The way from the base rate to one probability, step by step, in figures that add up as they are printed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.explain.labels import label
from forecast.explain.render import N_SHOWN, REMAINDER, render, shown_reasons

#: Printed points are whole tenths.
_TENTHS = 1000

REST = "rest"


@dataclass(frozen=True)
class Step:
    """One reason on the way.

    Attributes
    ----------
    code : str
        Of the reason; ``rest`` for all that are not shown, ``remainder`` for the model's own starting point.
    text : str
    points : float
        What it adds to the probability.
    printed : float
        The same in percentage points with one decimal; the printed base rate and all printed points add up to the
        printed probability.
    start, end : float
        Probability before and after it.
    """

    code: str
    text: str
    points: float
    printed: float
    start: float
    end: float


def way(
    reasons: Sequence[Mapping[str, Any]], *, base: float, probability: float, lang: str = "en", n_shown: int = N_SHOWN
) -> list[Step]:
    """The strongest told reasons for and against, all others together, the remainder: from base to probability.

    Parameters
    ----------
    reasons : sequence of mapping
        All reasons of one score.
    base, probability : float
        As published.
    lang : {"en", "zh"}
    n_shown : int
        At most so many for and as many against.
    """
    shown = shown_reasons(reasons, base=base, n_shown=n_shown)
    strongest = sorted((*shown.raising, *shown.lowering), key=lambda reason: (-abs(reason["points"]), reason["code"]))
    named = [(str(reason["code"]), render(reason, lang), float(reason["points"])) for reason in strongest]
    remainder = sum(float(reason["points"]) for reason in reasons if reason["code"] == REMAINDER)
    rest = probability - base - remainder - sum(points for *_, points in named)
    named += [(code, label(code, lang), points) for code, points in ((REST, rest), (REMAINDER, remainder))]
    told = [one for one in named if abs(one[2]) > 1e-9]
    points = np.array([one[2] for one in told])
    printed = printed_points(points, base=base, probability=probability)
    ends = base + np.cumsum(points)
    starts = np.concatenate([[base], ends[:-1]]) if len(points) else ends
    return [
        Step(code, text, step, float(shown_as), float(start), float(end))
        for (code, text, step), shown_as, start, end in zip(told, printed, starts, ends, strict=True)
    ]


def printed_points(points: np.ndarray, *, base: float, probability: float) -> np.ndarray:
    """Points in tenths of a percentage point, so that with the printed base they give the printed probability.

    Parameters
    ----------
    points : array of shape (n,)
        With ``base`` they add up to ``probability``.

    Returns
    -------
    array of shape (n,)
        Percentage points with one decimal, each less than a tenth from its exact value: by largest remainder.
    """
    exact = _TENTHS * points
    down = np.floor(exact)
    missing = int(round(_TENTHS * probability) - round(_TENTHS * base) - down.sum())
    by_remainder = np.argsort(-(exact - down), kind="stable")
    down[by_remainder[: max(missing, 0)]] += 1
    if missing < 0:  # both ends were rounded against the points
        down[by_remainder[missing:]] -= 1
    return np.asarray(down / 10)
