"""What would raise a score, in words."""

import re

import pytest

from forecast.conversion.counterfactual import Counterfactual
from forecast.explain.counterfactual import NOTE, render_counterfactual

CALLS, OVERDUE = "interactions__phone__count_30d", "interactions__plan__overdue"


def counterfactual() -> Counterfactual:
    changes = {"interactions__phone__days_since_last": (None, 2.0), CALLS: (0.0, 3.0), OVERDUE: (2.0, 0.0)}
    return Counterfactual(("interactions.phone", "interactions.plan"), changes, {}, 0.234, 0.0523)


def test_counterfactual_says_what_changes_and_what_the_score_would_be() -> None:
    assert render_counterfactual(counterfactual()) == (
        "Phone calls: 3 in the last 30 days (now 0 in the last 30 days) and Planned and overdue contacts: 0 overdue "
        "(now 2 overdue) – the score would be 23 % (5.2 points more)"
    )
    assert render_counterfactual(counterfactual(), "zh") == (
        "电话：近 30 天 3 次（目前近 30 天 0 次），并且计划中与逾期的联系：逾期 0 项（目前逾期 2 项）"
        "：评分将为 23 %（提高 5.2 个百分点）"
    )


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_note_denies_an_effect_in_both_languages(lang: str) -> None:
    assert bool(re.search("[一-鿿]", NOTE.in_language(lang))) == (lang == "zh")
