from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecast.demand import DemandForecaster
from forecast.demand.inputs import build_inputs
from forecast.demand.matrix import to_matrix
from forecast.demand.new_items import predict_new
from forecast.errors import InvalidInput, NotEnoughHistory

N_TIMES, N_AHEAD = 60, 6


def panel_of(sales, start=None):
    n_series = len(sales)
    ids = np.repeat([f"i{index:03d}" for index in range(n_series)], N_TIMES)
    panel = pd.DataFrame({"unique_id": ids, "ds": np.tile(np.arange(N_TIMES), n_series), "y": sales.ravel()})
    first = np.zeros(n_series, dtype=int) if start is None else start
    return panel[(np.arange(N_TIMES) >= first[:, None]).ravel()]


def simulated(random_state, n_old=300, n_new=100, *, launches):
    """Items whose level follows category, brand and price, and their own luck; what new ones then sold."""
    rng = np.random.default_rng(random_state)
    n = n_old + n_new
    static = pd.DataFrame(
        {
            "unique_id": [f"i{index:03d}" for index in range(n)],
            "category": rng.choice(list("abcdef"), n),
            "brand": rng.choice(list("klmnopqr"), n),
            "price": rng.gamma(3, 2, n),
            "colour": rng.choice(["red", "blue"], n),
        }
    )
    of_category, of_brand = rng.normal(0, 0.8, 6), rng.normal(0, 0.4, 8)
    effect = of_category[static["category"].map("abcdef".index)] + of_brand[static["brand"].map("klmnopqr".index)]
    level = np.exp(4 + effect - 0.08 * static["price"].to_numpy() + rng.normal(0, 0.6, n))
    start = rng.integers(0, N_TIMES - 10, n_old) * (rng.random(n_old) < 0.6) * launches
    age = np.arange(N_TIMES) - start[:, None]
    ramp = 0.7 * launches
    sales = level[:n_old, None] * (1 - ramp * np.exp(-np.maximum(age, 0) / 3)) * rng.gamma(4, 1 / 4, age.shape)
    future = level[n_old:, None] * (1 - ramp * np.exp(-np.arange(N_AHEAD) / 3)) * rng.gamma(4, 1 / 4, (n_new, N_AHEAD))
    inputs = build_inputs(to_matrix(panel_of(sales, start), 1), N_AHEAD, static[:n_old])
    return inputs, static[n_old:], future


@pytest.mark.parametrize("launches", [True, False])
def test_ranges_of_new_items_hold_what_they_promise(launches):
    inside, errors, naive = [], [], []
    for random_state in range(8):
        inputs, new, future = simulated(random_state, launches=launches)
        forecast = predict_new(inputs, new, N_AHEAD, (0.1, 0.5, 0.9), 8)
        actual = future.ravel()
        inside.append(((forecast["q0.1"] <= actual) & (actual <= forecast["q0.9"])).mean())
        errors.append(((forecast["mean"] - actual) ** 2).mean())
        naive.append(((np.nanmean(inputs.matrix.y) - actual) ** 2).mean())

    assert 0.72 < np.mean(inside) < 0.88, inside
    assert np.sum(errors) < 0.85 * np.sum(naive)
    assert set(forecast["basis"]) == {"launches" if launches else "level"}


def test_a_new_item_gets_the_mean_of_its_siblings_first_periods():
    first = np.arange(30) % 20 + 5
    age = np.arange(N_TIMES) - first[:, None]
    of_kind = np.repeat([10.0, 100.0], 15)[:, None]
    sales = np.where(age == 0, 0.2 * of_kind, of_kind)
    old = np.full((2, N_TIMES), 1000.0)  # on sale from the beginning: nobody knows how they began
    panel = panel_of(np.concatenate([sales, old]), np.append(first, [0, 0]))
    static = pd.DataFrame({"unique_id": panel["unique_id"].unique(), "kind": ["a"] * 15 + ["b"] * 15 + ["a", "b"]})
    inputs = build_inputs(to_matrix(panel, 1), 3, static)

    forecast = predict_new(inputs, pd.DataFrame({"unique_id": ["new"], "kind": ["b"]}), 3, (0.5,), 8)

    assert_allclose(forecast["mean"], [20, 100, 100])
    assert forecast[["n_siblings", "by", "basis"]].drop_duplicates().to_numpy().tolist() == [[15, "kind", "launches"]]


