"""The next step in words."""

import pytest

from forecast.conversion.next_step import REASONS
from forecast.errors import InvalidInput
from forecast.explain.next_step import UNKNOWN, action_label, render_next_step

STEP = {"action": "kind_demo", "effect": 0.042, "low": 0.01, "high": 0.074, "cost_minutes": 40.2, "n": 1204}


def test_step_is_told_with_effect_range_and_cost() -> None:
    assert render_next_step(STEP) == (
        "A demo: +4.2 points (+1.0 to +7.4), about 40 minutes; measured on 1,204 comparable cases"
    )
    assert (
        render_next_step(STEP, "zh") == "产品演示：+4.2 个百分点（+1.0 至 +7.4），约 40 分钟；依据 1,204 个可比案例测得"
    )


@pytest.mark.parametrize("minutes", [None, float("nan")])
def test_step_without_known_cost_says_nothing_of_it(minutes: float | None) -> None:
    text = render_next_step(STEP | {"cost_minutes": minutes})

    assert text == "A demo: +4.2 points (+1.0 to +7.4); measured on 1,204 comparable cases"


def test_shortest_step_takes_a_minute() -> None:
    assert "about 1 minute;" in render_next_step(STEP | {"cost_minutes": 0.2})


def test_own_kind_of_the_company_keeps_its_name() -> None:
    assert action_label("kind_site_survey") == "The step “site survey”"
    assert action_label("kind_site_survey", "zh") == "“site survey”"


def test_every_reason_has_a_text_in_both_languages() -> None:
    assert set(UNKNOWN) == set(REASONS)
    texts = [
        render_next_step({"action": "unknown", "reason": reason}, lang) for reason in REASONS for lang in ("en", "zh")
    ]
    assert len(set(texts)) == 2 * len(REASONS)


def test_unknown_language_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Language must be one of"):
        render_next_step(STEP, "fr")
