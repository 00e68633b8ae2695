"""Every bad panel: a finite forecast with an honest width, or an error of one line; never NaN, never a crash."""

import time
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast.demand import DemandForecaster
from forecast.errors import ForecastError, InvalidInput, NotEnoughHistory

QUANTILES = ["q0.1", "q0.5", "q0.9"]
#: Trees and budget are kept small: what is tested is that nothing breaks.
FAST = {"num_iterations": 10}
HORIZON = 5
RNG = np.random.default_rng(0)


def long(values, start="2024-01-01", freq="D", ids=None):
    values = np.atleast_2d(np.asarray(values))
    n_series, n_times = values.shape
    names = [f"s{index}" for index in range(n_series)] if ids is None else ids
    return pd.DataFrame(
        {
            "unique_id": pd.Series(names).repeat(n_times).to_list(),
            "ds": np.tile(pd.date_range(start, periods=n_times, freq=freq), n_series),
            "y": values.ravel(),
        }
    )


def wall_clock():
    """Hours as a clock in Amsterdam showed them around both changes of 2024: one hour missing, one doubled."""
    parts = []
    for name, first in (("spring", "2024-03-27"), ("autumn", "2024-10-24")):
        ds = pd.date_range(first, periods=150, freq="h", tz="Europe/Amsterdam").tz_localize(None)
        y = 5 + np.sin(np.arange(150) * np.pi / 12)
        parts.append(pd.DataFrame({"unique_id": name, "ds": ds, "y": y}))
    return pd.concat(parts)


USUAL = RNG.poisson(5, (3, 40)).astype(float)

