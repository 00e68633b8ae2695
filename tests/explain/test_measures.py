"""Values in words."""

import pytest

from forecast.explain.measures import value_text


@pytest.mark.parametrize(
    ("feature", "value", "en", "zh"),
    [
        ("interactions__phone__count_30d", "3", "3 in the last 30 days", "近 30 天 3 次"),
        ("interactions__phone__days_since_last", "12.34", "last 12.3 days ago", "最近一次在 12.3 天前"),
        ("stage__current", "offer_sent", "offer_sent", "offer_sent"),
        ("stage__days_in", "", "not known", "无记录"),
        ("owner__win_rate", "0.234", "23 % won", "成交率 23 %"),
        ("owner__win_rate_gap", "-0.0312", "-3 points from the win rate of all", "成交率较整体 -3 个百分点"),
        ("attributes__amount", "12345.6", "12,346", "12,346"),
        ("attributes__code", "0012", "12", "12"),
        ("changes__expected_close__is_overdue", "1", "overdue: yes", "是否逾期：是"),
        ("attributes__vip__is_true", "0", "no", "否"),
        ("attributes__city", "nan", "nan", "nan"),
        ("stage__days_in", "0.00052", "<0.1 days", "<0.1 天"),
    ],
)
def test_value_in_words(feature: str, value: str, en: str, zh: str) -> None:
    assert value_text(feature, value, "en") == en
    assert value_text(feature, value, "zh") == zh
