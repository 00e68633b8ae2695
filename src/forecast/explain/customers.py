"""Reasons of a customer's chance to buy as sentences, in English and Chinese."""

from collections.abc import Mapping
from typing import Any

from forecast.explain.labels import Text, label
from forecast.explain.measures import MISSING, rounded

#: How the value of the feature that leads a reason reads.
VALUES: dict[str, Text] = {
    "orders": Text("{value} orders so far", "至今下单 {value} 次"),
    "recency_days": Text("last one {value} days ago", "最近一次在 {value} 天前"),
    "recency_to_gap": Text("silent for {value} times the usual gap", "沉默时间为通常间隔的 {value} 倍"),
    "age_days": Text("first one {value} days ago", "首次在 {value} 天前"),
    "trend": Text("lately {value} times its own average", "近期为自身平均的 {value} 倍"),
    "mean_amount": Text("{value} per order", "每单 {value}"),
    "pieces_per_order": Text("{value} pieces per order", "每单 {value} 件"),
    "returned_share": Text("{value} % sent back", "退货占 {value} %"),
    "n_categories": Text("{value} kinds of things bought", "购买过 {value} 类商品"),
    "orders_year_ago": Text("{value} orders a month in these days a year ago", "去年同期每月下单 {value} 次"),
}
_WITH_VALUE = Text("{label}: {value}", "{label}：{value}")


def customer_reason_text(reason: Mapping[str, Any], lang: str = "en") -> str:
    """One reason as a sentence, without its points.

    Parameters
    ----------
    reason : mapping
        ``code`` and ``evidence`` with ``feature`` and ``value`` (None when there is none).
    lang : "en" or "zh"

    Examples
    --------
    >>> reason = {"code": "customer.recency", "evidence": {"feature": "recency_days", "value": 41.0}}
    >>> customer_reason_text(reason)
    'Last order: last one 41 days ago'
    >>> customer_reason_text(reason, "zh")
    '最近一次下单：最近一次在 41 天前'
    """
    evidence = reason.get("evidence") or {}
    what = label(str(reason["code"]), lang)
    feature = str(evidence.get("feature", ""))
    if feature not in VALUES:
        return what
    value = evidence.get("value")
    if value is None:
        told = MISSING.in_language(lang)
    else:
        number = 100 * float(value) if feature == "returned_share" else float(value)
        told = VALUES[feature].in_language(lang).format(value=rounded(str(number)))
    return _WITH_VALUE.in_language(lang).format(label=what, value=told)