#: name -> (frequency, panel) of panels that get a forecast.
REPAIRED = {
    "all_zeros": ("D", long(np.zeros((3, 40)))),
    "one_point": ("D", long([[5.0]])),
    "one_zero": ("D", long([[0.0]])),
    "two_points": ("D", long([[5.0, 6.0]])),
    "constant": ("D", long(np.full((3, 40), 7.0))),
    "negative": ("D", long(RNG.normal(-20, 3, (3, 40)))),
    "huge": ("D", long(1e29 * (1 + RNG.random((3, 40))))),
    "huge_and_small": ("D", long(np.vstack([1e28 * USUAL[0], 1e-28 * USUAL[1], USUAL[2]]))),
    "huge_inside_a_series": ("D", long(np.where(np.arange(40) == 20, 1e29, USUAL))),
    "vanishing": ("D", long(1e-300 * USUAL)),
    "some_missing": ("D", long(np.where(RNG.random((3, 40)) < 0.5, np.nan, USUAL))),
    "missing_at_the_end": ("D", long(np.where(np.arange(40) > 30, np.nan, USUAL))),
    "a_series_all_missing": ("D", long(np.where([[True], [False], [False]], np.nan, USUAL))),
    "one_known_each": ("D", long(np.where(np.arange(40) == [[3], [20], [39]], USUAL, np.nan))),
    "copies": ("D", pd.concat([long(USUAL), long(USUAL)])),
    "unsorted": ("D", long(USUAL).sample(frac=1, random_state=0)),
    "times_of_day": ("D", long(USUAL, start="2024-01-01 13:05")),
    "months_by_start_and_end": (
        "M",
        pd.concat([long(USUAL[:1], freq="MS"), long(USUAL[1:2], freq="ME", ids=["end"])]),
    ),
    "ids_of_mixed_type": ("D", long(USUAL, ids=[1, "b", 2.5])),
    "text_numbers": ("D", long(USUAL).assign(y=lambda rows: rows["y"].astype(str))),
    "decimals": ("D", long(USUAL).assign(y=lambda rows: [Decimal(int(y)) for y in rows["y"]])),
    "objects": ("D", long(USUAL).astype({"y": object})),
    "booleans": ("D", long(USUAL > 5)),
    "nullable": ("D", long(USUAL).assign(y=lambda rows: rows["y"].astype("Int64").where(rows["y"] > 2))),
    "summer_time_without_zone": ("h", wall_clock()),
    "summer_time_with_offsets": (
        "D",
        long(USUAL, start="2024-03-20").assign(
            ds=lambda rows: rows["ds"].dt.tz_localize("Europe/Amsterdam").map(lambda moment: moment.isoformat())
        ),
    ),
    "summer_time_with_zone": (
        "h",
        long(USUAL).assign(ds=list(pd.date_range("2024-03-30", periods=40, freq="h", tz="Europe/Amsterdam")) * 3),
    ),
    "horizon_longer_than_history": ("D", long(np.arange(1.0, 5).reshape(2, 2))),
    "very_different_ends": ("D", pd.concat([long(USUAL[:1]), long(USUAL[1:2], start="2020-01-01", ids=["old"])])),
    "ended": ("D", long(np.where(np.arange(40) < 25, USUAL, 0.0))),
    "not_yet_started": ("D", long(np.where(np.arange(40) > 35, USUAL, 0.0))),
    "out_of_stock_at_the_end": (
        "D",
        long(np.where(np.arange(40) > 35, 0.0, USUAL)).assign(in_stock=np.tile(np.arange(40) <= 35, 3)),
    ),
    "one_spike": ("D", long(np.where(np.arange(40) == 39, 1e6, 0.0))),
    "business_days": ("D", long(USUAL, freq="B")),
    "integers": (1, long(USUAL).assign(ds=np.tile(np.arange(40.0), 3))),
    "yearly_with_two_points": ("Y", long(USUAL[:, :2], freq="YE")),
    "leap_weeks": ("W", long(USUAL, freq="W-SUN")),
}
#: name -> (frequency, panel, error, what it says) of panels that no repair can make one thing of.
REFUSED = {
    "empty": ("D", long(USUAL).iloc[:0], InvalidInput, "no rows"),
    "all_missing": ("D", long(USUAL * np.nan), NotEnoughHistory, "no known value"),
    "infinite": ("D", long([[1.0, np.inf]]), InvalidInput, "must be finite"),
    "beyond_all_amounts": ("D", long([[1.0, 1e300]]), InvalidInput, "must lie within"),
    "duplicates_that_differ": ("D", pd.concat([long(USUAL), long(USUAL + 1)]), InvalidInput, "120 rows.*repeat"),
    "hours_in_days": ("D", long(USUAL, freq="h"), InvalidInput, "do not lie on a grid of unit 'D'"),
    "a_month_in_days": (
        "D",
        pd.concat([long(USUAL), long(USUAL[:1, :12], freq="MS", ids=["monthly"])]),
        InvalidInput,
        "1 of 4 series have one value a month.*'monthly'",
    ),
    "ids_that_agree": ("D", long(USUAL[:2], ids=[1, "1"]), InvalidInput, "'1' occurs as text and as number"),
    "no_times": ("D", long(USUAL).assign(ds=pd.NaT), InvalidInput, "`ds` is missing in 120 of 120"),
    "words": ("D", long(USUAL).assign(y="many"), InvalidInput, "must hold numbers"),
    "never_in_stock": ("D", long(USUAL * 0).assign(in_stock=0), NotEnoughHistory, "periods without stock"),
}


def forecast_of(freq, panel, model, horizon=HORIZON):
    return DemandForecaster(freq, horizon, model=model, params=FAST, budget=5.0).fit(panel).predict()


def check(forecast):
    values = forecast[["mean", *QUANTILES]].to_numpy(dtype=float)
    assert np.isfinite(values).all(), forecast[~np.isfinite(values).all(axis=1)]
    assert (np.diff(values[:, 1:], axis=1) >= 0).all()
    assert not forecast["ds"].isna().any()
    assert not forecast.duplicated(["unique_id", "ds"]).any()


def assert_one_line(error):
    assert "\n" not in str(error)


