"""Performance in words: steps of the funnel, what may be claimed, what to work on, and what nobody can know."""

from collections.abc import Mapping
from typing import Any

from forecast.explain.labels import Text, readable

#: What each step is called; stages by their own name.
STEPS: dict[str, Text] = {
    "win": Text("Winning deals", "赢单"),
    "convert": Text("Leads to opportunities", "线索转化为商机"),
    "take_up": Text("First contact within 48 hours", "48 小时内首次联系"),
    "answer": Text("Inquiries answered within 24 hours", "24 小时内回复询问"),
    "advance.": Text("On from stage “{stage}”", "从“{stage}”阶段向前推进"),
    "close.": Text("Closing from stage “{stage}”", "“{stage}”阶段成交"),
}

#: What to do, by the code of the suggestion.
SUGGESTIONS: dict[str, Text] = {
    "qualify_leads": Text(
        "Practise qualifying: go through recent leads together, who decides, what for, by when",
        "练习线索甄别：一起回顾近期线索，明确谁决策、为何购买、何时购买",
    ),
    "advance_stage": Text(
        "Agree on a next step with the customer at every contact in this stage, and review stalled deals weekly",
        "在该阶段每次联系都与客户约定下一步，并每周回顾停滞的商机",
    ),
    "close_deals": Text(
        "Practise closing: prepare offers and objections of the open deals of this stage together",
        "练习成交：一起为该阶段在谈商机准备报价与异议应对",
    ),
    "contact_sooner": Text(
        "Contact new cases sooner: keep time free for them every day",
        "更快联系新案件：每天为其预留时间",
    ),
    "answer_sooner": Text(
        "Answer inquiries sooner: within a day, or have a colleague stand in",
        "更快回复客户询问：一天之内，或由同事代为回复",
    ),
    "share_practice": Text(
        "A strength: show colleagues how it is done",
        "优势所在：可向同事分享做法",
    ),
}

_EVIDENCE = Text(
    "{step}: {successes} of {n_cases}, {expected} expected ({p} % sure)",
    "{step}：{n_cases} 个中成功 {successes} 个，预期 {expected} 个（把握 {p} %）",
)
_WHOLE = Text("{advice}. {evidence}", "{advice}。{evidence}")
_LEARN = Text("{text}. Ahead in this step: {people}", "{text}。该环节领先者：{people}")

CLAIMS: dict[str, Text] = {
    "ahead": Text(
        "Ahead of expectation with {p} % probability: {wins} won, {expected} expected; {above} ({low} to {high}) "
        "are more than luck",
        "以 {p} % 的概率高于预期：赢单 {wins} 个，预期 {expected} 个；其中 {above}（{low} 至 {high}）个不止是运气",
    ),
    "behind": Text(
        "Behind expectation with {p} % probability: {wins} won, {expected} expected; {above} ({low} to {high}) "
        "are more than luck",
        "以 {p} % 的概率低于预期：赢单 {wins} 个，预期 {expected} 个；其中 {above}（{low} 至 {high}）个不止是运气",
    ),
    "": Text(
        "Nothing can be claimed: {wins} won, {expected} expected; the difference may be luck",
        "无法下结论：赢单 {wins} 个，预期 {expected} 个；差异可能只是运气",
    ),
}
NOTHING_EXPECTED = Text(
    "No expectation: too few deals, or nobody to compare with", "没有预期值：商机过少，或没有可比较的人"
)
NO_FIT = Text(
    "Nothing can be claimed: {wins} won, {expected} expected, but what is expected of all does not add up to what "
    "came; cases seem to pass from hand to hand by the kind of work",
    "无法下结论：赢单 {wins} 个，预期 {expected} 个，但全体预期之和与实际不符；案件似乎按工作类型在人员之间流转",
)
#: Goes with every statement about people.
CAVEAT = Text(
    "Expected results rest on what was recorded of each case when the person got it. Differences in the quality of "
    "leads that nobody recorded remain.",
    "预期结果依据每个案件交到此人手中时已记录的信息。未被记录的线索质量差异仍然存在。",
)
UNSEEN = Text(
    "; differences in lead quality by a factor of {factor}, which nobody recorded, would explain it",
    "；若线索质量存在未被记录的 {factor} 倍差异，即可解释这一结果",
)


