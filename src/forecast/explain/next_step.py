"""The next step as a sentence: the action with its effect, range and cost, or why there is none."""

import math
from collections.abc import Mapping
from typing import Any

from forecast.explain.labels import Text, readable

#: What the common actions are called at the beginning of a sentence.
ACTIONS: dict[str, Text] = {
    "chat": Text("A chat", "在线聊天"),
    "email": Text("An e-mail", "发送邮件"),
    "kind_call": Text("A call", "打电话"),
    "kind_demo": Text("A demo", "产品演示"),
    "kind_email": Text("An e-mail", "发送邮件"),
    "kind_follow_up": Text("A follow-up", "跟进联系"),
    "kind_meeting": Text("A meeting", "会面"),
    "kind_newsletter": Text("A newsletter", "发送简报"),
    "kind_offer": Text("An offer", "发送报价"),
    "kind_visit": Text("A visit", "上门拜访"),
    "meeting": Text("A meeting", "会面"),
    "other": Text("Another contact", "其他方式联系"),
    "phone": Text("A call", "打电话"),
    "social": Text("A contact on social media", "社交媒体联系"),
    "web": Text("A contact through the website", "网站联系"),
}
OTHER_ACTION = Text("The step “{name}”", "“{name}”")

EFFECT = Text("{action}: {effect} points ({low} to {high})", "{action}：{effect} 个百分点（{low} 至 {high}）")
COST = Text(", about {minutes} minutes", "，约 {minutes} 分钟")
ONE_MINUTE = Text(", about 1 minute", "，约 1 分钟")
MEASURED = Text("; measured on {n} comparable cases", "；依据 {n} 个可比案例测得")

#: Why no step is suggested, by the reason of `forecast.conversion.next_step`.
UNKNOWN: dict[str, Text] = {
    "few_cases": Text(
        "Next step unknown: too few cases got such a step, or went without, to compare them",
        "下一步未知：采取或未采取该行动的案例太少，无法比较",
    ),
    "few_wins": Text(
        "Next step unknown: too few of the compared cases were won or lost so far",
        "下一步未知：可比案例中成交或未成交的数量太少",
    ),
    "habit": Text(
        "Next step unknown: the cases that get such a step differ so much from the others that its effect cannot be "
        "told from a habit",
        "下一步未知：获得该行动的案例与其他案例差别过大，无法区分行动效果与习惯做法",
    ),
    "imbalance": Text(
        "Next step unknown: cases with and without such a step could not be made comparable",
        "下一步未知：采取与未采取该行动的案例无法调整到可比",
    ),
    "no_actions": Text(
        "Next step unknown: no step was recorded often enough to measure it",
        "下一步未知：没有足够的行动记录可供测算",
    ),
    "no_gain": Text(
        "No next step suggested: none has been shown to raise the chance of cases like this one",
        "暂无建议的下一步：尚无行动被证明能提高此类案例的成交机会",
    ),
    "no_model": Text(
        "Next step unknown: the model that serves has learned no effects of actions",
        "下一步未知：当前使用的模型未学习任何行动的效果",
    ),
    "no_overlap": Text(
        "Next step unknown: cases alike always get such a step, or never, so there is nothing to compare",
        "下一步未知：相似案例要么总是、要么从不采取该行动，无从比较",
    ),
    "not_comparable": Text(
        "Next step unknown for this case: cases like this one always get such a step, or never",
        "该案例的下一步未知：与其相似的案例要么总是、要么从不采取该行动",
    ),
}


def render_next_step(step: Mapping[str, Any], lang: str = "en") -> str:
    """One row of `NextStepModel.suggest` as a sentence.

    Parameters
    ----------
    step : mapping
        ``action``, ``effect``, ``low``, ``high`` (probability), ``cost_minutes`` (may be missing), ``n``, ``reason``.
    lang : "en" or "zh"

    Examples
    --------
    >>> step = {"action": "kind_demo", "effect": 0.042, "low": 0.01, "high": 0.074, "cost_minutes": 40.2, "n": 1204}
    >>> render_next_step(step)
    'A demo: +4.2 points (+1.0 to +7.4), about 40 minutes; measured on 1,204 comparable cases'
    >>> render_next_step(step, "zh")
    '产品演示：+4.2 个百分点（+1.0 至 +7.4），约 40 分钟；依据 1,204 个可比案例测得'
    """
    reason = step.get("reason")
    if reason:
        return UNKNOWN.get(str(reason), UNKNOWN["no_actions"]).in_language(lang)
    points = {name: f"{100 * float(step[name]):+.1f}" for name in ("effect", "low", "high")}
    text = EFFECT.in_language(lang).format(action=action_label(str(step["action"]), lang), **points)
    return text + _cost(step.get("cost_minutes"), lang) + MEASURED.in_language(lang).format(n=f"{int(step['n']):,}")


def action_label(action: str, lang: str = "en") -> str:
    """What an action is called; one of the company's own kinds by its own name."""
    if action in ACTIONS:
        return ACTIONS[action].in_language(lang)
    return OTHER_ACTION.in_language(lang).format(name=readable(action.removeprefix("kind_")))


def _cost(minutes: Any, lang: str) -> str:
    """The usual length of the action; nothing when it was never recorded."""
    if minutes is None or math.isnan(float(minutes)):
        return ""
    whole = max(1, round(float(minutes)))
    return ONE_MINUTE.in_language(lang) if whole == 1 else COST.in_language(lang).format(minutes=whole)
