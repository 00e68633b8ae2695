"""Intervals of a case's own win rate: what few outcomes leave open."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from forecast.conversion import ConversionModel
from forecast.conversion.encoding import TableEncoder
from forecast.conversion.linear import fit_linear
from forecast.conversion.uncertainty import PosteriorDraws, case_deviation, draw_posterior


def simulated(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Features, outcomes and E[y | features]: a line with one interaction."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 5)), columns=list("abcde")).assign(source=rng.choice(["web", "fair"], n))
    fair = (X["source"] == "fair").to_numpy()
    p = expit(-1 + 0.8 * X["a"].to_numpy() - 0.5 * X["b"].to_numpy() + 0.6 * fair * X["c"].to_numpy())
    return X, (rng.random(n) < p).astype(float), p


def test_posterior_of_one_coefficient_has_the_variance_of_the_formula() -> None:
    """By hand: the precision of a centred column x is sum p (1 - p) x^2 + 1 / strength."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=400)})
    y = (rng.random(400) < expit(X["a"])).astype(float)
    encoder = TableEncoder().fit(X)
    matrix = encoder.transform(X)
    (member,) = fit_linear(matrix, y, encoder, strengths=(0.1,))
    x = member.design(matrix)[:, 0] - member.means[0]
    p = expit(member.log_odds(matrix))
    rows = np.column_stack([np.ones(400), x])
    covariance = np.linalg.inv(rows.T @ (rows * (p * (1 - p))[:, None]) + np.diag([1e-3, 10.0]))

    draws = draw_posterior(member, matrix, np.ones(400), strength=0.1, random_state=0)

    assert_allclose((draws.coefficients[:, 0] ** 2).mean(), covariance[1, 1], rtol=1e-4)
    assert_allclose(draws.variance(member, matrix), np.einsum("ij,jk,ik->i", rows, covariance, rows), rtol=1e-4)


def test_posterior_of_many_coefficients_is_drawn_with_the_variance_of_the_formula() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 120))).rename(columns=str)
    encoder = TableEncoder().fit(X)
    matrix, y = encoder.transform(X), (rng.random(300) < 0.5).astype(float)
    (member,) = fit_linear(matrix, y, encoder, strengths=(0.01,))
    rows = np.column_stack([np.ones(300), member.design(matrix) - member.means])
    p = expit(member.log_odds(matrix))
    precision = rows.T @ (rows * (p * (1 - p))[:, None]) + np.diag(np.append(1e-3, np.full(rows.shape[1] - 1, 100.0)))

    draws = draw_posterior(member, matrix, np.ones(300), strength=0.01, random_state=0)

    exact = np.einsum("ij,jk,ik->i", rows, np.linalg.inv(precision), rows)
    assert len(draws.intercepts) == 24
    assert_allclose(draws.variance(member, matrix).mean(), exact.mean(), rtol=0.05)


def test_members_that_agree_add_nothing_and_members_that_differ_widen() -> None:
    weights, posterior = np.array([0.5, 0.5]), np.array([0.5, 0.5])

    deviation = case_deviation(np.array([[1.0, 1.0], [0.0, 2.0]]), weights, posterior)

    assert_allclose(deviation, [np.sqrt(0.5), np.sqrt(0.5 + 3.0)])


def test_draws_come_back_from_their_state() -> None:
    draws = PosteriorDraws(np.array([0.1, -0.1]), np.array([[0.2, 0.3], [0.0, -0.4]]))

    again = PosteriorDraws.from_state(draws.to_state())

    assert again.to_state() == draws.to_state()


@pytest.mark.slow
def test_intervals_hold_the_true_win_rate_about_as_often_as_stated() -> None:
    covered = []
    for n in (20, 50, 100, 400):
        for seed in range(7):
            X, y, _ = simulated(n, 1000 * n + seed)
            fresh, _, truth = simulated(500, 77 + seed)
            if min(y.sum(), n - y.sum()) < 2:
                continue
            low, high = ConversionModel().fit(X, y).interval(fresh)
            covered.append(((low <= truth) & (truth <= high)).mean())

    assert 0.7 <= np.mean(covered) <= 0.85, np.mean(covered)
