import pytest

from forecast.usecases.search_words import AskedWord, asked_words, words_of


def test_words_are_runs_of_letters_and_digits_in_one_case() -> None:
    assert words_of("L-000123", "Pumps & Ärmel", None, "ＡＢＣ") == ["000123", "123", "abc", "l", "pumps", "ärmel"]


def test_chinese_is_found_by_pairs_and_by_its_last_character() -> None:
    assert words_of("上海美的") == sorted(["上海", "海美", "美的", "的"])
    assert asked_words("美的") == [AskedWord("美的", True)]
    assert asked_words("美") == [AskedWord("美", False)]


@pytest.mark.parametrize("query", ["", "  ", "-- %", "🙂"])
def test_query_without_a_word_asks_for_nothing(query: str) -> None:
    assert asked_words(query) == []
