"""Reasons as sentences, and which are shown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.explain import render, rendered, shown_reasons


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

    shown = shown_reasons(reasons)

    assert [r["points"] for r in shown.raising] == [0.08, 0.07, 0.06, 0.05, 0.04]
    assert [r["points"] for r in shown.lowering] == [-0.08, -0.07, -0.06, -0.05, -0.04]
    assert shown.rest == pytest.approx(0.5)


@given(st.lists(st.floats(-0.5, 0.5), max_size=30), st.integers(0, 8))
def test_shown_and_rest_add_up(points: list[float], n_shown: int) -> None:
    reasons = [reason(f"attributes.f{i}", value) for i, value in enumerate(points)]

    shown = shown_reasons(reasons, n_shown=n_shown)

    total = shown.rest + sum(r["points"] for r in (*shown.raising, *shown.lowering))
    assert total == pytest.approx(sum(points), abs=1e-8)
    assert max(len(shown.raising), len(shown.lowering)) <= n_shown


def test_rendered_adds_texts_and_changes_nothing_else() -> None:
    reasons = [reason("owner.record", 0.02, feature="owner__win_rate", value="0.3", n=40, rate=0.3)]

    assert rendered(reasons, "en") == [
        {**reasons[0], "text": "Past results of the owner: 30 % won; of 40 alike, 30 % were won"}
    ]
    assert "text" not in reasons[0]
