import pytest

from api.language import negotiate


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "en"),
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("fr;q=0.9, zh-CN;q=0.8, en;q=0.5", "zh"),
        ("fr", "en"),
        ("zh;q=0", "en"),
        ("zh;q=much, en;q=0.1", "en"),
        ("*;q=0.5", "en"),
    ],
)
def test_language_is_the_first_of_the_header_that_we_have(header: str | None, expected: str) -> None:
    assert negotiate(None, header) == expected


def test_language_asked_for_wins_over_the_header() -> None:
    assert negotiate("en", "zh-CN") == "en"