def step_label(step: str, lang: str = "en") -> str:
    """What a step is called.

    Examples
    --------
    >>> step_label("advance.needs_analysis")
    'On from stage “needs analysis”'
    >>> step_label("answer", "zh")
    '24 小时内回复询问'
    """
    if step in STEPS:
        return STEPS[step].in_language(lang)
    beginning, _, stage = step.partition(".")
    return STEPS[f"{beginning}."].in_language(lang).format(stage=readable(stage))


def render_suggestion(suggestion: Mapping[str, Any], lang: str = "en") -> str:
    """A suggestion with the numbers that it rests on.

    Parameters
    ----------
    suggestion : mapping
        ``code``, ``step``, ``evidence`` with ``n_cases``, ``successes``, ``expected``, ``p`` and ``learn_from``.
    lang : "en" or "zh"

    Examples
    --------
    >>> evidence = {"n_cases": 80, "successes": 21, "expected": 33.24, "p": 0.957, "learn_from": []}
    >>> render_suggestion({"code": "answer_sooner", "step": "answer", "evidence": evidence})[-71:]
    'Inquiries answered within 24 hours: 21 of 80, 33.2 expected (95 % sure)'
    """
    evidence = suggestion["evidence"]
    told = _EVIDENCE.in_language(lang).format(
        step=step_label(str(suggestion["step"]), lang),
        successes=f"{int(evidence['successes']):,}",
        n_cases=f"{int(evidence['n_cases']):,}",
        expected=f"{float(evidence['expected']):,.1f}",
        p=_percent(float(evidence["p"])),
    )
    advice = SUGGESTIONS[str(suggestion["code"])].in_language(lang)
    text = _WHOLE.in_language(lang).format(advice=advice, evidence=told)
    people = evidence.get("learn_from") or ()
    joined = ("、" if lang == "zh" else ", ").join(str(person) for person in people)
    return _LEARN.in_language(lang).format(text=text, people=joined) if people else text


def render_claim(line: Mapping[str, Any], lang: str = "en") -> str:
    """What may be said of a line of the performance table.

    Parameters
    ----------
    line : mapping
        ``claim``, ``wins``, ``expected_wins``, ``wins_above`` with ``_low`` and ``_high``, ``p_ahead``, ``p_behind``,
        ``fits``, ``unseen``.
    lang : "en" or "zh"

    Examples
    --------
    >>> render_claim({"claim": "", "wins": 6, "expected_wins": 9.7})
    'Nothing can be claimed: 6 won, 9.7 expected; the difference may be luck'
    """
    expected = line.get("expected_wins")
    if expected is None or expected != expected:
        return NOTHING_EXPECTED.in_language(lang)
    claim = str(line["claim"])
    values = {"wins": f"{int(line['wins']):,}", "expected": f"{float(expected):,.1f}"}
    if not line.get("fits", True):
        return NO_FIT.in_language(lang).format(**values)
    if not claim:
        return CLAIMS[claim].in_language(lang).format(**values)
    values |= {name: f"{float(line[f'wins_above{part}']):+,.1f}" for name, part in _PARTS.items()}
    text = CLAIMS[claim].in_language(lang).format(p=_percent(float(line[f"p_{claim}"])), **values)
    return text + UNSEEN.in_language(lang).format(factor=f"{float(line['unseen']):.2f}")


_PARTS = {"above": "", "low": "_low", "high": "_high"}


def _percent(probability: float) -> str:
    """Whole percent, never rounded up to certainty."""
    return f"{int(100 * probability)}"