MODELS = [pytest.param("auto", marks=pytest.mark.slow), "lightgbm", "seasonal_naive"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", REPAIRED)
def test_a_bad_panel_gets_a_finite_forecast(name, model):
    freq, panel = REPAIRED[name]

    forecast = forecast_of(freq, panel, model)

    check(forecast)
    assert forecast.groupby("unique_id").size().eq(HORIZON).all()
    y = pd.to_numeric(panel["y"].astype(float))
    if y.min() >= 0:
        assert forecast[["mean", *QUANTILES]].min().min() >= 0


@pytest.mark.parametrize("name", REFUSED)
def test_a_panel_of_two_meanings_is_refused_in_one_line(name):
    freq, panel, error, message = REFUSED[name]

    with pytest.raises(error, match=message) as raised:
        forecast_of(freq, panel, "seasonal_naive")
    assert_one_line(raised.value)


@pytest.mark.parametrize("model", MODELS)
def test_a_single_observation_is_no_certainty(model):
    forecast = forecast_of("D", long([[5.0]]), model)

    width = (forecast["q0.9"] - forecast["q0.1"]).to_numpy()
    assert (width >= 0.5 * 5).all(), width
    assert (np.diff(width) >= 0).all(), width


@pytest.mark.parametrize("model", MODELS)
def test_what_never_sold_is_forecast_near_zero(model):
    forecast = forecast_of("D", long(np.zeros((3, 60))), model)

    assert forecast["mean"].max() == 0
    assert forecast["q0.9"].max() <= 0.1


@pytest.mark.parametrize("model", MODELS)
def test_a_longer_horizon_is_less_sure(model):
    forecast = forecast_of("D", long(USUAL[:, :4]), model, horizon=30)

    check(forecast)
    width = (forecast["q0.9"] - forecast["q0.1"]).to_numpy().reshape(3, 30)
    assert (width[:, -1] >= width[:, 0]).all(), width[:, [0, -1]]
    assert width.min() > 0


@pytest.mark.parametrize("model", MODELS)
def test_one_bad_series_does_not_move_the_good_ones(model):
    good = long(RNG.poisson(20, (12, 60)))
    bad = long(np.full((1, 60), 1e25), ids=["huge"])

    with_bad = forecast_of("D", pd.concat([good, bad]), model)

    check(with_bad)
    means = with_bad.loc[with_bad["unique_id"] != "huge", "mean"]
    assert means.between(5, 50).all(), means.describe()
    width = (with_bad["q0.9"] - with_bad["q0.1"])[with_bad["unique_id"] != "huge"]
    assert width.between(1, 60).all(), width.describe()


def test_what_was_repaired_stays_with_the_forecaster():
    freq, panel = REPAIRED["copies"]
    fitted = DemandForecaster(freq, HORIZON, model="seasonal_naive").fit(panel)

    loaded = DemandForecaster.from_files(fitted.to_files())

    assert [one.rule for one in fitted.repairs_] == ["exact_duplicates"]
    assert loaded.repairs_ == fitted.repairs_
    assert loaded.observe(long(USUAL)).repairs_ == ()


def test_days_out_of_stock_do_not_lower_the_forecast():
    sold = np.where(np.arange(60) > 45, 0.0, 6.0)
    panel, drivers = long([sold]), long([sold > 0]).rename(columns={"y": "in_stock"})

    with_stock = DemandForecaster("D", HORIZON, model="window_mean").fit(panel, drivers=drivers).predict()
    without = DemandForecaster("D", HORIZON, model="window_mean").fit(panel).predict()

    assert with_stock["mean"].min() == 6
    assert without["mean"].max() < 5
    assert with_stock["ds"].tolist() == without["ds"].tolist()


NASTY = st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.0, 2.5, 7.0, -3.0, 1e-300, 1e12, 1e29, np.nan])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 15), NASTY), min_size=1, max_size=40),
    horizon=st.integers(1, 20),
    model=st.sampled_from(["lightgbm", "seasonal_naive"]),
)
def test_any_panel_gets_a_finite_forecast_or_an_error_of_one_line(rows, horizon, model):
    ids, days, y = zip(*rows, strict=True)
    panel = pd.DataFrame({"unique_id": ids, "ds": pd.Timestamp("2024-02-20") + pd.to_timedelta(days, unit="D"), "y": y})
    try:
        forecast = forecast_of("D", panel, model, horizon)
    except ForecastError as error:
        assert_one_line(error)
        return
    check(forecast)
    assert len(forecast) == horizon * forecast["unique_id"].nunique()


@pytest.mark.slow
def test_a_hundred_thousand_tiny_series_take_seconds():
    length = np.random.default_rng(0).integers(3, 9, 100_000)
    day = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    panel = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(100_000), length),
            "ds": pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D"),
            "y": np.random.default_rng(1).poisson(2, len(day)),
        }
    )

    begin = time.process_time()
    forecast = forecast_of("D", panel, "seasonal_naive", horizon=3)
    seconds = time.process_time() - begin

    check(forecast)
    assert len(forecast) == 300_000
    assert seconds < 60, seconds
