import json

import numpy as np
import pandas as pd
import pytest

from forecast.demand import DemandForecaster
from forecast.errors import InvalidInput, NotEnoughHistory

QUANTILES = ["q0.1", "q0.5", "q0.9"]
FAST = {"num_iterations": 20}
QUICK = {"params": FAST, "budget": 1.0}


def weekly_pattern(n_series=40, n_days=140, random_state=0):
    """Poisson sales with a weekly pattern; series of very different size."""
    rng = np.random.default_rng(random_state)
    size = rng.gamma(1, 5, (n_series, 1)) + 0.05
    sales = rng.poisson(size * (1 + 0.6 * np.sin(2 * np.pi * np.arange(n_days) / 7)))
    return to_panel(sales)


def to_panel(values, start="2024-01-01", freq="D"):
    n_series, n_times = np.shape(values)
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{index:03d}" for index in range(n_series)], n_times),
            "ds": np.tile(pd.date_range(start, periods=n_times, freq=freq), n_series),
            "y": np.ravel(values).astype(float),
        }
    )


def check_forecast(forecast, n_series, horizon, *, non_negative=True):
    """What holds for every forecast of every model."""
    assert list(forecast.columns) == ["unique_id", "ds", "mean", *QUANTILES]
    assert len(forecast) == n_series * horizon
    assert not forecast.isna().any().any()
    assert np.isfinite(forecast[["mean", *QUANTILES]].to_numpy()).all()
    assert (forecast["q0.1"] <= forecast["q0.5"]).all()
    assert (forecast["q0.5"] <= forecast["q0.9"]).all()
    if non_negative:
        assert (forecast[["mean", *QUANTILES]] >= 0).all().all()
    pd.testing.assert_frame_equal(forecast, forecast.sort_values(["unique_id", "ds"], ignore_index=True))


@pytest.fixture(scope="module")
def fitted():
    return DemandForecaster("D", 7, **QUICK).fit(weekly_pattern())


@pytest.mark.parametrize("model", ["lightgbm", "seasonal_naive", "ets"])
def test_forecast_has_the_contract_form(model):
    forecast = DemandForecaster("D", 7, model=model, **QUICK).fit(weekly_pattern(n_series=5)).predict()

    check_forecast(forecast, 5, 7)
    assert forecast["ds"].min() == pd.Timestamp("2024-05-20")  # the day after the 140th


@pytest.mark.slow
def test_lightgbm_beats_seasonal_naive_and_its_ranges_hold():
    backtest = DemandForecaster("D", 7).backtest(weekly_pattern(n_series=60), 3, baselines=("seasonal_naive",))

    error = {name: ((backtest[name] - backtest["y"]) ** 2).mean() for name in ("mean", "seasonal_naive")}
    bias = (backtest["mean"] - backtest["y"]).sum() / backtest["y"].sum()
    inside = ((backtest["q0.1"] <= backtest["y"]) & (backtest["y"] <= backtest["q0.9"])).mean()
    assert error["mean"] < 0.75 * error["seasonal_naive"], error
    assert abs(bias) < 0.05, bias
    assert 0.75 < inside < 0.92, inside


@pytest.mark.slow
def test_backtest_folds_see_nothing_after_their_cutoff():
    panel = weekly_pattern(n_series=8, n_days=80)
    forecaster = DemandForecaster("D", 7, **QUICK)

    before = forecaster.backtest(panel, 2)
    changed = panel.assign(y=panel["y"].where(panel["ds"] <= before["cutoff"].min(), 99.0))
    after = forecaster.backtest(changed, 2)

    first = before["cutoff"] == before["cutoff"].min()
    columns = ["unique_id", "ds", "mean", *QUANTILES, "ets", "seasonal_naive"]
    pd.testing.assert_frame_equal(before.loc[first, columns], after.loc[first, columns])
    assert (before["ds"] > before["cutoff"]).all()
    assert before["cutoff"].nunique() == 2


def test_forecast_does_not_depend_on_the_order_of_rows(fitted):
    shuffled = weekly_pattern().sample(frac=1, random_state=1)

    again = DemandForecaster("D", 7, **QUICK).fit(shuffled).predict()

    pd.testing.assert_frame_equal(again, fitted.predict())


