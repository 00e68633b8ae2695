import numpy as np
import pandas as pd
import pytest

from forecast.demand.grid import TimeGrid

GRIDS = {
    "h": pd.date_range("2024-03-30", periods=60, freq="h"),
    "D": pd.date_range("2024-02-27", periods=10, freq="D"),
    "W": pd.date_range("2024-01-03", periods=10, freq="W-WED"),
    "M": pd.date_range("2023-11-01", periods=10, freq="MS"),
    "ME": pd.date_range("2023-11-30", periods=10, freq="ME"),
    "Q": pd.date_range("2023-02-01", periods=10, freq="QS-FEB"),
    "Y": pd.date_range("2010-12-31", periods=10, freq="YE"),
}


@pytest.mark.parametrize("freq", GRIDS)
def test_positions_are_consecutive_and_lead_back_to_their_moments(freq):
    ds = pd.Series(GRIDS[freq])

    grid = TimeGrid.of(freq, ds)
    positions = grid.positions(ds)

    np.testing.assert_array_equal(np.diff(positions), 1)
    pd.testing.assert_series_equal(grid.moments(positions), ds, check_names=False)


@pytest.mark.parametrize("freq", ["h", "D"])
def test_daylight_saving_leaves_no_gap_and_no_double(freq):
    zone = "Europe/Amsterdam"
    ds = pd.Series(pd.date_range("2024-03-29", "2024-04-02", freq=freq, tz=zone))

    grid = TimeGrid.of(freq, ds)

    np.testing.assert_array_equal(np.diff(grid.positions(ds)), 1)
    pd.testing.assert_series_equal(grid.moments(grid.positions(ds)), ds, check_names=False)


def test_integers_keep_their_step_and_type():
    ds = pd.Series([3, 8, 13], dtype="int32")

    grid = TimeGrid.of(5, ds)

    np.testing.assert_array_equal(np.diff(grid.positions(ds)), 1)
    pd.testing.assert_series_equal(grid.moments(grid.positions(ds)), ds)
