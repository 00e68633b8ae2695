"""Reasons as sentences, and the few that are shown out of the many that are stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forecast.explain.labels import Text, label
from forecast.explain.measures import value_text

#: Reasons shown for and against.
N_SHOWN = 5

#: What a reason must move the log-odds by to be told, at the base rate: half a point where half of the cases are won,
#: 0.2 where one in ten is. Nobody acts on less, and which of several such reasons comes first is chance.
LEAST_TOLD = 0.02

#: Codes of what belongs to no reason, and of the only reason of a score before anything has been learned.
REMAINDER, PRIOR_ONLY = "remainder", "prior_only"

NOTHING_TOLD = Text("Nothing known sets it apart from the usual", "已知信息中没有使其明显不同于通常情况的因素")

EVIDENCE = Text("of {n} alike, {rate} % were won", "相似的 {n} 个案例中有 {rate} % 成交")
VALUED = Text("{label}: {value}", "{label}：{value}")
FULL = Text("{what}; {evidence}", "{what}；{evidence}")

Reason = Mapping[str, Any]


def render(reason: Reason, lang: str = "en") -> str:
    """One reason as a sentence with its evidence, without its points.

    Parameters
    ----------
    reason : mapping
        ``code``, ``points`` and ``evidence`` with ``feature``, ``value``, ``n``, ``rate`` (0 to 1).
    lang : "en" or "zh"

    Examples
    --------
    >>> evidence = {"feature": "interactions__phone__count_30d", "value": "3", "n": 212, "rate": 0.15}
    >>> render({"code": "interactions.phone", "points": 0.04, "evidence": evidence})
    'Phone calls: 3 in the last 30 days; of 212 alike, 15 % were won'
    >>> render({"code": "interactions.phone", "points": 0.04, "evidence": evidence}, "zh")
    '电话：近 30 天 3 次；相似的 212 个案例中有 15 % 成交'
    """
    evidence = reason.get("evidence") or {}
    what = label(str(reason["code"]), lang)
    if evidence.get("feature"):
        value = value_text(str(evidence["feature"]), str(evidence.get("value", "")), lang)
        what = VALUED.in_language(lang).format(label=what, value=value)
    if not evidence.get("n"):
        return what
    alike = EVIDENCE.in_language(lang).format(n=f"{evidence['n']:,}", rate=percent(float(evidence["rate"])))
    return FULL.in_language(lang).format(what=what, evidence=alike)


def percent(share: float) -> str:
    """A share in percent: whole from 10 % on, one decimal below."""
    return f"{100 * share:.0f}" if round(100 * share, 1) >= 10 or share == 0 else f"{100 * share:.1f}"


@dataclass(frozen=True)
class ShownReasons:
    """What a person sees of a score; ``base`` plus all points gives the probability.

    ``raising`` and ``lowering`` are strongest first and may be empty; ``rest`` is the sum of the points of all others.
    """

    raising: tuple[Reason, ...]
    lowering: tuple[Reason, ...]
    rest: float


def least_points(base: float) -> float:
    """Points below which a reason is not told, where scores start from ``base``.

    Examples
    --------
    >>> [round(100 * least_points(base), 2) for base in (0.5, 0.1, 0.02)]
    [0.5, 0.18, 0.04]
    """
    return LEAST_TOLD * base * (1 - base)


def told_reasons(reasons: Sequence[Reason], *, base: float) -> list[Reason]:
    """The reasons worth telling, strongest first: those of `least_points` or more, never the remainder.

    The one rule of whatever people read; what is not told still counts in the sum of the others.

    Parameters
    ----------
    reasons : sequence of reasons, all of one score
    base : float
        The published base rate.
    """
    named = [reason for reason in reasons if reason["code"] != REMAINDER and reason["points"]]
    told = [reason for reason in named if abs(reason["points"]) >= least_points(base)]
    return sorted(told, key=lambda reason: (-abs(reason["points"]), reason["code"]))


def nothing_told(reasons: Sequence[Reason], *, base: float, lang: str = "en") -> str | None:
    """What is said of a score that has no reason worth telling; None where `told_reasons` gives one.

    Examples
    --------
    >>> nothing_told([{"code": "stage.current", "points": 0.001}], base=0.5)
    'Nothing known sets it apart from the usual'
    """
    if told_reasons(reasons, base=base):
        return None
    is_prior = any(reason["code"] == PRIOR_ONLY for reason in reasons)
    return label(PRIOR_ONLY, lang) if is_prior else NOTHING_TOLD.in_language(lang)


def shown_reasons(reasons: Sequence[Reason], *, base: float, n_shown: int = N_SHOWN) -> ShownReasons:
    """The strongest told reasons for and against; everything else, the remainder too, is one sum.

    Parameters
    ----------
    reasons : sequence of reasons, all of one score
    base : float
        The published base rate.
    n_shown : int
        At most so many of each sign.
    """
    told = told_reasons(reasons, base=base)
    raising = tuple(reason for reason in told if reason["points"] > 0)[:n_shown]
    lowering = tuple(reason for reason in told if reason["points"] < 0)[:n_shown]
    everything = sum(reason["points"] for reason in reasons)
    shown = sum(reason["points"] for reason in (*raising, *lowering))
    return ShownReasons(raising, lowering, round(everything - shown, 9))


def rendered(reasons: Sequence[Reason], lang: str = "en") -> list[dict[str, Any]]:
    """All reasons with their ``text`` in ``lang`` added, in their order; the reasons themselves stay as they are."""
    return [{**reason, "text": render(reason, lang)} for reason in reasons]
