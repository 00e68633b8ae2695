import numpy as np
import pandas as pd

from forecast.outlook.accuracy import QUANTILES, accuracy, compare, quantile_columns

END = pd.Timestamp("2024-07-01", tz="UTC")


def said(period, actual, mean, override=np.nan, days=20.0, **more):
    return {
        "period": period,
        "level": "rep",
        "id": "ada",
        "as_of": END - pd.Timedelta(days=days),
        "batch": 1,
        "days_ahead": days,
        "actual": actual,
        "mean": mean,
        "weighted_pipeline": mean + 10,
        "category_commit": np.nan,
        "category_best": np.nan,
        "last_year": actual,
        "override": override,
    } | more


def test_accuracy_is_signed_and_compares_overrides_on_their_own_cases():
    judged = pd.DataFrame(
        [said("2024-04", 100.0, 120.0, override=90.0), said("2024-05", 100.0, 90.0), said("2024-06", np.nan, 7.0)]
    )

    found = accuracy(judged).set_index("forecaster")

    assert found.index.tolist() == ["model", "weighted_pipeline", "last_year", "override"]
    assert found["n"].tolist() == [2, 2, 2, 1]
    np.testing.assert_allclose(found["bias"], [10.0, 30.0, 0.0, -10.0])
    np.testing.assert_allclose(found["bias_share"], [0.05, 0.15, 0.0, -0.1])
    np.testing.assert_allclose(found["wape"], [0.15, 0.15, 0.0, 0.1])
    np.testing.assert_allclose(found["model_wape"], [0.15, 0.15, 0.15, 0.2])


def test_an_override_that_came_later_is_judged_beside_the_model_of_that_day():
    judged = pd.DataFrame(
        [said("2024-06", 100.0, 150.0, days=20.0), said("2024-06", 100.0, 120.0, override=90.0, days=10.0)]
    )

    found = accuracy(judged).set_index("forecaster")

    np.testing.assert_allclose(found.loc["model", "wape"], 0.5)
    np.testing.assert_allclose(found.loc["override", ["wape", "model_wape"]].astype(float), [0.1, 0.2])


def test_accuracy_without_revenue_has_no_share():
    found = accuracy(pd.DataFrame([said("2024-04", 0.0, 5.0)])).set_index("forecaster")

    assert found.loc["model", "bias"] == 5.0
    assert np.isnan(found.loc["model", "wape"])


def test_each_horizon_is_judged_by_itself():
    found = accuracy(pd.DataFrame([said("2024-06", 100.0, 110.0), said("2024-06", 100.0, 101.0, days=3.0)]))

    model = found[found["forecaster"] == "model"]
    assert model["horizon"].tolist() == ["0-7", "8-31"]
    np.testing.assert_allclose(model["bias"], [1.0, 10.0])


def forecasts(model, period, actual, low, high, node="ada", ahead=1):
    deciles = low + (high - low) * (np.array(QUANTILES) - 0.1) / 0.8
    return {
        "period": period,
        "as_of": END,
        "level": "rep",
        "id": node,
        "ahead": ahead,
        "model": model,
        "mean": (low + high) / 2,
        "actual": actual,
        **dict(zip(quantile_columns(), deciles, strict=True)),
    }


def test_methods_are_compared_on_the_cases_that_all_of_them_forecast():
    rows = pd.DataFrame(
        [
            forecasts("outlook", "2024-04", 5.0, 0.0, 8.0),
            forecasts("outlook", "2024-05", 20.0, 0.0, 8.0),
            forecasts("ets", "2024-04", 5.0, 5.0, 5.0),
            forecasts("ets", "2024-05", np.nan, 5.0, 5.0),
        ]
    )

    found = compare(rows).set_index("model")

    assert found["n"].tolist() == [1, 1]
    assert found.loc["ets", "pinball"] == 0.0
    # Hand: deciles 0, 1, ..., 8 around 5; below the actual q (5 - x), above it (1 - q)(x - 5).
    by_hand = sum(q * (5 - x) if x < 5 else (1 - q) * (x - 5) for q, x in zip(QUANTILES, range(9), strict=True)) / 9
    np.testing.assert_allclose(found.loc["outlook", "pinball"], by_hand)
    assert found["is_best"].to_dict() == {"outlook": False, "ets": True}
    assert found.loc["outlook", ["inside", "coverage_80"]].tolist() == [1, 1.0]
    np.testing.assert_allclose(found.loc["outlook", "width_share"], 8 / 5)


def test_a_shift_of_every_case_is_bias():
    rows = pd.DataFrame([forecasts("outlook", f"2024-0{month}", 10.0, 12.0, 12.0) for month in (4, 5)])

    found = compare(rows).iloc[0]

    assert (found["bias_share"], found["wape"], found["n_periods"]) == (0.2, 0.2, 2)
