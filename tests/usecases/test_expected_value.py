from datetime import UTC, datetime

import numpy as np
import pandas as pd

from forecast.usecases.expected_value import expected_value

RATES = pd.DataFrame(
    {
        "currency": ["USD", "USD", "USD", "CNY"],
        "date": pd.to_datetime(["2026-03-02", "2026-03-01", "2026-03-20", "2026-01-01"]),
        "rate": [0.9, 0.8, 0.5, 0.125],
    }
)


def _values(opportunities: pd.DataFrame, currency: str = "EUR", rates: pd.DataFrame = RATES) -> list[float]:
    as_of = datetime(2026, 3, 10, tzinfo=UTC)
    values = expected_value(opportunities, rates, reporting_currency=currency, as_of=as_of)
    return [float(value) for value in values]


def test_value_is_at_the_last_rate_up_to_the_day() -> None:
    opportunities = pd.DataFrame(
        {
            "probability": [0.5, 0.5, 0.25, 0.5],
            "amount": [1000.0, 1000.0, 1000.0, 10.01],
            "currency": ["EUR", "USD", "CNY", None],
        }
    )

    assert _values(opportunities) == [500.0, 450.0, 31.25, 5.0]


def test_value_is_missing_without_an_amount_or_a_rate() -> None:
    opportunities = pd.DataFrame({"probability": [0.5, 0.5], "amount": [np.nan, 10.0], "currency": ["EUR", "GBP"]})

    assert np.isnan(_values(opportunities)).all()


def test_value_is_rounded_to_the_smallest_unit_of_the_currency() -> None:
    opportunities = pd.DataFrame({"probability": [0.333], "amount": [100.0], "currency": ["JPY"]})

    assert _values(opportunities, "JPY") == [33.0]


def test_no_rates_are_needed_in_one_currency() -> None:
    opportunities = pd.DataFrame({"probability": [0.5], "amount": [100.0], "currency": ["EUR"]})

    assert _values(opportunities, rates=RATES.iloc[:0]) == [50.0]
    assert _values(opportunities.iloc[:0]) == []
