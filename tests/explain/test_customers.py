import pytest

from forecast.explain.customers import VALUES, customer_reason_text


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("feature", VALUES)
def test_every_value_reads_in_every_language(feature: str, lang: str) -> None:
    reason = {"code": "customer.recency", "evidence": {"feature": feature, "value": 7.0}}

    assert "7" in customer_reason_text(reason, lang)
