import json

import numpy as np
import pandas as pd
import pytest

from forecast.customers import CustomerModel
from forecast.customers.reasons import LEADING, REASON_OF, REMAINDER
from forecast.explain.customers import VALUES, customer_reason_text
from forecast.explain.labels import LABELS


def test_points_and_base_make_the_probability_and_leave_nothing_over(
    model: CustomerModel, simulated_orders: pd.DataFrame
) -> None:
    points, base = model.explain(simulated_orders)

    p_buys = model.predict(simulated_orders)["p_buys"]
    np.testing.assert_allclose(base + points.sum(axis=1), p_buys, atol=1e-12)
    assert points[REMAINDER].abs().max() < 1e-9


def test_stored_reasons_add_up_after_rounding_and_come_strongest_first(
    model: CustomerModel, simulated_orders: pd.DataFrame
) -> None:
    found = model.predict_with_reasons(simulated_orders).head(200)

    for p_buys, base, text in zip(found["p_buys"], found["base"], found["reasons"], strict=True):
        reasons = json.loads(text)
        assert abs(base + sum(reason["points"] for reason in reasons) - p_buys) < 5e-9
        sizes = [abs(reason["points"]) for reason in reasons[:-1]]
        assert sizes == sorted(sizes, reverse=True)
        assert reasons[-1]["code"] == REMAINDER


def test_silence_lowers_and_frequency_raises(model: CustomerModel) -> None:
    days = pd.to_datetime(["2023-05-01", "2023-05-15", "2023-06-01", "2023-06-20"])
    one = pd.DataFrame({"account_id": "gone", "ordered_at": days})
    busy = pd.DataFrame({"account_id": "busy", "ordered_at": pd.date_range("2023-05-01", "2023-11-20", periods=20)})
    orders = pd.concat([one, busy]).assign(amount=50.0, quantity=1.0, category="tools")

    points, _ = model.explain(orders)

    of = points.assign(account=["busy", "gone"]).set_index("account")
    assert of.loc["gone", "customer.recency"] < 0
    assert of.loc["busy", "customer.frequency"] > 0


def test_every_feature_has_a_reason_and_every_reason_its_words(model: CustomerModel) -> None:
    assert set(model.feature_names_in_) <= set(REASON_OF)
    assert set(REASON_OF.values()) == set(LEADING)
    assert set(LEADING) <= set(LABELS)
    assert set(LEADING.values()) == set(VALUES)


@pytest.mark.parametrize(
    ("value", "en", "zh"),
    [
        (0.123, "What it sent back: 12.3 % sent back", "退货：退货占 12.3 %"),
        (None, "What it sent back: not known", "退货：无记录"),
    ],
)
def test_reason_reads_in_both_languages(value: float | None, en: str, zh: str) -> None:
    reason = {"code": "customer.returns", "evidence": {"feature": "returned_share", "value": value}}

    assert (customer_reason_text(reason), customer_reason_text(reason, "zh")) == (en, zh)
    assert customer_reason_text({"code": REMAINDER, "evidence": {}}) == "Starting point of the model"