def test_an_attribute_less_agrees_when_siblings_are_few():
    sales = np.repeat([10.0, 50.0], [20, 20])[:, None] + np.zeros((40, N_TIMES))
    sales[:3] += 2
    static = pd.DataFrame({"unique_id": [f"i{i:03d}" for i in range(40)], "kind": ["a"] * 20 + ["b"] * 20})
    static["maker"] = ["x"] * 3 + ["y"] * 17 + ["y"] * 20
    inputs = build_inputs(to_matrix(panel_of(sales), 1), 2, static)
    new = pd.DataFrame({"unique_id": ["n1", "n2", "n3"], "kind": ["a", "b", "never seen"], "maker": ["x", "y", "y"]})

    forecast = predict_new(inputs, new, 2, (), 8)

    of_item = forecast.groupby("unique_id")[["by", "n_siblings"]].first()
    assert of_item.loc["n1"].tolist() == ["kind", 20]  # only 3 of maker x
    assert of_item.loc["n2", "n_siblings"] == 20
    assert of_item.loc["n3"].tolist() == ["all", 40]


def test_quantiles_of_new_items_do_not_cross_and_stay_positive():
    inputs, new, _ = simulated(0, launches=True)

    forecast = predict_new(inputs, new, N_AHEAD, (0.05, 0.5, 0.95), 8)

    assert (forecast["q0.05"] >= 0).all()
    assert (forecast["q0.05"] <= forecast["q0.5"]).all()
    assert (forecast["q0.5"] <= forecast["q0.95"]).all()
    assert not forecast.isna().any().any()


def test_nothing_after_the_cutoff_changes_a_new_item():
    inputs, new, _ = simulated(1, launches=True)
    changed = inputs.matrix.y.copy()
    changed[:, -10:] = 1e6
    later = replace(inputs, matrix=replace(inputs.matrix, y=changed))

    before = predict_new(inputs.until(10), new, N_AHEAD, (0.1, 0.9), 8)
    after = predict_new(later.until(10), new, N_AHEAD, (0.1, 0.9), 8)

    pd.testing.assert_frame_equal(before, after)


def test_the_forecaster_tells_of_new_items():
    sales = np.repeat([10.0, 50.0], [20, 20])[:, None] + np.zeros((40, N_TIMES))
    static = pd.DataFrame({"unique_id": [f"i{i:03d}" for i in range(40)], "kind": ["a"] * 20 + ["b"] * 20})
    forecaster = DemandForecaster(1, 3, model="seasonal_naive").fit(panel_of(sales), static)

    forecast = forecaster.predict_new(pd.DataFrame({"unique_id": ["new"], "kind": ["b"]}))

    columns = ["unique_id", "step", "mean", "q0.1", "q0.5", "q0.9", "n_siblings", "by", "basis"]
    assert list(forecast.columns) == columns
    assert_allclose(forecast[["mean", "q0.1", "q0.9"]], 50.0)


NEW = pd.DataFrame({"unique_id": ["new"], "kind": ["a"], "size": [1.0]})


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (NEW.drop(columns="kind"), r"missing columns \['kind'\]"),
        (NEW.assign(unique_id="i001"), "1 new items have a history.*'i001'"),
        (NEW.assign(size="big"), "'size' must hold numbers, got 'big'"),
        (pd.concat([NEW, NEW]), "'new' occurs twice"),
    ],
)
def test_bad_new_items_are_named(new, message):
    static = pd.DataFrame({"unique_id": [f"i{i:03d}" for i in range(6)], "kind": "a", "size": 1.0})
    inputs = build_inputs(to_matrix(panel_of(np.ones((6, N_TIMES))), 1), 2, static)

    with pytest.raises(InvalidInput, match=message):
        predict_new(inputs, new, 2, (0.5,), 8)


def test_too_few_series_tell_nothing_of_a_new_item():
    inputs = build_inputs(to_matrix(panel_of(np.ones((4, N_TIMES))), 1), 2)

    with pytest.raises(NotEnoughHistory, match="at least 5 series that sell now, there are 4"):
        predict_new(inputs, pd.DataFrame({"unique_id": ["new"]}), 2, (0.5,), 8)
