"""Ridge logistic regression against scikit-learn's."""

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from forecast.conversion.encoding import TableEncoder
from forecast.conversion.linear import LinearMember, fit_linear, fit_scale, ridge_path


def simulated(n: int = 800) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "amount": rng.lognormal(8, 2, n),
            "source": rng.choice(["web", "fair", "partner"], n),
        }
    )
    z = X["x"].fillna(-1) + (X["source"] == "fair") - 1
    return X, (rng.random(n) < expit(z.to_numpy())).astype(float)


def test_ridge_path_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    design = rng.normal(size=(500, 8))
    design[:, 7] = design[:, 0] + 0.01 * design[:, 7]  # nearly collinear
    design -= design.mean(axis=0)
    y = (rng.random(500) < expit(design[:, 0] - 2)).astype(float)

    for strength, (intercept, coefficients) in zip((0.01, 1.0), ridge_path(design, y, (0.01, 1.0)), strict=True):
        oracle = LogisticRegression(C=strength, tol=1e-10, max_iter=1000, solver="newton-cholesky").fit(design, y)
        assert_allclose(coefficients, oracle.coef_[0], atol=1e-4)
        assert_allclose(intercept, oracle.intercept_[0], atol=1e-4)


def test_contributions_add_up_to_the_log_odds() -> None:
    X, y = simulated()
    encoder = TableEncoder().fit(X)
    matrix = encoder.transform(X)
    (member,) = fit_linear(matrix, y, encoder, strengths=(0.1,))

    total = member.intercept + member.contributions(matrix).sum(axis=1)

    assert_allclose(total, member.log_odds(matrix), atol=1e-12)
    assert_allclose(member.contributions(matrix).mean(axis=0), 0.0, atol=1e-9)


def test_stronger_prior_gives_smaller_effects() -> None:
    X, y = simulated()
    encoder = TableEncoder().fit(X)

    weak, strong = fit_linear(encoder.transform(X), y, encoder, strengths=(1.0, 0.001))

    assert np.abs(strong.coefficients).sum() < 0.2 * np.abs(weak.coefficients).sum()


def test_stored_member_predicts_the_same() -> None:
    X, y = simulated()
    encoder = TableEncoder().fit(X)
    matrix = encoder.transform(X)
    (member,) = fit_linear(matrix, y, encoder, strengths=(0.1,))

    assert_allclose(LinearMember.from_state(member.to_state()).log_odds(matrix), member.log_odds(matrix), rtol=0)


def test_long_tailed_amounts_are_taken_as_logarithms_and_clipped() -> None:
    scale = fit_scale(np.random.default_rng(0).lognormal(8, 2, 1000))

    assert scale.logarithmic
    assert scale.apply(np.array([1e30])) == 4.0
    assert not fit_scale(np.random.default_rng(0).normal(size=1000)).logarithmic


def test_scale_of_a_column_known_nowhere_is_harmless() -> None:
    assert np.isnan(fit_scale(np.full(5, np.nan)).apply(np.array([np.nan]))).all()
