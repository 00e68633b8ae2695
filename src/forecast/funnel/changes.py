"""Changes of a stage's pace that are more than chance, with a stated rate of false alarms."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.funnel.pace import CONVERTS, DROPS, Pace, Spans, stage_pace
from forecast.funnel.stages import ALL, groups_of
from forecast.funnel.visits import Visits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Expected endings on each side of a change; fewer cannot show one.
MIN_EXPECTED = 5.0
#: Changes of the last so many months are looked for.
RECENT_MONTHS = 12
#: Chance of any alarm, over all stages of an unchanged funnel, at one look. Who looks every month sees the same past
#: again and again: at this level about one unchanged funnel in twenty raises any alarm in a year of monthly looks.
ALPHA = 0.005
#: Draws that suffice to see that nothing is there, and those that settle a small chance.
_FEW_DRAWS, _MANY_DRAWS = 499, 9999
#: Expected share of false ones among the alarms over segments.
FALSE_DISCOVERY = 0.1
WAYS = {"converts": CONVERTS, "drops": DROPS}


@dataclass(frozen=True)
class Change:
    """The most likely change within a row of spans.

    Attributes
    ----------
    place : int
        First span after it.
    before, after : float
        Observed over expected endings on both sides.
    p_value : float
        Chance of one so strong anywhere if nothing had changed; at least 1 / 10,000.
    """

    place: int
    before: float
    after: float
    p_value: float


def find_change(
    observed: Floats, expected: Floats, *, recent: int = RECENT_MONTHS, random_state: int = 0
) -> Change | None:
    """Scan for the one place at which a rate changed [1]_.

    For every place among the last ``recent`` spans the likelihood of two Poisson rates is set against that of one; the
    greatest ratio counts, divided by how much more the spans scatter around the two rates than Poisson counts do (a
    rate that always wobbles must jump further). Its chance is found by dealing the same number of endings to the spans
    as expected, so that searching many places costs no false alarm: 499 times, and 9,999 times if it is rare then.

    Parameters
    ----------
    observed, expected : arrays of shape (n_spans,)
        Endings, and how many were expected, in each span; with one sum.
    recent : int
    random_state : int

    Returns
    -------
    Change or None
        None where no place has `MIN_EXPECTED` on both sides.

    References
    ----------
    .. [1] Kulldorff (1997), A spatial scan statistic. Communications in Statistics 26(6); in time: Naus & Wallenstein.
    """
    n, total = len(expected), float(observed.sum())
    below = np.cumsum(expected)[:-1]
    places = np.arange(1, n)
    allowed = (below >= MIN_EXPECTED) & (expected.sum() - below >= MIN_EXPECTED) & (places >= n - recent)
    if not allowed.any() or total < 1:
        return None
    places = places[allowed]
    shares = expected / expected.sum()
    rng = np.random.default_rng(random_state)
    found, place = _strongest(observed[None], shares, places)
    for n_draws in (_FEW_DRAWS, _MANY_DRAWS):
        drawn = rng.multinomial(int(total), shares, size=n_draws).astype(float)
        chance = (1 + int((_strongest(drawn, shares, places)[0] >= found[0] * (1 - 1e-12)).sum())) / (n_draws + 1)
        if chance > 0.05:
            break
    at = int(place[0])
    before, after = (observed[part].sum() / expected[part].sum() for part in (slice(at), slice(at, None)))
    return Change(at, float(before), float(after), chance)


def _strongest(counts: Floats, shares: Floats, places: Ints) -> tuple[Floats, Ints]:
    """Greatest likelihood ratio of each row of counts over its scatter, and where it is."""
    total = counts.sum(axis=1, keepdims=True)
    first, part = np.cumsum(counts, axis=1)[:, places - 1], np.cumsum(shares)[places - 1]
    ratio = _entropy(first, total * part) + _entropy(total - first, total * (1 - part))
    best = np.argmax(ratio, axis=1)
    place = places[best]
    is_after = np.arange(counts.shape[1]) >= place[:, None]
    own = np.take_along_axis(first, best[:, None], axis=1)
    rate = np.where(is_after, (total - own) / (1 - part[best])[:, None], own / part[best][:, None])
    fitted = rate * shares
    # Spans with hardly any endings expected would make the scatter by themselves.
    scatter = ((counts - fitted) ** 2 / np.maximum(fitted, 0.5)).sum(axis=1) / max(counts.shape[1] - 2, 1)
    return ratio[np.arange(len(counts)), best] / np.maximum(scatter, 1.0), place


def _entropy(observed: Floats, expected: Floats) -> Floats:
    """observed * log(observed / expected), 0 where nothing was observed."""
    return np.asarray(observed * np.log(np.where(observed > 0, observed, 1.0) / np.where(observed > 0, expected, 1.0)))


def stage_changes(
    visits: Visits,
    months: Spans,
    *,
    segment: "pd.Series[str] | None" = None,
    level: float = ALPHA,
    random_state: int = 0,
) -> pd.DataFrame:
    """The most likely change of each stage, forward and out, and whether it is more than chance.

    Over stages the chance of any false alarm at one look is at most ``level`` (Holm's correction [1]_); over segments
    the expected share of false ones among the alarms is at most ``level`` (Benjamini and Hochberg [2]_).

    Parameters
    ----------
    visits : Visits
    months : Spans
    segment : Series of str, optional
        Segment of each row of ``visits.frame``: each segment is tested on its own.
    level : float in (0, 1)
    random_state : int

    Returns
    -------
    DataFrame
        One row per segment, stage and way (``converts``, ``drops``) that has enough endings: ``segment``, ``stage``,
        ``way``, ``since`` (first day of the month, of the workspace's zone), ``factor`` (hazard after over before),
        ``conversion_before`` and ``conversion_after`` (both ways taken together), ``n_before`` and ``n_after``
        (endings of that way), ``p_value``, ``p_adjusted``, ``is_alarm``. By segment, stage, way.

    References
    ----------
    .. [1] Holm (1979), A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6.
    .. [2] Benjamini & Hochberg (1995), Controlling the false discovery rate. JRSS B 57.
    """
    labels = pd.Series(ALL, index=visits.frame.index) if segment is None else segment
    lines = []
    for name, place, at in groups_of(labels, visits.frame["position"].to_numpy()):
        pace = stage_pace(visits.frame.iloc[at], months)
        lines += _lines(pace, months, {"segment": name, "stage": visits.stages[place]}, random_state)
    columns = [
        "segment", "stage", "way", "since", "factor", "conversion_before", "conversion_after", "n_before", "n_after",
        "p_value",
    ]  # fmt: skip
    table = pd.DataFrame(lines, columns=columns)
    adjusted = holm(table["p_value"]) if segment is None else benjamini_hochberg(table["p_value"])
    return table.assign(p_adjusted=adjusted, is_alarm=adjusted <= level)


def _lines(pace: Pace, months: Spans, name: dict[str, object], random_state: int) -> list[dict[str, object]]:
    lines = []
    for way, code in WAYS.items():
        observed = pace.observed[:, code]
        change = find_change(observed, pace.expected[:, code], random_state=random_state)
        if change is None:
            continue
        parts = (slice(change.place), slice(change.place, None))
        factors = [
            pace.observed[part].sum(axis=0) / np.maximum(pace.expected[part].sum(axis=0), 1e-9) for part in parts
        ]
        forward = [float(pace.conversion(both[:1], both[1:])[0][0]) for both in factors]
        line = {"way": way, "since": months.labels[change.place], "p_value": change.p_value}
        line |= {"factor": change.after / change.before if change.before > 0 else np.nan}
        line |= {"conversion_before": forward[0], "conversion_after": forward[1]}
        line |= {f"n_{when}": int(observed[part].sum()) for when, part in zip(("before", "after"), parts, strict=True)}
        lines.append(name | line)
    return lines


def holm(p_values: "pd.Series[float]") -> Floats:
    """Holm's adjusted p-values, in the given order.

    Examples
    --------
    >>> holm(pd.Series([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    values = p_values.to_numpy(dtype=float)
    order = np.argsort(values, kind="stable")
    scaled = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(scaled, 1.0)
    return adjusted


def benjamini_hochberg(p_values: "pd.Series[float]") -> Floats:
    """Benjamini and Hochberg's adjusted p-values, in the given order.

    Examples
    --------
    >>> benjamini_hochberg(pd.Series([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    values = p_values.to_numpy(dtype=float)
    order = np.argsort(values, kind="stable")
    n = len(values)
    scaled = np.minimum.accumulate((values[order] * n / np.arange(1, n + 1))[::-1])[::-1]
    adjusted = np.empty(n)
    adjusted[order] = np.minimum(scaled, 1.0)
    return adjusted
