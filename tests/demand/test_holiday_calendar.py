"""Holidays around periods: dates by law and moon, and forecasts that know them."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecast.demand import DemandForecaster
from forecast.demand.coherent import CoherentForecaster
from forecast.demand.holiday_calendar import holiday_calendar, holidays_of
from forecast.demand.matrix import to_matrix
from forecast.errors import InvalidInput

#: First days of the Chinese years of the rabbit, dragon, snake and horse.
NEW_YEARS = ("2023-01-22", "2024-02-10", "2025-01-29", "2026-02-17")


def panel_of(first, n_periods, freq, ids=("a",)):
    ds = pd.date_range(first, periods=n_periods, freq=freq)
    return pd.DataFrame({"unique_id": np.repeat(ids, n_periods), "ds": np.tile(ds, len(ids)), "y": 1.0})


def around(panel, freq, country, horizon=7, static=None):
    matrix = to_matrix(panel, freq)
    calendar = holiday_calendar(matrix, horizon, country, static)
    width = matrix.n_times + horizon
    places = matrix.last[0] - matrix.n_times + 1 + np.arange(width)
    return [calendar.at(np.full(width, row), places) for row in range(matrix.n_series)]


def test_new_year_follows_the_moon():
    days = holidays_of("CN", date(2023, 1, 1), date(2026, 12, 31)).set_index("day")["holiday"]

    assert days[list(NEW_YEARS)].tolist() == ["Chinese New Year"] * 4
    # In lieu of a Saturday that was worked.
    assert days["2026-02-23"] == "Chinese New Year"
    assert days["2025-10-06"] == days["2025-10-01"] == "National Day"


def test_days_know_how_far_holidays_are():
    # State Council: for the Spring Festival of 2026 the weekdays 16 to 20 and 23 February are off.
    (found,) = around(panel_of("2026-02-10", 5, "D"), "D", "CN", horizon=10)

    assert found["is_holiday"].tolist() == [0] * 6 + [1] * 8 + [0]
    assert found["days_to"].tolist() == [6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 14]
    np.testing.assert_array_equal(found["which"], [0] * 15)
    assert found["days_since"].tolist() == [14] * 6 + [0] * 8 + [1]


def test_longer_periods_count_their_holidays():
    (weeks,) = around(panel_of("2026-02-02", 2, "W-MON"), "W", "CN", horizon=3)
    (months,) = around(panel_of("2025-10-01", 2, "MS"), "M", "DE", horizon=3)
    (ends,) = around(panel_of("2025-10-31", 2, "ME"), "M", "DE", horizon=3)

    assert weeks["days"].tolist() == [0, 0, 7, 1, 0]
    np.testing.assert_array_equal(weeks["which"], [np.nan, np.nan, 0, 0, np.nan])
    # Germany: unity; none; two of Christmas; New Year; none.
    assert months["days"].tolist() == ends["days"].tolist() == [1, 0, 2, 1, 0]


def test_series_of_other_countries_have_theirs():
    panel = panel_of("2025-12-01", 20, "D", ids=("a", "b", "c"))
    static = pd.DataFrame({"unique_id": ["a", "b", "c"], "country": ["FR", None, "Utopia"]})

    french, own, unknown = around(panel, "D", "NL", horizon=7, static=static)

    # Boxing Day is free in the Netherlands, not in France.
    assert (french["is_holiday"][25], own["is_holiday"][25], unknown["is_holiday"][25]) == (0, 1, 1)
    assert french["is_holiday"][24] == own["is_holiday"][24] == 1


def test_unknown_country_is_named():
    with pytest.raises(InvalidInput, match="holidays of 'XX' are not known"):
        DemandForecaster("D", 2, model="naive", country="XX").fit(panel_of("2025-01-01", 30, "D"))
    assert holiday_calendar(to_matrix(panel_of("2025-01-01", 30, "D"), "D"), 2, "") is None


def new_year_sales():
    """Three years of days: little is sold from the eve of the new year on for a week."""
    rng = np.random.default_rng(0)
    ds = pd.date_range("2022-12-01", "2026-02-11", freq="D")
    closed = np.zeros(len(ds), dtype=bool)
    for day in NEW_YEARS:
        closed |= (ds >= pd.Timestamp(day) - pd.Timedelta(days=1)) & (ds < pd.Timestamp(day) + pd.Timedelta(days=6))
    y = rng.poisson(np.where(closed, 2, 50), (6, len(ds))).astype(float)
    return pd.DataFrame({"unique_id": np.repeat(list("abcdef"), len(ds)), "ds": np.tile(ds, 6), "y": y.ravel()})


def test_forecast_knows_the_new_year_that_comes():
    panel = new_year_sales()
    holiday, before = pd.Timestamp(NEW_YEARS[-1]), pd.Timestamp("2026-02-13")
    params = {"min_data_in_leaf": 10}

    fitted = DemandForecaster("D", 10, (), model="lightgbm", n_windows=1, country="CN", params=params).fit(panel)
    blind = DemandForecaster("D", 10, (), model="lightgbm", n_windows=1, params=params).fit(panel)

    knows, does_not = (one.predict().groupby("ds")["mean"].mean() for one in (fitted, blind))
    assert knows[holiday] < 0.4 * knows[before], "nothing was sold on the first day of the last three years"
    assert knows[before] == pytest.approx(50, rel=0.2)
    assert does_not[holiday] > 0.7 * does_not[before]
    told = fitted.explain(["a"])
    assert told[(told["part"] == "holidays") & (told["ds"] == holiday)]["points"].item() < -10
    again = CoherentForecaster.from_files(fitted.to_files()).observe(panel)
    pd.testing.assert_frame_equal(again.predict(), fitted.predict())
