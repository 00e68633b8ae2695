import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecast.demand import DemandForecaster
from forecast.demand.what_if import future_drivers
from forecast.errors import InvalidInput

N_DAYS, HORIZON = 100, 5


def long(values, name):
    n_series, n_times = values.shape
    ids = np.repeat([f"s{index:02d}" for index in range(n_series)], n_times)
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(np.arange(n_times), n_series), name: values.ravel()})


def promotions(random_state=0):
    """Sales of 3, 15 under a promotion drawn at random; a holiday, common to all, that does nothing."""
    rng = np.random.default_rng(random_state)
    promoted = (rng.random((30, N_DAYS + HORIZON)) < 0.2).astype(float)
    sales = rng.poisson(3 + 12 * promoted[:, :N_DAYS]).astype(float)
    return long(sales, "y"), long(promoted, "promotion")


PANEL, DRIVERS = promotions()
FUTURE = DRIVERS[DRIVERS["ds"] >= N_DAYS]


@pytest.fixture(scope="module")
def fitted():
    return DemandForecaster(1, HORIZON, (), model="lightgbm", params={"num_iterations": 80}).fit(PANEL, drivers=DRIVERS)


def test_a_promotion_more_brings_its_simulated_effect(fitted):
    answer = fitted.what_if(FUTURE.assign(promotion=1.0))

    new = FUTURE["promotion"].to_numpy() == 0
    assert answer.loc[new, "difference"].mean() == pytest.approx(12, rel=0.1)
    assert_allclose(answer.loc[~new, "difference"], 0)
    assert answer["in_range"].all()


def test_what_if_is_the_forecast_under_those_drivers(fitted):
    everything = pd.concat([DRIVERS[DRIVERS["ds"] < N_DAYS], FUTURE.assign(promotion=1.0)])

    answer = fitted.what_if(FUTURE.assign(promotion=1.0))

    assert_allclose(answer["mean_if"], fitted.predict(everything)["mean"], rtol=1e-9)
    assert_allclose(answer["mean"], fitted.predict()["mean"], rtol=1e-9)
    assert_allclose(answer["mean_if"] - answer["mean"], answer["difference"], atol=1e-9)


def test_asking_for_the_known_drivers_changes_nothing(fitted):
    answer = fitted.what_if(future_drivers(fitted.inputs_))

    assert_allclose(answer["difference"], 0)


def test_other_series_and_moments_stay(fitted):
    answer = fitted.what_if(pd.DataFrame({"unique_id": ["s03"], "ds": [N_DAYS + 1], "promotion": [2.0]}))

    asked = (answer["unique_id"] == "s03") & (answer["ds"] == N_DAYS + 1)
    assert not answer.loc[asked, "in_range"].item()
    assert answer.loc[~asked, "in_range"].all()
    assert_allclose(answer.loc[~asked, "difference"], 0)


def test_a_common_driver_is_asked_for_all_or_for_one_series():
    holiday = pd.DataFrame({"ds": np.arange(N_DAYS + HORIZON), "holiday": np.arange(N_DAYS + HORIZON) % 7 == 3})
    sales = np.random.default_rng(0).poisson(2 + 10 * holiday["holiday"].to_numpy()[None, :N_DAYS], (30, N_DAYS))
    forecaster = DemandForecaster(1, HORIZON, (), model="lightgbm", params={"num_iterations": 40})
    forecaster.fit(long(sales.astype(float), "y"), drivers=holiday)

    everyone = forecaster.what_if(pd.DataFrame({"ds": [N_DAYS], "holiday": [True]}))
    one = forecaster.what_if(pd.DataFrame({"unique_id": ["s01"], "ds": [N_DAYS], "holiday": [True]}))

    assert everyone.loc[everyone["ds"] == N_DAYS, "difference"].min() > 5
    assert one["difference"].ne(0).sum() == 1
    assert one.loc[one["unique_id"] == "s01", "difference"].iloc[0] > 5


@pytest.mark.parametrize(
    ("drivers", "message"),
    [
        (FUTURE.rename(columns={"promotion": "weather"}), r"must be of \['promotion'\], got \['weather'\]"),
        (FUTURE[["unique_id", "ds"]], "got none"),
        (FUTURE.drop(columns="ds"), "missing column 'ds'"),
        (DRIVERS, r"5 periods after a series' end can be changed; 3000 of 3150 rows lie outside"),
        (FUTURE.assign(unique_id="nobody").iloc[:1], "1 series are not in the panel.*'nobody'"),
        (FUTURE.iloc[[0, 0]], "some occur twice"),
        (FUTURE.astype({"promotion": object}).assign(promotion="much"), "must hold numbers, got 'much'"),
    ],
)
def test_bad_questions_are_named(fitted, drivers, message):
    with pytest.raises(InvalidInput, match=message):
        fitted.what_if(drivers)


def test_effects_of_a_driver_are_those_simulated(fitted):
    effects = fitted.driver_effects()

    assert effects["driver"].tolist() == ["promotion", "promotion"]
    assert effects["value"].tolist() == [0.0, 1.0]
    assert effects["mean"].diff().iloc[1] == pytest.approx(12, rel=0.1)
    assert_allclose(effects["mean"] - effects["difference"], fitted.predict()["mean"].mean(), rtol=1e-9)


def test_effects_of_a_price_follow_multiples_of_the_usual_one():
    rng = np.random.default_rng(0)
    usual = rng.gamma(4, 3, (40, 1))
    price = usual * rng.choice([0.7, 0.8, 0.9, 1.0, 1.1, 1.2], (40, N_DAYS + HORIZON))
    sales = rng.poisson(20 * (price / usual)[:, :N_DAYS] ** -2.0).astype(float)
    forecaster = DemandForecaster(1, HORIZON, (), model="lightgbm").fit(long(sales, "y"), drivers=long(price, "price"))

    effects = forecaster.driver_effects()

    assert effects["is_relative"].all()
    slope = np.polyfit(np.log(effects["value"]), np.log(effects["mean"]), 1)[0]
    assert slope == pytest.approx(-2.0, abs=0.4)


@pytest.mark.shared
@pytest.mark.slow
def test_a_higher_price_of_orange_juice_lowers_its_sales(shared_data):
    sales = pd.read_parquet(shared_data / "dominicks-oj" / "weekly_sales.parquet")
    sales = sales[sales["store"].isin(sorted(sales["store"].unique())[:20])]
    prices = sales[[f"price{brand}" for brand in range(1, 12)]].to_numpy()
    own = prices[np.arange(len(sales)), sales["brand"].to_numpy(dtype=int) - 1]
    panel = pd.DataFrame(
        {
            "unique_id": sales["store"].astype(str) + "/" + sales["brand"].astype(str),
            "ds": sales["week"].astype(int),
            "y": np.exp(sales["logmove"]),
        }
    )
    drivers = panel[["unique_id", "ds"]].assign(
        price=own, others=prices.mean(axis=1), deal=sales["deal"].astype(float), feature=sales["feat"]
    )
    forecaster = DemandForecaster(1, 8, (), model="lightgbm", season_length=52, params={"num_iterations": 100})
    forecaster.fit(panel[panel["ds"] <= 152], drivers=drivers)

    dearer = future_drivers(forecaster.inputs_)[["unique_id", "ds", "price"]]
    answer = forecaster.what_if(dearer.assign(price=1.1 * dearer["price"]))

    elasticity = np.log(answer["mean_if"].sum() / answer["mean"].sum()) / np.log(1.1)
    assert -5 < elasticity < -1, elasticity
    assert answer["in_range"].mean() > 0.8
