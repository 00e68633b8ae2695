import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from forecast.demand import DemandForecaster
from forecast.demand.combination import Combination
from forecast.demand.explanation import explain_means, model_parts, part_of, points_per_score
from forecast.demand.features import RowFeatures
from forecast.demand.global_model import GlobalModel
from forecast.demand.inputs import build_inputs
from forecast.demand.matrix import to_matrix
from forecast.demand.members import MemberPool
from forecast.demand.recipe import recipe_of
from forecast.errors import InvalidInput

N_DAYS, HORIZON = 120, 7


def to_panel(values, name="y", freq="D"):
    n_series, n_times = np.shape(values)
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{index:02d}" for index in range(n_series)], n_times),
            "ds": np.tile(pd.date_range("2024-01-01", periods=n_times, freq=freq), n_series),
            name: np.ravel(values).astype(float),
        }
    )


def simulated(n_series=30, random_state=0):
    """Sales of 3 a day, 15 on the fifth of all days that has a promotion; some series have nearly ended."""
    rng = np.random.default_rng(random_state)
    promoted = rng.random((n_series, N_DAYS + HORIZON)) < 0.2
    sales = rng.poisson(3 + 12 * promoted)
    static = pd.DataFrame({"unique_id": [f"s{i:02d}" for i in range(n_series)], "store": ["north", "south"] * 15})
    return sales, promoted, static


SALES, PROMOTED, STATIC = simulated()
DRIVERS = to_panel(PROMOTED, "promotion")


@pytest.fixture(scope="module")
def promotions():
    return DemandForecaster("D", HORIZON, (), model="lightgbm").fit(to_panel(SALES[:, :N_DAYS]), STATIC, DRIVERS)


def assert_adds_up(forecaster):
    forecast = forecaster.predict()
    explained = forecaster.explain()
    total = explained.groupby(["unique_id", "ds"], as_index=False)["points"].sum()
    assert_allclose(total["points"], forecast["mean"], rtol=1e-9, atol=1e-12)
    pd.testing.assert_frame_equal(total[["unique_id", "ds"]], forecast[["unique_id", "ds"]])
    assert not explained.isna().any().any()
    return explained


def explained_by(names, inputs, recipe, params=None):
    """Parts and mean of an equal combination of some members."""
    equal = np.full(len(names), 1 / len(names))
    combination = Combination(names, equal, equal)
    pool = MemberPool(recipe, names, max_rows=20_000, params=params).fit(inputs)
    sparse = np.zeros(inputs.matrix.n_series, dtype=bool)
    said = pool.forecast(inputs)
    parts = explain_means(inputs, pool, combination, said, sparse, np.arange(inputs.matrix.n_series))
    return parts, combination.combine(said, sparse)


def test_parts_add_up_to_the_mean_of_a_combination():
    falling = np.maximum(60 - np.arange(N_DAYS)[None] * np.linspace(0.2, 0.6, 12)[:, None], 0).round()
    inputs = build_inputs(to_matrix(to_panel(falling), "D"), HORIZON)
    names = ("lightgbm", "lightgbm_difference", "seasonal_naive", "drift", "window_mean", "pooled_season")

    parts, mean = explained_by(names, inputs, recipe_of("D"), {"num_iterations": 10})

    assert_allclose(np.sum(list(parts.values()), axis=0), mean, rtol=1e-9)
    assert list(parts)[:4] == ["level", "recent_level", "trend", "season"]


@pytest.mark.parametrize("model", ["lightgbm", "lightgbm_difference"])
def test_parts_add_up_to_the_mean_where_values_are_negative(model):
    values = np.random.default_rng(0).normal(-20, 3, (20, 80))

    forecaster = DemandForecaster("D", 5, (), model=model, params={"num_iterations": 20}).fit(to_panel(values))

    explained = assert_adds_up(forecaster)
    assert "floor" not in set(explained["part"])


