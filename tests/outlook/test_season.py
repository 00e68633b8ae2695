from datetime import date

import numpy as np
import pytest

from forecast.outlook.season import Season, fit_season

MONDAY = date(2024, 6, 10)


def events(per_weekday, days, seed=0):
    """Poisson events on the days before a Monday."""
    day = np.arange(-days, 0)
    counts = np.random.default_rng(seed).poisson(np.asarray(per_weekday)[day % 7])
    return np.repeat(day, counts) + 0.5


def test_little_history_has_no_season():
    season = fit_season(events([1.0] * 7, 40), 40, 30, MONDAY)

    assert season.clock(17.0) == 17
    assert season.at(np.array([3.2])) == 1


def test_weekdays_are_told_apart_and_weeks_last_a_week():
    season = fit_season(events([4.0, 4, 4, 4, 4, 0, 0], 364), 364, 30, MONDAY)

    assert season.at(np.array([0.5]))[0] == pytest.approx(1.4, rel=0.1)
    assert season.at(np.array([5.5]))[0] < 0.2
    assert float(season.clock(14.0) - season.clock(7.0)) == pytest.approx(7, rel=0.05)


def test_growth_is_no_season():
    day = np.arange(-720, 0)
    counts = np.random.default_rng(0).poisson(1 + 5 * (day + 720) / 720)

    season = fit_season(np.repeat(day, counts) + 0.5, 720, 60, MONDAY)

    assert float(season.clock(60.0)) == pytest.approx(60, rel=0.08)


def test_months_are_told_apart_after_two_years():
    day = np.arange(-1095, 0)
    month = (np.datetime64(MONDAY) + day).astype("datetime64[M]").astype(int) % 12
    rate = np.where(month == 6, 6.0, 4.0)  # July half as fast again
    counts = np.random.default_rng(0).poisson(rate)

    season = fit_season(np.repeat(day, counts) + 0.5, 1095, 60, MONDAY)

    july = season.at(np.arange(21, 52) + 0.5).mean()
    assert 1.15 < july < 6 / rate.mean()  # shrunk, for three Julys are few


def test_clock_adds_up_the_pace_and_runs_evenly_outside():
    season = Season(-2, np.array([1.0, 2.0, 0.5, 3.0]))

    np.testing.assert_allclose(season.clock(np.array([-2, -1, 0, 0.5, 1, 2, 5])), [-3, -2, 0, 0.25, 0.5, 3.5, 6.5])
