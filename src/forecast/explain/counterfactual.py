"""What would raise a score, in words: what changes, and what the score would then be."""

from typing import Any

from forecast.conversion.counterfactual import Counterfactual
from forecast.conversion.reasons import reason_code
from forecast.explain.labels import Text, label
from forecast.explain.measures import value_text
from forecast.explain.render import percent

CHANGE = Text("{label}: {after} (now {before})", "{label}：{after}（目前{before}）")
TOGETHER = Text(" and ", "，并且")
WOULD_BE = Text(
    "{what} – the score would be {p} % ({gain} points more)", "{what}：评分将为 {p} %（提高 {gain} 个百分点）"
)

#: Belongs under every list of counterfactuals.
NOTE = Text(
    "What the score would be if a case like this one looked so; not what the change would do to the deal.",
    "这是同类案例处于该状态时的评分，并不代表这样做对成交的实际影响。",
)

#: Measures told of a change, in this order: the first that moved speaks for its reason.
TOLD = ("count_7d", "count_30d", "count_90d", "count", "overdue", "planned", "response_hours_median", "days_since_last")


def render_counterfactual(one: Counterfactual, lang: str = "en") -> str:
    """One counterfactual as a sentence.

    Parameters
    ----------
    one : Counterfactual
    lang : {"en", "zh"}
    """
    parts = []
    for code in one.codes:
        moved = [name for name in one.changes if reason_code(name) == code]
        if not moved:
            continue
        name = min(moved, key=_telling)
        before, after = (value_text(name, _stored(value), lang) for value in one.changes[name])
        parts.append(CHANGE.in_language(lang).format(label=label(code, lang), after=after, before=before))
    what = TOGETHER.in_language(lang).join(parts)
    gain = f"{100 * one.gain:.1f}"
    return WOULD_BE.in_language(lang).format(what=what, p=percent(one.probability), gain=gain)


def _telling(name: str) -> tuple[int, str]:
    measure = name.rsplit("__", 1)[-1]
    return (TOLD.index(measure) if measure in TOLD else len(TOLD)), name


def _stored(value: Any) -> str:
    """A value as evidence stores it."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float | int) else str(value)
