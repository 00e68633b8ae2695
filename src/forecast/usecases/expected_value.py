"""What open opportunities are worth on average: probability times amount, in one currency."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from forecast.history import naive_utc
from forecast.money import minor_digits


def expected_value(
    opportunities: pd.DataFrame, rates: pd.DataFrame, *, reporting_currency: str, as_of: datetime
) -> pd.Series[float]:
    """Probability times amount of each opportunity, in the reporting currency.

    Parameters
    ----------
    opportunities : DataFrame
        ``probability`` (0–1), ``amount`` and its ``currency`` (missing: the reporting currency).
    rates : DataFrame
        ``fx_rates`` in force at ``as_of``; of each currency the last ``date`` up to ``as_of`` counts.
    reporting_currency : str
        ISO 4217 code.
    as_of : datetime

    Returns
    -------
    Series
        On the index of ``opportunities``, rounded to the smallest unit; missing without an amount or without a rate.
    """
    past = rates[pd.to_datetime(rates["date"]) <= pd.Timestamp(naive_utc(as_of))]
    latest = past.sort_values("date").drop_duplicates("currency", keep="last").set_index("currency")["rate"]
    currency = opportunities["currency"].fillna(reporting_currency)
    rate = currency.map(latest).astype(float).where(currency != reporting_currency, 1.0)
    amount = opportunities["amount"].astype(float)
    return (opportunities["probability"] * amount * rate).round(minor_digits(reporting_currency))
