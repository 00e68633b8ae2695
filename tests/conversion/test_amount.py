"""Amount if won: asked for against what came."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecast.conversion.amount import AmountModel, weighted_quantiles
from forecast.errors import InvalidInput

Cases = tuple[pd.DataFrame, np.ndarray, np.ndarray]


def cases(n: int = 900, seed: int = 0, effect: float = 0.0) -> Cases:
    """Won amounts are 0.9 of those asked for, times log-normal noise of 0.2, less where a discount was promised."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"promised": rng.integers(0, 2, n).astype(float), "noise": rng.normal(size=n), "text": "a"})
    asked = np.exp(rng.normal(8, 1, n))
    won = asked * 0.9 * np.exp(rng.normal(0, 0.2, n) - effect * X["promised"].to_numpy())
    return X, asked, won


def fitted(data: Cases, n: int | None = None) -> AmountModel:
    X, asked, won = (part[:n] for part in data)
    return AmountModel().fit(X, asked, won, time=np.arange(len(X)), groups=np.arange(len(X)))


def test_range_and_mean_are_those_of_the_world_when_features_say_nothing() -> None:
    model = fitted(cases())

    found = model.predict(cases()[0][:1], np.array([1000.0]))

    assert model.kind_ == "pooled"
    assert_allclose(found.mean, 900 * np.exp(0.2**2 / 2), rtol=0.03)
    assert_allclose(found.low, 900 * np.exp(-1.2816 * 0.2), rtol=0.04)
    assert_allclose(found.high, 900 * np.exp(1.2816 * 0.2), rtol=0.04)


def test_trees_serve_when_features_tell_the_discount() -> None:
    model = fitted(cases(effect=0.6))
    X, asked, won = cases(seed=1, effect=0.6)

    found = model.predict(X, asked)

    assert model.kind_ == "trees"
    assert model.losses_["trees"] < model.losses_["pooled"] < model.losses_["asked"]
    assert_allclose(((found.low <= won) & (won <= found.high)).mean(), 0.8, atol=0.06)
    assert_allclose(found.mean.sum() / won.sum(), 1, atol=0.04)


def test_bias_of_the_amount_asked_is_measured_on_later_wins() -> None:
    model = fitted(cases())

    assert_allclose(model.bias_["asked"], 1 / (0.9 * np.exp(0.02)) - 1, atol=0.03)
    assert abs(model.bias_["pooled"]) < 0.03


def test_few_wins_leave_the_amount_as_asked() -> None:
    model = fitted(cases(), 19)

    found = model.predict(cases()[0][:2], np.array([100.0, np.nan]))

    assert model.kind_ == "asked"
    assert_allclose(np.column_stack([found.mean, found.low, found.high]), [[100.0] * 3, [np.nan] * 3])


def test_missing_and_zero_amounts_teach_nothing_and_get_nothing() -> None:
    X, asked, won = cases()
    holes = np.where(np.arange(len(X)) % 3 == 0, np.nan, asked)
    model = AmountModel().fit(X, holes, won, time=np.arange(len(X)), groups=np.arange(len(X)))

    assert model.n_won_ == 600
    assert np.isnan(model.predict(X[:3], np.array([0.0, -5.0, np.nan])).mean).all()


def test_snapshots_of_one_case_count_as_one() -> None:
    X, asked, won = cases(60)
    many = np.repeat(np.arange(60), np.where(np.arange(60) == 0, 200, 1))

    model = AmountModel().fit(X.iloc[many], asked[many], won[many], time=many, groups=many)

    assert model.n_won_ == 60
    assert_allclose(model.residuals_, fitted(cases(60)).residuals_, atol=0.03)


def test_weighted_quantiles_by_hand() -> None:
    found = weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]), (0.1, 0.5, 0.9))

    assert found.tolist() == [1.0, 2.0, 3.0]


def test_stored_amounts_are_the_same() -> None:
    X, asked, _ = cases(effect=0.6)
    model = fitted(cases(effect=0.6))

    again = AmountModel.from_state(model.to_state())

    assert_allclose(again.predict(X, asked).high, model.predict(X, asked).high, rtol=0)
    assert again.to_state() == model.to_state()


def test_lengths_must_agree() -> None:
    X, asked, won = cases(30)
    with pytest.raises(InvalidInput, match="must have 30 rows, got 30, 29"):
        AmountModel().fit(X, asked, won[:29], time=np.arange(30), groups=np.arange(30))
