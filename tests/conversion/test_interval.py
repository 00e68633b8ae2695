"""The interval of the win rate among alike cases."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit
from scipy.stats import beta

from forecast.conversion.interval import (
    ScoreNeighbourhoods,
    beta_interval,
    drift_between,
    fit_neighbourhoods,
)


def test_beta_interval_agrees_with_scipy() -> None:
    low, high = beta_interval(np.array([0.3]), np.array([50.0]), level=80)

    assert_allclose([low[0], high[0]], beta.ppf([0.1, 0.9], 15.5, 35.5))


def simulated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(-1, 1, n)
    return z, (rng.random(n) < expit(z)).astype(float)


def test_interval_narrows_with_entities_not_with_snapshots() -> None:
    z, y = simulated(1000)
    z, y = np.sort(z), y[np.argsort(z)]  # snapshots of one entity have about the same score
    few, many = np.arange(1000) // 20, np.arange(1000)

    wide = fit_neighbourhoods(z, y, few).interval(np.array([-1.0]))
    narrow = fit_neighbourhoods(z, y, many).interval(np.array([-1.0]))

    assert (wide[1] - wide[0])[0] > 1.5 * (narrow[1] - narrow[0])[0]


def test_interval_covers_the_true_rate_about_as_often_as_stated() -> None:
    covered = []
    for seed in range(60):
        z, y = simulated(2000, seed)
        low, high = fit_neighbourhoods(z, y, np.arange(2000)).interval(np.linspace(-2, 0, 9))
        truth = expit(np.linspace(-2, 0, 9))
        covered.append((low <= truth) & (truth <= high))
    assert 0.75 <= np.mean(covered) <= 1.0, np.mean(covered)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 80))
def test_interval_encloses_the_probability(seed: int, n: int) -> None:
    z, y = simulated(n, seed)
    at = np.linspace(-8, 8, 17)

    low, high = fit_neighbourhoods(z, y, np.arange(n)).interval(at)

    assert ((low >= 0) & (low <= expit(at)) & (expit(at) <= high) & (high <= 1)).all()


def test_drift_is_what_blocks_differ_beyond_chance() -> None:
    rng = np.random.default_rng(0)
    z, blocks = rng.normal(-1, 1, 40_000), np.repeat(np.arange(8), 5000)
    shifts = np.array([0.6, -0.6, 0.3, -0.3, 0.6, -0.6, 0.3, -0.3])
    moved = (rng.random(40_000) < expit(z + shifts[blocks])).astype(float)
    still = (rng.random(40_000) < expit(z)).astype(float)

    assert_allclose(drift_between(z, moved, np.arange(40_000), blocks), shifts.std(ddof=1), rtol=0.15)
    assert drift_between(z, still, np.arange(40_000), blocks) < 0.05


def test_drift_widens_the_interval() -> None:
    z, y = simulated(2000)
    still = fit_neighbourhoods(z, y, np.arange(2000))
    moving = replace(still, drift=0.5)

    (low, high), (lower, higher) = (found.interval(np.array([-1.0])) for found in (still, moving))

    assert lower[0] < low[0] < high[0] < higher[0]


def test_prior_only_is_wide() -> None:
    low, high = fit_neighbourhoods(np.zeros(0), np.zeros(0), np.zeros(0)).interval(np.array([0.0]))

    assert high[0] - low[0] > 0.6


def test_stored_neighbourhoods_are_the_same() -> None:
    found = fit_neighbourhoods(*simulated(300), np.arange(300))
    restored = ScoreNeighbourhoods.from_state(found.to_state())

    assert_allclose(restored.interval(np.zeros(3)), found.interval(np.zeros(3)), rtol=0)


def own(n: int, deviation: float) -> dict[str, np.ndarray]:
    return {"deviation": np.full(n, deviation)}


def test_a_known_deviation_alone_is_the_interval_where_scores_come_as_said() -> None:
    """By hand: 1.2816 standard deviations of .5 either way of log-odds -1."""
    z, y = simulated(400, 3)
    found = replace(fit_neighbourhoods(z, y, np.arange(400)), misfit=0.0)

    low, high = found.interval(np.array([-1.0]), **own(1, 0.5))

    assert_allclose([low[0], high[0]], expit([-1 - 1.28155 * 0.5, -1 + 1.28155 * 0.5]), rtol=1e-4)


def test_scores_that_come_otherwise_than_said_are_moved_to_what_came() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(-1, 1, 40_000)
    bent = z + 0.6 * np.cos(2 * z)
    y = (rng.random(40_000) < expit(bent)).astype(float)
    at = np.linspace(-2, 0, 9)

    found = fit_neighbourhoods(z, y, np.arange(40_000))
    low, high = found.interval(at, **own(9, 0.0))

    truth = expit(at + 0.6 * np.cos(2 * at))
    assert found.misfit is not None
    assert found.misfit > 0.3
    assert ((low - 0.02 <= truth) & (truth <= high + 0.02)).all()


def test_a_neighbourhoods_chance_is_not_counted_beside_the_cases_own() -> None:
    """Rates of 50 cases scatter by .065; the deviation given says already how well a case is known."""
    z, y = simulated(400)
    found = fit_neighbourhoods(z, y, np.arange(400))

    low, high = found.interval(np.array([-1.0]), **own(1, 0.2))
    lower, higher = replace(found, misfit=None).interval(np.array([-1.0]), **own(1, 0.2))

    assert high[0] - low[0] < 0.8 * (higher[0] - lower[0])


def test_intervals_of_models_stored_before_stay_as_they_were() -> None:
    found = fit_neighbourhoods(*simulated(300), np.arange(300))
    state = found.to_state()
    del state["misfit"]

    assert_allclose(
        ScoreNeighbourhoods.from_state(state).interval(np.zeros(3), **own(3, 0.3)),
        replace(found, misfit=None).interval(np.zeros(3), **own(3, 0.3)),
        rtol=0,
    )
