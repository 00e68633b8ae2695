import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from forecast.performance.hazards import (
    PRIOR_VARIANCE,
    Hazard,
    age_edges,
    design_of,
    fit_hazard,
    success_probability,
    time_in,
)

DAYS = st.floats(0, 500, allow_nan=False)


def test_hazard_without_traits_is_events_over_days_at_risk():
    rng = np.random.default_rng(0)
    days = rng.uniform(1, 20, (400, 2))
    interval = rng.choice([-1, 0, 1], 400, p=[0.5, 0.3, 0.2])

    found = fit_hazard(np.zeros((400, 0)), days, interval)

    rates = [(interval == j).sum() / days[:, j].sum() for j in (0, 1)]
    assert_allclose(np.exp(found.by_age), rates, rtol=0.01)  # the prior weighs next to nothing


def test_hazard_is_that_of_a_general_optimiser_on_one_row_per_case_and_interval():
    rng = np.random.default_rng(1)
    design = rng.normal(size=(60, 2))
    days = rng.uniform(0.5, 10, (60, 2))
    interval = rng.choice([-1, 0, 1], 60)
    happened = np.stack([interval == 0, interval == 1], axis=1)
    level = np.log(((interval >= 0).sum() + 0.5) / days.sum())

    def loss(theta):
        log_rate = theta[None, :2] + (design @ theta[2:])[:, None]
        likelihood = (happened * log_rate - days * np.exp(log_rate)).sum()
        return -likelihood + ((theta[:2] - level) ** 2).sum() / 8 + (theta[2:] ** 2).sum() / (2 * PRIOR_VARIANCE)

    expected = minimize(loss, np.zeros(4), method="BFGS").x

    found = fit_hazard(design, days, interval)

    assert_allclose(np.concatenate([found.by_age, found.effects]), expected, atol=1e-3)


def test_hazard_recovers_a_true_effect():
    rng = np.random.default_rng(2)
    x = rng.normal(size=5000)
    life = rng.exponential(1 / (0.02 * np.exp(0.7 * x)))
    at_risk = np.minimum(life, 60.0)

    found = fit_hazard(x[:, None], at_risk[:, None], np.where(life < 60, 0, -1))

    assert found.effects[0] == pytest.approx(0.7, abs=0.05)
    assert np.exp(found.by_age[0]) == pytest.approx(0.02, rel=0.05)


def test_hazard_of_what_never_happened_is_small_and_finite():
    found = fit_hazard(np.ones((10, 1)), np.full((10, 1), 5.0), np.full(10, -1))

    assert 0 < np.exp(found.by_age[0]) < 0.02
    assert np.isfinite(found.effects).all()


def _constant(win, lose):
    return Hazard(np.log([win, win]), np.zeros(0)), Hazard(np.log([lose, lose]), np.zeros(0))


EDGES = np.array([0.0, 10.0, np.inf])


@given(first=DAYS, more=DAYS)
def test_success_of_constant_hazards_has_its_closed_form(first, more):
    win, lose = 0.01, 0.03

    found = success_probability(
        *_constant(win, lose), EDGES, np.zeros((1, 0)), np.array([first]), np.array([first + more])
    )

    assert_allclose(found, win / (win + lose) * -np.expm1(-(win + lose) * more), atol=1e-12)


@given(first=DAYS, middle=DAYS, last=DAYS)
def test_success_of_a_span_is_that_of_its_parts(first, middle, last):
    ages = np.sort([first, middle, last])
    hazards = Hazard(np.log([0.02, 0.005]), np.zeros(0)), Hazard(np.log([0.01, 0.04]), np.zeros(0))

    def between(one, other):
        return float(success_probability(*hazards, EDGES, np.zeros((1, 0)), np.array([one]), np.array([other]))[0])

    def stays(one, other):
        days = time_in(EDGES, np.array([one]), np.array([other]))[0]
        return float(np.exp(-days @ [0.03, 0.045]))

    parts = between(ages[0], ages[1]) + stays(ages[0], ages[1]) * between(ages[1], ages[2])
    assert parts == pytest.approx(between(ages[0], ages[2]), abs=1e-12)


def test_ages_are_parted_so_that_each_interval_has_as_many_endings():
    edges = age_edges(np.arange(1.0, 801.0))

    assert edges[0] == 0
    assert np.isinf(edges[-1])
    assert_allclose(edges[1:-1], 100 * np.arange(1, 8), rtol=0.01)
    assert age_edges(np.empty(0)).tolist() == [0.0, np.inf]


def test_design_is_centred_and_skips_what_never_changes():
    X = pd.DataFrame({"size": [1.0, 5.0, np.nan, 2.0] * 10, "kind": ["a", "b", None, "a"] * 10, "same": 3.0})

    design = design_of(X)

    assert_allclose(design.mean(axis=0), 0, atol=1e-12)
    assert design.any(axis=0).all()
    assert design_of(X[["same"]]).shape == (40, 0)
