"""No clock among what the win probability is learned from."""

import numpy as np
import pandas as pd

from forecast.conversion.clocks import clock_columns

AS_OF = pd.Series(pd.to_datetime(["2026-01-01"] * 3 + ["2026-02-01"] * 3, utc=True))


def test_clocks_are_running_totals_and_rates_and_what_all_cases_of_a_moment_share() -> None:
    X = pd.DataFrame(
        {
            "owner__won": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "owner__win_rate_365d": [0.1, 0.2, 0.3, 0.1, 0.2, 0.3],
            "owner__win_rate_365d_gap": [-0.1, 0.0, 0.1, -0.1, 0.0, 0.1],
            "interactions__account__count": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "interactions__all__count": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "calendar__month": [1.0, 1.0, 1.0, 2.0, 2.0, 2.0],
            "fx": ["a", "a", "a", "b", "b", "b"],
            "mostly_missing": [np.nan, np.nan, np.nan, np.nan, np.nan, 1.0],
        }
    )

    totals_and_rates = ["owner__won", "owner__win_rate_365d", "interactions__account__count"]
    assert clock_columns(X, AS_OF) == [*totals_and_rates, "calendar__month", "fx"]


def test_a_column_that_never_changes_is_no_clock() -> None:
    assert clock_columns(pd.DataFrame({"currency": ["EUR"] * 6}), AS_OF) == []


def test_with_one_case_per_moment_nothing_tells_a_clock_from_a_feature() -> None:
    each = pd.Series(pd.date_range("2026-01-01", periods=6, tz="UTC"))

    assert clock_columns(pd.DataFrame({"amount": np.arange(6.0)}), each) == []
