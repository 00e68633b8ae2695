"""What moved an outlook, in words: the steps, what happened to an opportunity, and a line as a sentence."""

from collections.abc import Mapping
from typing import Any

from forecast.explain.labels import Text
from forecast.money import minor_digits

#: What each step is called, in the order of the steps.
STEPS: dict[str, Text] = {
    "corrected_data": Text("Corrected data", "数据更正"),
    "model": Text("Model", "模型更换"),
    "won": Text("Won", "赢单"),
    "lost": Text("Lost", "丢单"),
    "new": Text("New", "新增"),
    "slipped": Text("Slipped", "延期"),
    "repriced": Text("Repriced", "金额变动"),
    "owner_changed": Text("Owner changed", "负责人变更"),
    "probability": Text("Probability of the others", "其余商机的概率"),
    "time_passed": Text("Time passed", "时间推移"),
    "repeat_demand": Text("Repeat demand", "复购"),
    "exchange_rates": Text("Exchange rates", "汇率"),
}

#: What each step holds.
MEANINGS: dict[str, Text] = {
    "corrected_data": Text("What later imports told of the earlier day", "后续导入的数据对较早日期所作的更正"),
    "model": Text("The earlier day scored by the model of the later one", "用较晚日期的模型重新评估较早日期"),
    "won": Text("From what was expected to what was asked", "由预期金额变为报价金额"),
    "lost": Text("Lost, closed, deleted or merged: to nothing", "丢单、关闭、删除或合并：归零"),
    "new": Text("Was not there and is open, or already won", "此前不存在，现为在谈或已赢单"),
    "slipped": Text(
        "New expected close date, or a win that moved in or out of the period",
        "预计成交日期改动，或赢单移入、移出本期间",
    ),
    "repriced": Text("New amount", "金额改动"),
    "owner_changed": Text("Handed over, or a person changed teams", "移交他人，或人员调换团队"),
    "probability": Text(
        "What stays open, by today's probabilities and expected amounts", "仍在谈的商机按当前概率与预期金额计算"
    ),
    "time_passed": Text(
        "Less time is left to win what is open, and for opportunities yet to come",
        "留给在谈商机与将出现商机的时间变少",
    ),
    "repeat_demand": Text("Orders that came, and those expected", "已到的订单与预期订单"),
    "exchange_rates": Text("At the rates known now", "按当前已知汇率折算"),
}

#: What happened to one opportunity, where that says more than the step.
EVENTS: dict[str, Text] = {
    "outside": Text("won outside the period", "在本期间之外赢单"),
    "inside": Text("won in the period after all", "改为在本期间赢单"),
    "reopened": Text("open again", "重新打开"),
    "closed": Text("closed without an outcome", "无结果关闭"),
    "deleted": Text("deleted", "已删除"),
    "merged": Text("merged into another", "已并入其他商机"),
    "unknown": Text("no longer counted", "不再计入"),
    "restored": Text("restored", "已恢复"),
}

_SENTENCE = Text(
    "{before} {currency} were expected, {after} are now ({change}): {parts}.",
    "原预期 {before} {currency}，现为 {after}（{change}）：{parts}。",
)
_NOTHING = Text("nothing moved", "没有变动")
_COMMA = Text(", ", "，")


def step_title(step: str, lang: str = "en") -> str:
    """What a step is called.

    Examples
    --------
    >>> step_title("won"), step_title("slipped", "zh")
    ('Won', '延期')
    """
    return STEPS[step].in_language(lang)


def step_meaning(step: str, lang: str = "en") -> str:
    """What a step holds."""
    return MEANINGS[step].in_language(lang)


def event_text(what: str, lang: str = "en") -> str:
    """What happened to an opportunity, where that says more than its step; else nothing."""
    return EVENTS[what].in_language(lang) if what in EVENTS else ""


def moved_sentence(line: Mapping[str, Any], lang: str = "en") -> str:
    """One line of what moved as a sentence: both ends and every step that is not zero.

    Parameters
    ----------
    line : mapping
        ``before``, ``after``, ``currency`` and the steps.
    lang : {"en", "zh"}

    Examples
    --------
    >>> moved_sentence({"before": 100.0, "after": 160.0, "currency": "EUR", "won": 90.0, "lost": -30.0, "new": 0.0})
    '100.00 EUR were expected, 160.00 are now (+60.00): Won +90.00, Lost −30.00.'
    """
    digits = minor_digits(line["currency"])
    moved = [(step, float(line[step])) for step in STEPS if line.get(step)]
    parts = [f"{step_title(step, lang)} {_number(amount, digits, sign=True)}" for step, amount in moved]
    return _SENTENCE.in_language(lang).format(
        before=_number(line["before"], digits),
        after=_number(line["after"], digits),
        currency=line["currency"],
        change=_number(line["after"] - line["before"], digits, sign=True),
        parts=_COMMA.in_language(lang).join(parts) or _NOTHING.in_language(lang),
    )


def _number(value: float, digits: int, *, sign: bool = False) -> str:
    rounded = round(value, digits) + 0.0  # no minus zero
    return (f"{rounded:+,.{digits}f}" if sign else f"{rounded:,.{digits}f}").replace("-", "−")
