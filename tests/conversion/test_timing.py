"""When cases are won: life tables with competing losses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from forecast.conversion import TimingModel
from forecast.conversion.timing import cumulative_incidence
from forecast.errors import InvalidInput


def simulated(n: int, seed: int = 0, follow_up: float = 80.0) -> tuple[np.ndarray, np.ndarray]:
    """Wins at a rate of 1 / 50 days, losses at 1 / 100, censored at random up to ``follow_up``."""
    rng = np.random.default_rng(seed)
    win, loss, end = rng.exponential(50, n), rng.exponential(100, n), rng.uniform(5, follow_up, n)
    days = np.minimum(np.minimum(win, loss), end)
    return days, np.where(days == end, "", np.where(days == win, "won", "lost"))


def test_incidence_is_the_true_one_under_censoring() -> None:
    days, event = simulated(20_000)
    timing = TimingModel(1).fit(days, event, score=np.zeros(20_000), groups=np.arange(20_000))

    for h in (7, 30, 60):  # rates 0.02 and 0.01: CI(h) = 2/3 (1 - exp(-0.03 h))
        assert_allclose(timing.incidence(h, np.zeros(1)), 2 / 3 * (1 - np.exp(-0.03 * h)), atol=0.015)


def test_incidence_by_hand() -> None:
    # Four at risk, one win in (0, 1]; then three, one censored in (1, 2] (counts half), one loss.
    timing = TimingModel(1).fit(
        np.array([0.5, 1.5, 1.5, 2.0]), np.array(["won", "", "lost", "won"]), score=np.zeros(4), groups=np.arange(4)
    )

    assert timing.edges_.tolist() == [0, 1, 2]
    assert_allclose(timing.incidence_, [[0, 1 / 4, 1 / 4 + 3 / 4 * (1 / 2.5)]])


def test_cumulative_incidence_by_hand() -> None:
    found = cumulative_incidence(np.array([[0.2, 0.5]]), np.array([[0.3, 0.0]]))
    assert_allclose(found, [[0.0, 0.2, 0.2 + 0.5 * 0.5]])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 400), st.integers(5, 90))
def test_win_probability_never_decreases_and_meets_the_headline(seed: int, n: int, horizon: int) -> None:
    days, event = simulated(n, seed)
    score = np.random.default_rng(seed).random(n)
    timing = TimingModel().fit(days, event, score=score, groups=np.arange(n), horizons=(horizon,))

    steps = sorted({1, 3, 7, horizon, 30, 60, 90, 200, 400})
    curve = np.array([timing.win_probability(h, probability=score, horizon=horizon) for h in steps])

    assert (np.diff(curve, axis=0) >= -1e-12).all()
    assert ((curve >= 0) & (curve <= 1)).all()
    assert_allclose(curve[steps.index(horizon)], score, atol=1e-12)


def test_beyond_the_follow_up_nothing_more_is_promised() -> None:
    days, event = simulated(300)
    timing = TimingModel(1).fit(days, event, score=np.zeros(300), groups=np.arange(300))
    p = np.full(1, 0.3)

    at_end = timing.win_probability(timing.supported_days_, probability=p, horizon=30)

    assert_allclose(timing.win_probability(9999, probability=p, horizon=30), at_end)


def test_without_any_win_the_probability_is_spread_evenly() -> None:
    timing = TimingModel(1).fit(np.array([40.0, 50.0]), np.array(["lost", ""]), score=np.zeros(2), groups=np.arange(2))

    assert_allclose(timing.win_probability(15, probability=np.full(1, 0.2), horizon=30), [0.1])
    assert np.isfinite(timing.days_to_win(0.5, np.zeros(1))).all()


def test_median_time_to_a_win() -> None:
    days, event = simulated(20_000)
    timing = TimingModel(1).fit(days, event, score=np.zeros(20_000), groups=np.arange(20_000))
    by_80 = 1 - np.exp(-0.03 * timing.supported_days_)

    expected = -np.log(1 - by_80 / 2) / 0.03

    assert_allclose(timing.days_to_win(0.5, np.zeros(1)), expected, rtol=0.06)


def test_interval_of_the_time_to_a_win() -> None:
    days, event = simulated(20_000)
    timing = TimingModel(1).fit(days, event, score=np.zeros(20_000), groups=np.arange(20_000))
    by_80 = 1 - np.exp(-0.03 * timing.supported_days_)

    for share in (0.1, 0.9):
        expected = -np.log(1 - by_80 * share) / 0.03
        assert_allclose(timing.days_to_win(share, np.zeros(1)), expected, rtol=0.08)


def test_a_slow_season_ahead_moves_wins_later_but_not_the_headline() -> None:
    timing = TimingModel(1).fit(
        np.array([1.0, 2.0, 9.0]), np.array(["won", "won", ""]), score=np.zeros(3), groups=np.arange(3), horizons=(2,)
    )
    p, pace = np.full(1, 0.3), np.ones((1, len(timing.edges_) - 1))
    pace[0, 0] = 0.5  # (0, 1]

    first = np.diff(timing.incidence_[0])[:2]

    assert_allclose(
        timing.win_probability(1, probability=p, horizon=2, pace=pace), 0.3 * first[0] / 2 / (first[0] / 2 + first[1])
    )
    assert_allclose(timing.win_probability(2, probability=p, horizon=2, pace=pace), 0.3)


def test_days_may_differ_by_row() -> None:
    days, event = simulated(500)
    score = np.random.default_rng(1).random(500)
    timing = TimingModel().fit(days, event, score=score, groups=np.arange(500))
    asked = np.array([3.0, 10.0, 60.0])

    together = timing.win_probability(asked, probability=score[:3], horizon=30)

    alone = [
        timing.win_probability(day, probability=score[i : i + 1], horizon=30)[0] for i, day in enumerate(asked.tolist())
    ]
    assert_allclose(together, alone, rtol=1e-12)


def test_stored_timing_is_the_same() -> None:
    days, event = simulated(500)
    score = np.random.default_rng(1).random(500)
    timing = TimingModel().fit(days, event, score=score, groups=np.arange(500))

    restored = TimingModel.from_state(timing.to_state())

    assert_allclose(restored.incidence(20, score), timing.incidence(20, score), rtol=0)


def test_timing_needs_a_row() -> None:
    with pytest.raises(InvalidInput, match="got none"):
        TimingModel().fit(np.zeros(0), np.zeros(0, dtype=str), score=np.zeros(0), groups=np.zeros(0))