def test_loaded_model_predicts_the_same(fitted):
    files = fitted.to_files()

    loaded = DemandForecaster.from_files(files).observe(weekly_pattern())

    pd.testing.assert_frame_equal(loaded.predict(), fitted.predict())
    assert sorted(files) == ["forecaster.json", "lightgbm.txt", "lightgbm_difference.txt", "lightgbm_median.txt"]
    json.loads(files["forecaster.json"])


def test_a_model_that_knows_years_forecasts_from_a_few_weeks_too():
    days = pd.date_range("2023-01-01", periods=800, freq="D")
    level = 10.0 + 3 * (days.dayofweek == 5) + np.sin(2 * np.pi * days.dayofyear / 365)
    panel = pd.concat([pd.DataFrame({"unique_id": f"s{index}", "ds": days, "y": level + index}) for index in range(4)])
    trained = DemandForecaster("D", 7, (), model="lightgbm", params={"num_iterations": 20}).fit(panel)
    assert {"long_season", "day_of_year", "season_0"} <= set(trained.feature_names_in_)

    few = panel[panel["ds"] >= days[-40]]

    for short in (few, few[few["ds"] >= days[-5]]):  # less than a year, less than a week
        mean = trained.observe(short).predict()["mean"]
        assert mean.between(8, 20).all()


def test_loaded_model_needs_a_history(fitted):
    with pytest.raises(InvalidInput, match="observe"):
        DemandForecaster.from_files(fitted.to_files()).predict()


def test_static_columns_and_drivers_reach_the_model():
    rng = np.random.default_rng(0)
    promoted = rng.random((30, 130)) < 0.2
    sales = rng.poisson(3 + 12 * promoted)
    panel = to_panel(sales[:, :120])
    drivers = to_panel(promoted).rename(columns={"y": "promotion"})
    static = pd.DataFrame({"unique_id": panel["unique_id"].unique(), "store": ["north", "south"] * 15})

    forecast = DemandForecaster("D", 10, model="lightgbm").fit(panel, static, drivers).predict()

    means = forecast["mean"].to_numpy().reshape(30, 10)
    assert means[promoted[:, 120:]].mean() > 12
    assert means[~promoted[:, 120:]].mean() < 4.5


def test_common_drivers_need_no_series():
    rng = np.random.default_rng(0)
    holiday = (np.arange(127) % 10 == 3).astype(float)
    panel = to_panel(rng.poisson(2 + 20 * holiday[None, :120], (30, 120)))
    drivers = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=127), "holiday": holiday})

    forecast = DemandForecaster("D", 7, model="lightgbm").fit(panel, drivers=drivers).predict()

    peak = forecast.groupby("ds")["mean"].mean()
    assert peak[pd.Timestamp("2024-05-03")] > 12  # day 123
    assert peak.drop(pd.Timestamp("2024-05-03")).max() < 6


HARD_PANELS = {
    "all_zero": np.zeros((3, 40)),
    "constant": np.full((3, 40), 7.0),
    "one_point": np.array([[5.0]]),
    "two_points": np.array([[5.0, 6.0]]),
    "intermittent": np.where(np.arange(60) % 13 == 0, 4.0, 0.0)[None].repeat(3, axis=0),
    "ended": np.where(np.arange(60) < 30, 9.0, 0.0)[None].repeat(3, axis=0),
    "huge": np.full((2, 40), 1e12) * (1 + np.arange(40) % 7),
    "horizon_longer_than_history": np.ones((2, 4)) * np.arange(1, 5),
}


@pytest.mark.parametrize("model", ["auto", "lightgbm", "seasonal_naive"])
@pytest.mark.parametrize("name", HARD_PANELS)
def test_hard_panels_get_a_forecast(name, model):
    values = HARD_PANELS[name]

    forecast = DemandForecaster("D", 10, model=model, **QUICK).fit(to_panel(values)).predict()

    check_forecast(forecast, len(values), 10)


