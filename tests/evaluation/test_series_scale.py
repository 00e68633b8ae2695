import numpy as np
import pandas as pd
import pytest

from forecast.errors import InvalidInput
from forecast.evaluation.metrics.series import naive_mae, naive_mse
from forecast.evaluation.series_scale import naive_scales

PANEL = pd.DataFrame({"unique_id": [*"aaaaa", *"bbb"], "ds": [1, 2, 3, 4, 5, 3, 4, 5], "y": [1.0, 3, 3, 7, 0, 5, 5, 6]})
ASKED = pd.DataFrame({"unique_id": [*"aab", "b", "new"], "cutoff": [4, 1, 5, 4, 5]})


def test_scale_is_the_change_up_to_the_cutoff_by_hand():
    mse, mae = naive_scales(PANEL, ASKED, season_length=2)

    # a to 4: changes 2, 0, 4; b to 5: 0, 1; b to 4 repeats itself; "new" was never seen
    np.testing.assert_allclose(mse, [20 / 3, np.nan, 1 / 2, np.nan, np.nan])
    np.testing.assert_allclose(mae, [(2 + 4) / 2, np.nan, 1, np.nan, np.nan])


def test_scale_is_that_of_the_matrix():
    rng = np.random.default_rng(0)
    values = rng.gamma(1, 4, (3, 40))
    panel = pd.DataFrame({"unique_id": np.repeat([3, 1, 2], 40), "ds": np.tile(range(40), 3), "y": values.ravel()})

    mse, mae = naive_scales(panel, pd.DataFrame({"unique_id": [3, 1, 2], "cutoff": 29}), season_length=7)

    np.testing.assert_allclose(mse, naive_mse(values[:, :30]))
    np.testing.assert_allclose(mae, naive_mae(values[:, :30], 7))


def test_rows_after_the_cutoff_change_no_scale():
    changed = PANEL.assign(y=PANEL["y"].where(PANEL["ds"] <= 4, 1e6))

    before, after = (naive_scales(panel, ASKED[ASKED["cutoff"] <= 4], 2) for panel in (PANEL, changed))

    np.testing.assert_array_equal(before, after)


def test_scale_ignores_the_order_of_rows_and_takes_timestamps_between_periods():
    days = PANEL.assign(ds=pd.Timestamp("2024-01-01") + pd.to_timedelta(PANEL["ds"], unit="D"))
    asked = ASKED.assign(cutoff=pd.Timestamp("2024-01-01 06:00") + pd.to_timedelta(ASKED["cutoff"], unit="D"))

    expected = naive_scales(PANEL, ASKED)
    np.testing.assert_array_equal(naive_scales(days.sample(frac=1, random_state=1), asked), expected)


def test_missing_columns_are_named():
    with pytest.raises(InvalidInput, match=r"`panel` lacks columns \['y'\]; there are \['unique_id', 'ds'\]"):
        naive_scales(PANEL[["unique_id", "ds"]], ASKED)
