"""Ranges follow how the last forecasts did: coverage returns when the noise changes, and stays when it does not."""

import numpy as np
import pandas as pd
import pytest

from forecast.demand import DemandForecaster
from forecast.demand.adaptation import MAX_FACTOR, adapt_widths, adaptation_windows
from forecast.demand.errors import ALL, ErrorModel, PastErrors

N, HORIZON = 200, 4


def outcomes(n_windows, *, factor=1.0, shock=0.0, classes="smooth", n=N, seed=0):
    """Errors of deviation ``factor`` around a shock that a window has in common."""
    rng = np.random.default_rng(seed)
    common = np.repeat(shock * rng.normal(size=n_windows), n)[:, None]
    error = factor * rng.normal(0, 1, (n_windows * n, HORIZON)) + common
    window = np.repeat(np.arange(n_windows), n)
    names = np.full(len(error), classes, dtype=object)
    return PastErrors(error, np.full(error.shape, 1e4), np.ones(len(error)), names, window, False)


def coverage(model, past):
    bounds = model.quantiles(past.mean, past.usual, past.classes, (0.1, 0.9), non_negative=False)
    actual = past.mean + past.error
    return float(((actual >= bounds[:, :, 0]) & (actual <= bounds[:, :, 1])).mean())


LEARNED = ErrorModel.fit(outcomes(10), HORIZON)


@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_coverage_returns_after_the_noise_changed(factor):
    after = outcomes(1, factor=factor, n=5000, seed=2)
    # Gaussian law: 1.2816 deviations of before are 0.64 or 2.56 of now.
    assert coverage(LEARNED, after) == pytest.approx({2.0: 0.478, 0.5: 0.990}[factor], abs=0.02)

    adapted = adapt_widths(LEARNED, outcomes(8, factor=factor, seed=1))

    assert 0.77 <= coverage(adapted, after) <= 0.83


def test_widths_stay_while_nothing_changes():
    adapted = adapt_widths(LEARNED, outcomes(8, seed=3))

    assert adapted.widths["smooth"] == pytest.approx(1, abs=0.06)
    assert 0.77 <= coverage(adapted, outcomes(1, n=5000, seed=4)) <= 0.83


def test_shocks_that_windows_have_in_common_do_not_narrow_ranges_in_the_long_run():
    """Most windows have fewer misses than stated, some many more: the mean is what is promised."""
    learned = ErrorModel.fit(outcomes(400, shock=1.0, n=20, seed=5), HORIZON)
    windows = [outcomes(1, shock=1.0, n=100, seed=seed) for seed in range(100, 180)]

    held = []
    for now in range(8, len(windows)):
        seen = windows[now - 8 : now]
        joined = PastErrors(
            *(np.concatenate([getattr(one, name) for one in seen]) for name in ("error", "mean", "usual", "classes")),
            np.repeat(np.arange(8), 100),
            False,
        )
        held.append(coverage(adapt_widths(learned, joined), windows[now]))

    assert 0.75 <= np.mean(held) <= 0.85


def test_a_class_has_its_own_width_and_one_with_few_outcomes_that_of_all():
    calm, wild = outcomes(8, n=400, seed=6), outcomes(8, factor=2.0, n=400, classes="erratic", seed=7)
    few = outcomes(8, factor=0.5, n=1, classes="lumpy", seed=8)
    joined = PastErrors(
        *(
            np.concatenate([getattr(one, name) for one in (calm, wild, few)])
            for name in ("error", "mean", "usual", "classes", "window")
        ),
        False,
    )

    widths = adapt_widths(LEARNED, joined).widths

    assert widths["smooth"] == pytest.approx(1, abs=0.1)
    assert widths["erratic"] == pytest.approx(2, rel=0.15)
    assert widths["lumpy"] == pytest.approx(widths[ALL], rel=0.05)


def test_widths_are_bounded_and_few_outcomes_move_them_little():
    assert max(adapt_widths(LEARNED, outcomes(8, factor=1e6)).widths.values()) == MAX_FACTOR
    assert adapt_widths(LEARNED, outcomes(1, factor=1e6, n=1)).widths[ALL] < 1.1


def test_windows_are_whole_horizons_after_training():
    assert [adaptation_windows(n, 4, 10) for n in (0, 3, 4, 11, 400)] == [0, 0, 1, 2, 8]
    assert adaptation_windows(400, 28, 30_000) == 1


def sales(n_quiet, n_wild, n_series=150, seed=0):
    """Sales around 100 whose noise doubles after ``n_quiet`` periods."""
    rng = np.random.default_rng(seed)
    n_times = n_quiet + n_wild
    deviation = np.where(np.arange(n_times) < n_quiet, 10.0, 20.0)
    y = np.maximum(100 + deviation * rng.normal(size=(n_series, n_times)), 0)
    ids = np.repeat([f"s{index:03d}" for index in range(n_series)], n_times)
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(np.arange(n_times), n_series), "y": y.ravel()})


def covered(forecast, panel):
    joined = forecast.merge(panel, on=["unique_id", "ds"])
    return float(joined["y"].between(joined["q0.1"], joined["q0.9"]).mean())


def test_a_forecaster_states_ranges_that_hold_again_and_means_stay():
    panel = sales(120, 28, n_series=600)
    before, seen = panel[panel["ds"] < 120], panel[panel["ds"] < 144]
    forecaster = DemandForecaster(1, HORIZON, model="window_mean", season_length=24).fit(before)
    plain = forecaster.observe(seen).predict()

    adapted = forecaster.adapt_ranges(24).predict()

    assert covered(plain, panel) < 0.6
    assert 0.77 <= covered(adapted, panel) <= 0.83
    pd.testing.assert_series_equal(plain["mean"], adapted["mean"])
    # Told again the same; a new history begins anew; what is stored is what was learned.
    pd.testing.assert_frame_equal(forecaster.adapt_ranges(24).predict(), adapted)
    again = DemandForecaster.from_files(forecaster.to_files()).observe(seen)
    pd.testing.assert_frame_equal(again.predict(), plain)
    pd.testing.assert_frame_equal(forecaster.observe(seen).predict(), plain)
    drawn = np.quantile(forecaster.adapt_ranges(24).predict_paths(300)[1], (0.1, 0.9), axis=0)
    np.testing.assert_allclose((drawn[1] - drawn[0]).mean(), (adapted["q0.9"] - adapted["q0.1"]).mean(), rtol=0.05)


def test_before_a_horizon_has_passed_ranges_are_as_learned():
    panel = sales(40, 3, n_series=10)
    forecaster = DemandForecaster(1, HORIZON, model="window_mean", season_length=1).fit(panel[panel["ds"] < 40])

    assert forecaster.observe(panel).adapt_ranges(3).errors_.widths == {}