def test_hard_series_do_not_disturb_the_others():
    panel = pd.concat([weekly_pattern(n_series=20), to_panel(np.zeros((1, 90))).assign(unique_id="zero")])
    young = to_panel([[3.0]], start="2024-05-19").assign(unique_id="young")

    forecast = DemandForecaster("D", 7, **QUICK).fit(pd.concat([panel, young])).predict()

    check_forecast(forecast, 22, 7)
    assert forecast.loc[forecast["unique_id"] == "zero", "q0.9"].max() == 0
    width = (forecast["q0.9"] - forecast["q0.1"])[forecast["unique_id"] == "young"]
    assert width.min() > 1, width


def test_negative_values_are_forecast_too():
    values = np.random.default_rng(0).normal(-20, 3, (20, 80))

    forecast = DemandForecaster("D", 5, **QUICK).fit(to_panel(values)).predict()

    check_forecast(forecast, 20, 5, non_negative=False)
    assert -23 < forecast["mean"].mean() < -17


def test_integer_moments_and_ends_of_their_own():
    panel = pd.DataFrame(
        {"unique_id": [1] * 30 + [2] * 20, "ds": [*range(30), *range(20)], "y": np.arange(50) % 5 + 1.0}
    )

    forecast = DemandForecaster(1, 2, season_length=5, model="seasonal_naive").fit(panel).predict()

    assert forecast["ds"].tolist() == [30, 31, 20, 21]
    assert forecast["mean"].tolist() == [1, 2, 1, 2]


def test_a_gap_is_unknown_and_not_zero():
    panel = to_panel(np.full((1, 30), 8.0)).drop(index=[27, 28])

    forecast = DemandForecaster("D", 3, model="seasonal_naive").fit(panel).predict()

    assert forecast["mean"].tolist() == [8, 8, 8]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"horizon": 0}, "`horizon` must be a whole number of at least 1, got 0"),
        ({"horizon": -3}, "got -3"),
        ({"freq": "fortnight"}, "'fortnight'"),
        ({"model": "oracle"}, "'oracle'"),
        ({"quantiles": (0.5, 0.1)}, r"ascending.*\[0.5, 0.1\]"),
        ({"quantiles": (1.0,)}, r"between 0 and 1, got \[1.0\]"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(InvalidInput, match=message):
        DemandForecaster(**{"freq": "D", "horizon": 7, **parameters}).fit(weekly_pattern(n_series=1))


PANEL = pd.DataFrame({"unique_id": ["a", "a"], "ds": pd.to_datetime(["2024-01-01", "2024-01-02"]), "y": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("panel", "freq", "message"),
    [
        (PANEL.drop(columns="y"), "D", r"missing columns \['y'\]"),
        (PANEL.iloc[:0], "D", "no rows"),
        (PANEL.assign(y=[1.0, np.inf]), "D", "1 of 2 values are not.*'a'"),
        (PANEL.assign(y=["1", "two"]), "D", "must hold numbers.*1 of 2.*'two'"),
        (pd.concat([PANEL, PANEL.assign(y=9.0)]), "D", r"2 rows of the panel repeat.*'a'"),
        (PANEL, "W", "do not lie on a grid of unit 'W'"),
        (PANEL, "M", "do not lie on a grid of unit 'M'"),
        (PANEL, 1, "needs integers"),
        (PANEL.assign(ds=[1, 2]), "D", "use an integer `freq`"),
        (PANEL.assign(ds=["yesterday", "today?"]), "D", "must hold timestamps"),
        (PANEL.assign(ds=[pd.NaT, pd.NaT]), "D", "`ds` is missing in 2 of 2"),
        (PANEL.assign(unique_id=[None, "a"]), "D", "`unique_id` is missing in 1 of 2"),
        (PANEL.assign(unique_id=[1, "1"]), "D", "'1' occurs as text and as number"),
    ],
)
def test_bad_panels_are_named(panel, freq, message):
    with pytest.raises(InvalidInput, match=message):
        DemandForecaster(freq, 7).fit(panel)


def test_backtest_needs_enough_history():
    with pytest.raises(NotEnoughHistory, match=r"3 folds of 7 periods need more than 21.*has 2"):
        DemandForecaster("D", 7).backtest(PANEL, 3)
