import numpy as np
import pandas as pd

from forecast.outlook.accuracy import QUANTILES, quantile_columns
from forecast.outlook.point_ranges import MIN_OWN_ERRORS, error_ranges, ets_ranges

START = pd.Timestamp("2023-01-01", tz="UTC")


def points(n=20, nodes=("ada",), *, factor=None, seed=0):
    rng = np.random.default_rng(seed)
    rows = [
        {
            "model": "last_year",
            "level": "rep",
            "id": node,
            "ahead": 1,
            "as_of": START + pd.Timedelta(days=30 * at),
            "ends_at": START + pd.Timedelta(days=30 * (at + 1)),
            "mean": 100.0 * (factor or {}).get(node, 1.0),
            "actual": (100.0 + rng.normal(0, 10)) * (factor or {}).get(node, 1.0),
        }
        for node in nodes
        for at in range(n)
    ]
    return pd.DataFrame(rows)


def test_ranges_are_the_deciles_of_the_nodes_own_earlier_errors():
    rows = points()

    found = error_ranges(rows)

    last = found.iloc[-1]
    errors = (rows["actual"] - rows["mean"]).iloc[:-1]
    np.testing.assert_allclose(last[quantile_columns()].to_numpy(float), 100 + np.quantile(errors, QUANTILES))
    assert found.iloc[0][quantile_columns()].isna().all()


def test_few_errors_are_pooled_in_proportion_to_the_node():
    rows = points(n=3, nodes=("small", "large"), factor={"large": 50.0})

    found = error_ranges(rows).query("as_of == as_of.max()").set_index("id")

    width = found["q0.9"] - found["q0.1"]
    assert len(rows) < 2 * MIN_OWN_ERRORS
    np.testing.assert_allclose(width["large"] / width["small"], 50, rtol=0.15)


def test_ranges_see_no_period_that_is_not_over():
    rows = points()
    changed = rows.assign(actual=rows["actual"].where(rows["ends_at"] <= rows["as_of"].iloc[10], 1e9))

    before, after = (error_ranges(frame).iloc[:11][quantile_columns()] for frame in (rows, changed))

    pd.testing.assert_frame_equal(before, after)


def test_ets_ranges_hold_of_noise_around_a_level():
    rng = np.random.default_rng(1)
    values = 100 + 10 * rng.standard_normal((60, 31))

    mean, deciles = ets_ranges(values[:, :30], 1, 1)

    inside = (deciles[:, 0, 0] <= values[:, 30]) & (values[:, 30] <= deciles[:, 0, 8])
    assert 0.65 <= inside.mean() <= 0.92
    np.testing.assert_allclose(mean.mean(), 100, atol=3)
    assert np.all(np.diff(deciles, axis=2) >= 0)


def test_short_and_constant_series_are_forecast_by_their_mean():
    mean, deciles = ets_ranges(np.array([[1.0, 3.0]]), 2, 12)
    flat, flat_deciles = ets_ranges(np.full((1, 20), 7.0), 1, 12)

    assert mean.tolist() == [[2.0, 2.0]]
    np.testing.assert_allclose(deciles[0, 0, 8], 2 + np.sqrt(2) * 1.2815515655446004)
    assert flat.tolist() == [[7.0]]
    assert (flat_deciles == 7.0).all()
