"""Performance in words."""

import pytest

from forecast.errors import InvalidInput
from forecast.explain.performance import (
    CAVEAT,
    CLAIMS,
    STEPS,
    SUGGESTIONS,
    render_claim,
    render_suggestion,
    step_label,
)
from forecast.performance.above import claimed
from forecast.performance.follow_up import ANSWER_HOURS, FIRST_CONTACT_HOURS
from forecast.performance.steps import ADVANCE, ANSWER, CLOSE, CONVERT, TAKE_UP, WIN
from forecast.performance.suggestions import CODES

LINE = {
    "claim": "ahead", "wins": 34, "expected_wins": 23.29, "wins_above": 7.36, "wins_above_low": 2.14,
    "wins_above_high": 12.39, "p_ahead": 0.9678, "p_behind": 0.02, "unseen": 1.114,
}  # fmt: skip
EVIDENCE = {"n_cases": 1240, "successes": 321, "expected": 400.04, "p": 0.998, "learn_from": []}


def test_a_claim_is_told_with_its_numbers_and_what_would_undo_it() -> None:
    assert render_claim(LINE) == (
        "Ahead of expectation with 96 % probability: 34 won, 23.3 expected; +7.4 (+2.1 to +12.4) are more than luck; "
        "differences in lead quality by a factor of 1.11, which nobody recorded, would explain it"
    )
    assert render_claim(LINE, "zh") == (
        "以 96 % 的概率高于预期：赢单 34 个，预期 23.3 个；其中 +7.4（+2.1 至 +12.4）个不止是运气；"
        "若线索质量存在未被记录的 1.11 倍差异，即可解释这一结果"
    )


def test_who_is_behind_is_told_with_the_probability_of_that() -> None:
    assert "Behind expectation with 93 % probability" in render_claim(LINE | {"claim": "behind", "p_behind": 0.931})


@pytest.mark.parametrize("expected", [None, float("nan")])
def test_without_an_expectation_nothing_is_said_of_luck(expected: float | None) -> None:
    assert render_claim(LINE | {"expected_wins": expected}).startswith("No expectation")


def test_where_nothing_fits_it_is_not_called_luck() -> None:
    text = render_claim(LINE | {"claim": "", "fits": False})

    assert text.startswith("Nothing can be claimed: 34 won, 23.3 expected, but")
    assert "luck" not in text


def test_no_probability_is_told_as_certainty() -> None:
    assert "with 99 % probability" in render_claim(LINE | {"p_ahead": 0.9999})


def test_a_suggestion_is_told_with_its_evidence() -> None:
    text = render_suggestion({"code": "contact_sooner", "step": TAKE_UP, "evidence": EVIDENCE})

    assert text == (
        "Contact new cases sooner: keep time free for them every day. "
        "First contact within 48 hours: 321 of 1,240, 400.0 expected (99 % sure)"
    )


def test_colleagues_to_learn_from_are_named_in_both_languages() -> None:
    suggestion = {
        "code": "close_deals",
        "step": "close.offer_sent",
        "evidence": EVIDENCE | {"learn_from": ["U1", "U2"]},
    }

    assert render_suggestion(suggestion).endswith("Ahead in this step: U1, U2")
    assert render_suggestion(suggestion, "zh").endswith("该环节领先者：U1、U2")
    assert "“offer sent”" in render_suggestion(suggestion)


def test_every_code_has_a_text_in_both_languages() -> None:
    assert set(SUGGESTIONS) == set(CODES)
    assert set(STEPS) == {WIN, CONVERT, TAKE_UP, ANSWER, ADVANCE, CLOSE}
    assert set(CLAIMS) == {claimed(1, 0), claimed(0, 1), claimed(0, 0)}
    for texts in (SUGGESTIONS, STEPS, CLAIMS, {"caveat": CAVEAT}):
        assert all(text.en and text.zh and text.en != text.zh for text in texts.values())


def test_texts_name_the_hours_that_count() -> None:
    for hours, step in ((ANSWER_HOURS, ANSWER), (FIRST_CONTACT_HOURS, TAKE_UP)):
        assert f"{hours} " in step_label(step)
        assert f"{hours} " in step_label(step, "zh")


def test_unknown_language_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Language must be one of"):
        step_label(WIN, "fr")
