"""Every code has a text in both languages."""

import re

import pytest

from forecast.conversion.reasons import reason_code
from forecast.datasets import Company
from forecast.errors import InvalidInput
from forecast.explain import LABELS, LANGUAGES, PATTERNS, label
from forecast.features import build_features, feature_columns, open_entities
from forecast.history import connect_tables


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


@pytest.mark.parametrize("entity", ["lead", "opportunity"])
def test_every_feature_of_a_company_has_a_reason_with_texts(company: Company, entity: str) -> None:
    con = connect_tables(company.tables)
    features = build_features(con, open_entities(con, entity, company.end)[:5], entity)

    codes = {reason_code(name) for name in feature_columns(features)}

    assert len(codes) > 15
    unknown = [code for code in codes if code not in LABELS and not any(code.startswith(p) for p in PATTERNS)]
    assert unknown == []
