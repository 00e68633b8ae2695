import numpy as np
import pytest

DEAL = {"opportunity_id": "O1", "account_id": "A1", "created_at": "2024-01-01", "recorded_at": "2024-01-01"}
PRODUCTS = [
    {"product_id": "P1", "category": "core", "recorded_at": "2023-01-01"},
    {"product_id": "P2", "category": "Add-on", "recorded_at": "2023-01-01"},
]


def order(name, at, *lines, status="completed", recorded_at=None):
    """An order of A1 with lines (product, quantity, price, discount in percent)."""
    known = recorded_at or at
    head = {"order_id": name, "account_id": "A1", "ordered_at": at, "status": status, "recorded_at": known}
    columns = ("product_id", "quantity", "unit_price", "discount_pct")
    return head, [
        {"order_id": name, "line": i, "recorded_at": known, **dict(zip(columns, line, strict=True))}
        for i, line in enumerate(lines)
    ]


def one(ask, as_of, *orders):
    heads, lines = [head for head, _ in orders], [line for _, lines in orders for line in lines]
    tables = {"opportunities": [DEAL], "orders": heads, "order_lines": lines, "products": PRODUCTS}
    features = ask("purchases", "opportunity", [("O1", as_of)], **tables)
    return features.rename(columns=lambda name: name.removeprefix("purchases__")).iloc[0]


def test_purchases_by_hand(ask):
    features = one(
        ask,
        "2024-07-01",
        order("R1", "2023-01-01", ("P1", 1, 100, None)),
        order("R2", "2024-01-01", ("P1", 2, 50, 10), ("P2", 1, 10.5, None)),
        order("R3", "2024-06-21", ("P2", 1, 200, None)),
        order("R4", "2024-06-22", ("P2", 9, 999, None), status="cancelled"),
        order("R5", "2024-06-23", ("P2", -1, 100, None), status="Cancelled"),  # takes back half of R3
        order("R6", "2024-07-01", ("P1", 1, 1, None)),  # at the moment itself: not yet
    )

    orders = features.filter(like="orders__").rename(lambda name: name.removeprefix("orders__"))
    assert orders.to_dict() == {
        "count": 3.0,
        "count_90d": 1.0,
        "count_365d": 2.0,
        "days_since_last": 10.0,
        "days_since_first": 547.0,
        "days_between": 268.5,
        "cancelled_share": 0.4,
    }
    assert features[["money__total", "money__total_90d", "money__total_365d"]].tolist() == [300.5, 100.0, 200.5]
    assert features["money__per_order"] == pytest.approx(300.5 / 3)
    assert features["categories__count"] == 2
    assert features["categories__top_share"] == pytest.approx(190 / 300.5)
    assert features["category_core__share"] == pytest.approx(190 / 300.5)
    assert features["category_add_on__share"] == pytest.approx(110.5 / 300.5)


def test_an_order_counts_from_when_it_was_recorded(ask):
    late = order("R1", "2024-01-05", ("P1", 1, 100, None), recorded_at="2024-02-01")

    assert one(ask, "2024-02-01", late)[["orders__count", "money__total"]].tolist() == [0.0, 0.0]
    assert one(ask, "2024-02-02", late)[["orders__count", "money__total"]].tolist() == [1.0, 100.0]


def test_an_account_that_bought_nothing_has_no_recency_and_no_mix(ask):
    features = one(ask, "2024-02-01", order("R1", "2024-03-01", ("P1", 1, 100, None)))

    assert features[["orders__count", "money__total", "categories__count"]].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(features["orders__days_since_last"])
    assert np.isnan(features["categories__top_share"])
