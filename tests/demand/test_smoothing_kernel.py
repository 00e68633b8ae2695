import numpy as np
from scipy.optimize import minimize

from forecast.demand.smoothing_kernel import Constants, align_starts, continue_paths, error_sums, fit_starts

NAN = np.nan


def holt(series, alpha, beta, phi, gamma, season_length, level, trend, horizon):
    """Damped trend with a moving additive season, one series, as written in the textbook."""
    season, sse = [0.0] * season_length, 0.0
    for time, value in enumerate(series):
        place = time % season_length
        error = value - (level + phi * trend + season[place])
        sse += error**2
        level, trend = level + phi * trend + alpha * error, phi * trend + beta * error
        season[place] += gamma * error
    path = []
    for step in range(1, horizon + 1):
        level, trend = level + phi * trend, phi * trend
        path.append(level + season[(len(series) + step - 1) % season_length])
    return sse, path


def constants(*values):
    return Constants(*(np.array([[value]]) for value in values))


def test_align_starts_moves_every_series_to_the_first_row():
    aligned = align_starts(np.array([[NAN, NAN, 1.0], [2.0, 3.0, 4.0]]))
    np.testing.assert_array_equal(aligned.y, [[1.0, 2.0], [0.0, 3.0], [0.0, 4.0]])
    np.testing.assert_array_equal(aligned.n_known, [1, 3])


def test_error_sums_agree_with_the_textbook_recursion_for_any_start():
    rng = np.random.default_rng(0)
    series, given = rng.normal(5, 1, 23), (0.3, 0.1, 0.9, 0.2)
    sums = error_sums(align_starts(series[None]), constants(*given), 4)
    for level, trend in ((0.0, 0.0), (4.0, 0.5), (-2.0, 1.0)):
        expected, _ = holt(series, *given, 4, level, trend, 1)
        np.testing.assert_allclose(sums.fit(np.array([[level]]), np.array([[trend]])).sse, [[expected]])


def test_fit_starts_finds_the_start_that_an_optimiser_finds():
    series, given = np.random.default_rng(1).normal(5, 1, 15).cumsum(), (0.4, 0.1, 0.95, 0.0)
    fit = fit_starts(align_starts(series[None]), constants(*given), 1)
    best = minimize(lambda start: holt(series, *given, 1, *start, 1)[0], [series[0], 0.0], method="Nelder-Mead")
    np.testing.assert_allclose(fit.sse, [[best.fun]], rtol=1e-5)
    np.testing.assert_allclose([fit.level[0, 0], fit.trend[0, 0]], best.x, rtol=1e-2)


def test_continue_paths_agree_with_the_textbook_recursion_for_series_of_different_length():
    rng = np.random.default_rng(2)
    values = rng.normal(5, 1, (3, 17))
    values[1, :6] = NAN
    aligned, given = align_starts(values), (0.3, 0.1, 0.9, 0.2)
    fit = fit_starts(aligned, constants(*given), 4)
    paths = continue_paths(aligned, constants(*given), fit, 4, 7)[0]
    for row, series in enumerate(values):
        start = fit.level[0, row], fit.trend[0, row]
        np.testing.assert_allclose(paths[row], holt(series[~np.isnan(series)], *given, 4, *start, 7)[1])


def test_falling_trends_die_out_where_asked():
    aligned = align_starts(np.array([[10.0, 8.0, 6.0, 4.0], [1.0, 2.0, 3.0, 4.0]]))
    straight = constants(0.5, 0.0, 1.0, 0.0)
    paths = continue_paths(aligned, straight, fit_starts(aligned, straight, 1), 1, 2, np.array([0.5, 0.5]))[0]
    np.testing.assert_allclose(paths, [[3.0, 2.5], [5.0, 6.0]], atol=1e-6)