def test_floor_is_what_the_cut_at_zero_added():
    falling = np.maximum(60 - np.arange(N_DAYS)[None] * np.linspace(0.4, 0.55, 30)[:, None], 0)
    inputs = build_inputs(to_matrix(to_panel(falling), "D"), HORIZON)
    model = GlobalModel(recipe_of("D"), "difference", params={"num_iterations": 20})
    model.fit(inputs)
    raw = model.predict(inputs) - 20.0  # as if it foresaw the end

    parts = model_parts(model, RowFeatures(inputs, model.recipe), np.arange(30), np.maximum(model.predict(inputs), 0))

    assert raw.min() < 0
    assert_allclose(parts["floor"], np.maximum(-model.predict(inputs), 0), atol=1e-9)


def test_a_promotion_gets_the_sales_that_it_brings(promotions):
    explained = assert_adds_up(promotions)

    points = explained.loc[explained["part"] == "driver.promotion", "points"].to_numpy().reshape(30, HORIZON)
    on = PROMOTED[:, N_DAYS:]
    assert points[on].mean() - points[~on].mean() == pytest.approx(12, abs=2)  # the simulated effect
    assert points[on].min() > 0 > points[~on].max()


def test_a_pure_season_is_level_and_season():
    season = 3.0 * np.arange(5) - 6
    size = np.random.default_rng(0).gamma(3, 3, (15, 1))
    panel = to_panel(size * (20 + np.tile(season, 8))).assign(ds=np.tile(np.arange(40), 15))
    inputs = build_inputs(to_matrix(panel, 1), 5)
    names = ("lightgbm", "lightgbm_difference", "seasonal_naive", "growth_seasonal_naive")

    parts, _ = explained_by(names, inputs, recipe_of("i", 5))

    assert_allclose(parts["season"] / size, np.tile(season, (15, 1)), atol=0.6)
    assert_allclose(parts["level"] / size, np.full((15, 5), 20.0), atol=0.6)


def test_nothing_after_the_cutoff_changes_an_explanation(promotions):
    changed = np.where(np.arange(N_DAYS) < N_DAYS - HORIZON, SALES[:, :N_DAYS], 99)
    parts = []
    for values in (SALES[:, :N_DAYS], changed):
        inputs = build_inputs(to_matrix(to_panel(values), "D"), HORIZON, STATIC, DRIVERS).until(HORIZON)
        sparse = np.zeros(30, dtype=bool)
        pool, combination = promotions._pool, promotions.combination_
        parts.append(explain_means(inputs, pool, combination, pool.forecast(inputs), sparse, np.arange(30)))

    assert list(parts[0]) == list(parts[1])
    for name in parts[0]:
        assert_allclose(parts[0][name], parts[1][name], rtol=0, atol=0)


def test_one_series_is_explained_as_among_all(promotions):
    everything = promotions.explain()

    one = promotions.explain(["s07"])

    expected = everything[everything["unique_id"] == "s07"].reset_index(drop=True)
    pd.testing.assert_frame_equal(one, expected)


def test_explain_names_unknown_series(promotions):
    with pytest.raises(InvalidInput, match=r"1 of 2 series are not in the panel \(first: \['nobody'\]\)"):
        promotions.explain(["s01", "nobody"])


@settings(deadline=None, max_examples=30)
@given(
    usual=st.floats(-5, 5),
    moved=st.floats(-30, 30) | st.sampled_from([0.0, 1e-13, -1e-9]),
    scale=st.floats(1e-6, 1e6),
)
def test_points_of_a_log_score_add_up_and_keep_their_sign(usual, moved, scale):
    factor = points_per_score(np.array([scale]), np.array([usual]), np.array([moved]))[0]

    assert factor > 0
    first = scale * np.exp(usual)
    assert_allclose(first + factor * moved, scale * np.exp(min(usual + moved, 20.0)), rtol=1e-9, atol=1e-9 * first)


def test_every_feature_belongs_to_a_part():
    names = {
        "lag_0": "recent_level", "mean_28": "recent_level", "share_of_sales": "recent_level",
        "deviation": "recent_level", "since_last_sale": "recent_level", "season_1": "season",
        "season_mean_4": "season", "long_season": "season", "base": "season", "weekday": "calendar",
        "day_of_year": "calendar", "month": "calendar", "hour": "calendar", "step": "trend", "age": "trend",
        "level": "level", "static__store": "attributes", "driver__price": "driver.price",
        "driver__price__against_usual": "driver.price",
    }  # fmt: skip

    assert {name: part_of(name) for name in names} == names
