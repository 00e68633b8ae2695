import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, PoissonRegressor

from forecast.customers.line import Standardiser, fit_line

RNG = np.random.default_rng(0)
COLUMNS = RNG.normal(size=(2000, 3))
ONES, ZEROS = np.ones(2000), np.zeros(2000)


def test_line_agrees_with_sklearns_penalised_logistic_regression() -> None:
    y = (RNG.random(2000) < 1 / (1 + np.exp(0.5 - COLUMNS @ [1.0, -0.5, 0.0]))).astype(float)

    found = fit_line(COLUMNS, y, ZEROS, ONES, "logit")

    oracle = LogisticRegression(C=1 / 20.0, tol=1e-10).fit(COLUMNS, y)
    np.testing.assert_allclose(found.coefficients, oracle.coef_[0], atol=1e-4)
    assert found.intercept == pytest.approx(oracle.intercept_[0], abs=1e-4)


def test_line_agrees_with_sklearns_poisson_regression_and_its_offset_moves_the_intercept() -> None:
    y = RNG.poisson(np.exp(0.2 + COLUMNS @ [0.5, -0.3, 0.0])).astype(float)

    found = fit_line(COLUMNS, y, ZEROS, ONES, "log")
    moved = fit_line(COLUMNS, y, ZEROS + 2.0, ONES, "log")

    oracle = PoissonRegressor(alpha=0.0, tol=1e-10).fit(COLUMNS, y)
    np.testing.assert_allclose(found.coefficients, oracle.coef_, atol=0.02)  # ours is penalised
    assert moved.intercept == pytest.approx(found.intercept - 2.0, abs=1e-3)


def test_standardiser_knows_missing_values_and_never_leaves_the_reach() -> None:
    features = pd.DataFrame({"a": [0.0, 1.0, 1e9, np.nan], "b": [-1.0, 0.0, 1.0, 2.0]})

    standardiser = Standardiser.fit(features)
    columns = standardiser(features)

    assert columns.shape == (4, 3)
    assert standardiser.owner.tolist() == [0, 1, 0]
    assert columns[:, 2].tolist() == [0, 0, 0, 1]
    assert columns[3, 0] == 0
    assert np.abs(standardiser(features * -1e12)).max() <= 3
    np.testing.assert_array_equal(Standardiser.from_state(standardiser.to_state())(features), columns)
