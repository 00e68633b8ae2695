import numpy as np
import pytest

from forecast.outlook.arrivals import Arrivals, Rates, draw_arrivals, event_intensities, owner_rates
from forecast.outlook.season import Season

EVEN = Season(-2000, np.ones(4000))
LONG = 1e9


def arrivals(closed, cycle, owner=None):
    closed = np.asarray(closed, dtype=float)
    owner = np.zeros(len(closed), dtype=np.int64) if owner is None else np.asarray(owner)
    return Arrivals(owner, closed - cycle, closed, closed, np.ones(len(closed)))


def expected(past, from_days=0.0, to_days=30.0, first_days=-400.0, at=0.0, half_life=LONG):
    intensity, _ = event_intensities(
        past, at=at, from_days=from_days, to_days=to_days, first_days=first_days, season=EVEN, half_life_days=half_life
    )
    return float(intensity.sum())


def test_one_win_a_day_after_ten_days_each():
    past = arrivals(np.arange(-365, 0) + 0.5, cycle=10.0)

    # of the 30 days ahead the last 20 see wins of deals created ahead; 365 wins in 390 days in which they could be seen
    assert expected(past) == pytest.approx(20 * 365 / 390, rel=0.01)
    assert expected(past, from_days=20.0) == pytest.approx(10 * 365 / 390, rel=0.01)
    assert expected(past, to_days=10.0) == 0


def test_recent_wins_weigh_more_with_a_half_life():
    past = arrivals(np.repeat(np.arange(-60, 0) + 0.5, 2), cycle=0.0)  # two a day, but only lately

    assert expected(past, first_days=-720.0) == pytest.approx(30 * 120 / 720, rel=0.02)
    assert expected(past, first_days=-720.0, half_life=30.0) == pytest.approx(30 * 2 * 0.75, rel=0.03)


def test_what_was_recorded_after_the_moment_does_not_count():
    past = arrivals(np.arange(-100, 0) + 0.5, cycle=0.0)
    late = Arrivals(past.owner, past.created_days, past.closed_days, past.closed_days + 40, past.count)

    assert expected(past, at=-50.0) == pytest.approx(30 * 50 / 350, rel=0.02)
    assert expected(late, at=-50.0) == pytest.approx(30 * 10 / 350, rel=0.02)


def test_expected_wins_are_right_on_average_whatever_the_weekday():
    """Two deals are created a workday; each is won after an exponential time of 20 days, on a workday."""
    rng = np.random.default_rng(0)
    pace = np.where(np.arange(-700, 60) % 7 < 5, 1.4, 0.0)
    season = Season(-700, np.maximum(pace, 0.05))
    created = np.repeat(np.arange(-700, 0), rng.poisson(2 * pace[:700])) + rng.uniform(0, 1)
    closed = np.floor(created + rng.exponential(20, len(created)))
    closed = closed + np.where(closed % 7 >= 5, 7 - closed % 7, 0) + 0.5
    known = closed < 0
    past = Arrivals(
        np.zeros(known.sum(), dtype=int), created[known], closed[known], closed[known], np.ones(known.sum())
    )

    intensity, _ = event_intensities(
        past, at=0.0, from_days=0.0, to_days=28.0, first_days=-700.0, season=season, half_life_days=LONG
    )

    # created at rate 2 over 28 days, won within the rest: 2 * (28 - 20 * (1 - exp(-1.4)))
    assert intensity.sum() == pytest.approx(2 * (28 - 20 * -np.expm1(-1.4)), rel=0.1)


def rates(owner, n_owners, *, team=None, is_active=None, present=None):
    owner = np.asarray(owner)
    return owner_rates(
        np.full(len(owner), 0.1),
        np.ones(len(owner)),
        owner,
        team=np.zeros(n_owners, dtype=np.int64) if team is None else np.asarray(team),
        is_active=np.ones(n_owners, dtype=bool) if is_active is None else np.asarray(is_active),
        present=np.ones(n_owners) if present is None else np.asarray(present),
        shrink=True,
    )


def test_rates_are_shrunk_to_colleagues_and_keep_their_sum():
    found = rates(np.repeat([0, 1, 2, 3], [40, 20, 10, 2]), 4)

    assert found.expected.sum() == pytest.approx(7.2)
    assert (np.diff(found.expected) < 0).all()
    assert 0.2 < found.expected[3] < 1.8  # between the own number and the mean
    assert found.expected[0] < 4.0


