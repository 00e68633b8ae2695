"""Every code has a text in both languages."""

import re

import pytest

from forecast.errors import InvalidInput
from forecast.explain import LABELS, LANGUAGES, PATTERNS, label


@pytest.mark.parametrize("code", [*LABELS, *PATTERNS])
def test_every_code_has_a_text_in_both_languages(code: str) -> None:
    text = LABELS.get(code) or PATTERNS[code]
    assert text.en
    assert text.zh
    assert not re.search("[一-鿿]", text.en)
    if code != "attributes.":  # the name alone, as the company itself calls it
        assert re.search("[一-鿿]", text.zh)


def test_label_of_a_fixed_code() -> None:
    assert label("stage.time", "en") == "Time in the stage"
    assert label("stage.time", "zh") == "在当前阶段的停留时间"


def test_label_of_a_code_with_a_name_from_the_data() -> None:
    assert label("interactions.kind_nabellen_offertes", "en") == "Contacts of kind “nabellen offertes”"
    assert label("interactions.kind_nabellen_offertes", "zh") == "“nabellen offertes”类联系"
    assert label("attributes.account.employee_band", "en") == "Account: employee band"
    assert label("attributes.campaign", "en") == "campaign"


def test_label_of_an_unknown_family_is_readable() -> None:
    assert label("weather.rain_days", "en") == "weather: rain days"
    assert label("oddity", "en")


def test_unknown_language_is_refused() -> None:
    assert LANGUAGES == ("en", "zh")
    with pytest.raises(InvalidInput, match=r"\['en', 'zh'\], got 'de'"):
        label("stage.time", "de")
