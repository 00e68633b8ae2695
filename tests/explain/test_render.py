"""Reasons as sentences, and which are shown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.explain import nothing_told, render, rendered, shown_reasons, told_reasons


def reason(code: str, points: float, **evidence: Any) -> dict[str, Any]:
    blank = {"feature": "", "value": "", "n": 0, "rate": 0.0}
    return {"code": code, "points": points, "evidence": blank | evidence}


def test_reason_with_evidence() -> None:
    given_reason = reason("stage.time", -0.03, feature="stage__days_in", value="41.2", n=1212, rate=0.0512)

    assert render(given_reason) == "Time in the stage: 41.2 days; of 1,212 alike, 5.1 % were won"
    assert render(given_reason, "zh") == "在当前阶段的停留时间：41.2 天；相似的 1,212 个案例中有 5.1 % 成交"


def test_remainder_has_no_evidence() -> None:
    assert render(reason("remainder", 0.01)) == "Starting point of the model"


def test_five_of_each_sign_are_shown_and_everything_is_counted() -> None:
    reasons = [reason(f"attributes.f{i}", points / 100) for i, points in enumerate(range(-8, 9))]
    reasons.append(reason("remainder", 0.5))

    shown = shown_reasons(reasons, base=0.5)

    assert [r["points"] for r in shown.raising] == [0.08, 0.07, 0.06, 0.05, 0.04]
    assert [r["points"] for r in shown.lowering] == [-0.08, -0.07, -0.06, -0.05, -0.04]
    assert shown.rest == pytest.approx(0.5)


@pytest.mark.parametrize(("base", "least"), [(0.5, 0.005), (0.1, 0.0018), (0.02, 0.000392)])
def test_reasons_are_told_from_0_02_of_log_odds_on(base: float, least: float) -> None:
    points = {"a.more": 1.001 * least, "a.less": 0.999 * least, "b.more": -1.002 * least, "b.less": -0.999 * least}
    reasons = [reason(code, value) for code, value in points.items()] + [reason("remainder", 0.3)]

    told = told_reasons(reasons, base=base)

    assert [r["code"] for r in told] == ["b.more", "a.more"]


@given(
    st.lists(st.floats(-0.5, 0.5) | st.floats(-0.01, 0.01), max_size=30),
    st.integers(0, 8),
    st.floats(0.0, 1.0),
)
def test_shown_and_rest_add_up_and_nothing_small_is_shown(points: list[float], n_shown: int, base: float) -> None:
    reasons = [reason(f"attributes.f{i}", value) for i, value in enumerate(points)]

    shown = shown_reasons(reasons, base=base, n_shown=n_shown)

    told = [r["points"] for r in (*shown.raising, *shown.lowering)]
    assert shown.rest + sum(told) == pytest.approx(sum(points), abs=1e-8)
    assert max(len(shown.raising), len(shown.lowering)) <= n_shown
    assert all(abs(value) >= 0.02 * base * (1 - base) and value != 0 for value in told), told


@pytest.mark.parametrize(
    ("lang", "text"),
    [("en", "Nothing known sets it apart from the usual"), ("zh", "已知信息中没有使其明显不同于通常情况的因素")],
)
def test_a_score_without_a_reason_worth_telling_says_so(lang: str, text: str) -> None:
    small = [reason("stage.current", 0.0049), reason("owner.record", -0.0049), reason("remainder", 0.2)]

    assert nothing_told(small, base=0.5, lang=lang) == text
    assert nothing_told([*small, reason("stage.time", -0.0051)], base=0.5, lang=lang) is None


def test_a_score_before_any_learning_says_that_it_is_the_prior() -> None:
    prior = [reason("prior_only", 0.0)]

    assert nothing_told(prior, base=0.25) == "Prior only: nothing has been learned yet"
    assert nothing_told(prior, base=0.25, lang="zh") == "仅为先验值：尚无可学习的历史"


def test_rendered_adds_texts_and_changes_nothing_else() -> None:
    reasons = [reason("owner.record", 0.02, feature="owner__win_rate", value="0.3", n=40, rate=0.3)]

    assert rendered(reasons, "en") == [
        {**reasons[0], "text": "Past results of the owner: 30 % won; of 40 alike, 30 % were won"}
    ]
    assert "text" not in reasons[0]