def test_a_newcomer_is_expected_to_do_what_the_team_does():
    owner = np.repeat([0, 1, 2, 3], [30, 34, 31, 29])

    found = rates(owner, 5, present=[1, 1, 1, 1, 0.1])

    # hardly there yet: no win so far is no news
    assert found.expected[4] == pytest.approx(found.expected[:4].mean(), rel=0.1)


def test_a_newcomer_of_a_weak_team_is_expected_to_do_less():
    owner = np.repeat([0, 1, 2, 3], [30, 32, 6, 7])

    found = rates(owner, 6, team=[0, 0, 1, 1, 0, 1], present=[1, 1, 1, 1, 0.1, 0.1])

    assert found.expected[4] > 1.3 * found.expected[5]


def test_draws_have_the_expected_number_and_own_amounts():
    owner = np.repeat([0, 1], [80, 20])
    found = Rates(np.array([4.0, 1.0]), np.array([80.0, 20.0]), 5.0)
    multiplier = np.tile([[0.5], [1.5]], (2000, 2))

    drawn = draw_arrivals(
        found, np.full(100, 0.05), owner, team=np.zeros(2, dtype=np.int64), is_active=np.ones(2, dtype=bool),
        shrink=True, multiplier=multiplier, rng=np.random.default_rng(0),
    )  # fmt: skip

    n = np.bincount(drawn.owner) / 4000
    np.testing.assert_allclose(n, [4, 1], rtol=0.03)
    in_good_paths = np.bincount(drawn.owner[drawn.path % 2 == 1]) / 2000
    np.testing.assert_allclose(in_good_paths, [6, 1.5], rtol=0.04)
    own = owner[drawn.event] == drawn.owner
    # 20 / 25 of the second one's are like own ones; of the others, drawn from the whole company, a fifth is
    assert own[drawn.owner == 1].mean() == pytest.approx(0.8 + 0.2 * 0.2, abs=0.02)


def test_what_leavers_would_have_won_goes_to_active_colleagues_of_their_team():
    owner = np.repeat([0, 1, 2], 30)
    found = Rates(np.array([3.0, 3.0, 3.0]), np.full(3, 30.0), 5.0)

    drawn = draw_arrivals(
        found, np.full(90, 0.1), owner, team=np.array([0, 0, 1]), is_active=np.array([False, True, True]),
        shrink=True, multiplier=np.ones((3000, 3)), rng=np.random.default_rng(0),
    )  # fmt: skip

    np.testing.assert_allclose(np.bincount(drawn.owner, minlength=3) / 3000, [0, 6, 3], rtol=0.03)


def test_a_sample_of_very_many_wins_has_the_mean_and_the_spread_of_all(monkeypatch):
    """500 a path, of which 50 are drawn: a compound Poisson sum has variance 500 * (mean^2 + variance)."""
    monkeypatch.setattr("forecast.outlook.arrivals._MAX_DRAWN", 0)
    amount = np.array([10.0, 20.0, 60.0])
    found = Rates(np.array([500.0]), np.array([3.0]), 5.0)

    drawn = draw_arrivals(
        found, np.ones(3), np.zeros(3, dtype=np.int64), team=np.zeros(1, dtype=np.int64),
        is_active=np.ones(1, dtype=bool), shrink=False, multiplier=np.ones((4000, 1)), rng=np.random.default_rng(0),
    )  # fmt: skip
    assert drawn.rest is not None
    assert len(drawn.path) == 4000 * 50
    # two units: amounts of 60, and the others
    code = (amount[drawn.event] < 60).astype(np.int64)
    sums = np.bincount(drawn.path * 2 + code, drawn.amounts(amount, np.ones((4000, 1))), 8000).reshape(4000, 2)
    total = sums + drawn.rest @ drawn.means(amount, code, 2)

    np.testing.assert_allclose(total.mean(axis=0), [500 * 20, 500 * 10], rtol=0.01)
    assert total.sum(axis=1).std() == pytest.approx(np.sqrt(500 * (100 + 400 + 3600) / 3), rel=0.04)
