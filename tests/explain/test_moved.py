import re

import pytest

from forecast.errors import InvalidInput
from forecast.explain.moved import EVENTS, MEANINGS, STEPS, event_text, moved_sentence, step_meaning, step_title
from forecast.outlook.moved import STEPS as IN_ORDER

LINE = {"before": 1000.0, "after": 1250.5, "currency": "EUR", **dict.fromkeys(IN_ORDER, 0.0)}


def test_every_step_has_a_title_and_a_meaning_in_both_languages() -> None:
    assert tuple(STEPS) == tuple(MEANINGS) == IN_ORDER
    for text in (*STEPS.values(), *MEANINGS.values(), *EVENTS.values()):
        assert text.en
        assert re.search("[\u4e00-\u9fff]", text.zh)
        assert not re.search("[\u4e00-\u9fff]", text.en)
    assert (step_title("owner_changed"), step_meaning("repriced", "zh")) == ("Owner changed", "金额改动")


def test_a_line_is_told_step_by_step() -> None:
    line = LINE | {"won": 300.0, "lost": -49.5}

    assert moved_sentence(line) == ("1,000.00 EUR were expected, 1,250.50 are now (+250.50): Won +300.00, Lost −49.50.")
    assert moved_sentence(line, "zh") == "原预期 1,000.00 EUR，现为 1,250.50（+250.50）：赢单 +300.00，丢单 −49.50。"


def test_amounts_have_the_decimals_of_their_currency() -> None:
    assert moved_sentence(LINE | {"currency": "JPY", "after": 1010.0, "new": 10.0}).startswith(
        "1,000 JPY were expected, 1,010 are now (+10)"
    )


def test_a_line_that_did_not_move_says_so() -> None:
    assert moved_sentence(LINE | {"after": 1000.0}).endswith("(+0.00): nothing moved.")


def test_only_events_that_say_more_than_their_step_are_told() -> None:
    assert event_text("merged") == "merged into another"
    assert event_text("won") == event_text("date") == ""


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(InvalidInput, match="got 'fr'"):
        moved_sentence(LINE, "fr")
