import numpy as np
import pandas as pd
import pytest

from forecast.customers import OwnPastRate

ORDERS = pd.DataFrame(
    {
        "account_id": ["a", "a", "a", "b"],
        "ordered_at": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-21", "2024-01-21"]),
        "amount": [10.0, 20.0, 30.0, 5.0],
    }
)


def test_own_rate_goes_on() -> None:
    found = OwnPastRate(30).predict(ORDERS, "2024-01-31")

    np.testing.assert_allclose(found["orders"], [2.0, 0.0])  # two repeats in 30 days
    np.testing.assert_allclose(found["spend"], [40.0, 0.0])
    np.testing.assert_allclose(found["p_buys"], [1 - np.exp(-2), 0.0])


def test_smoothing_gives_everybody_a_chance() -> None:
    found = OwnPastRate(30, smoothing=0.5).predict(ORDERS, "2024-01-31")

    np.testing.assert_allclose(found["p_buys"], [1 - np.exp(-2.5 / 60 * 30), 1 - np.exp(-0.5 / 40 * 30)])


def test_stored_rate_says_the_same_and_sees_no_future() -> None:
    rate = OwnPastRate(30, smoothing=0.5)
    later = pd.concat([ORDERS, ORDERS.assign(ordered_at=pd.Timestamp("2024-01-31"), amount=1e9)])

    again = OwnPastRate.from_files(rate.to_files()).predict(later, "2024-01-31")

    pd.testing.assert_frame_equal(again, rate.predict(ORDERS, "2024-01-31"))
    assert again["spend"].max() == pytest.approx(40.0)
