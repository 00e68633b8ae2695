"""Oracles: closed forms of the normal and the uniform law, values by hand, the single-level metric."""

import numpy as np
import pytest
from scipy import stats

from forecast.errors import InvalidInput
from forecast.evaluation.metrics.intervals import pinball_loss
from forecast.evaluation.metrics.quantiles import (
    crps_from_paths,
    crps_from_quantiles,
    pinball_losses,
    weighted_scaled_pinball_loss,
)


def normal_crps(y: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """Closed form of Gneiting & Raftery (2007)."""
    z = (y - mean) / deviation
    return deviation * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))


def test_pinball_losses_are_those_of_each_level():
    rng = np.random.default_rng(0)
    y, q, levels = rng.normal(size=(4, 3)), rng.normal(size=(4, 3, 2)), [0.2, 0.9]

    losses = pinball_losses(y, levels, q)

    assert losses.shape == (4, 3, 2)
    for place, level in enumerate(levels):
        assert losses[..., place].mean() == pytest.approx(pinball_loss(y, q[..., place], quantile=level))


def test_weighted_scaled_pinball_by_hand():
    actual, quantiles = [[4.0, 4.0], [1.0, 1.0]], [[[2, 6], [4, 4]], [[1, 3], [1, 1]]]

    # series 1: (.25 * 2 + .25 * 2) over 4 values, scale 2; series 2: .25 * 2 over 4, scale .5
    first, second = (1.0 / 4) / 2, (0.5 / 4) / 0.5
    result = weighted_scaled_pinball_loss(actual, [0.25, 0.75], quantiles, scale_mae=[2, 0.5], weight=[3, 1])

    assert result == pytest.approx((3 * first + second) / 4)


def test_series_without_weight_need_no_scale():
    call = {"scale_mae": [1, np.nan], "weight": [2, 0]}

    assert weighted_scaled_pinball_loss([[1.0], [1.0]], [0.5], [[[3.0]], [[9.0]]], **call) == 1.0


def test_crps_of_the_normal_is_its_closed_form():
    y = np.array([-3.0, 0.0, 1.0, 8.0])
    levels = (np.arange(2000) + 0.5) / 2000
    quantiles = np.broadcast_to(stats.norm.ppf(levels, 1, 2), (4, 2000))

    expected = normal_crps(y, 1, 2)
    np.testing.assert_allclose(crps_from_quantiles(y, levels, quantiles), expected, rtol=1e-3)
    np.testing.assert_allclose(crps_from_paths(y, quantiles.T), expected, rtol=1e-3)


def test_crps_of_paths_is_the_mean_of_distances():
    rng = np.random.default_rng(3)
    y, paths = rng.normal(size=(2, 3)), rng.normal(size=(7, 2, 3)).round(1)

    pairs = np.abs(paths[:, None] - paths[None]).mean(axis=(0, 1))
    np.testing.assert_allclose(crps_from_paths(y, paths), np.abs(paths - y).mean(axis=0) - pairs / 2)


def test_crps_of_equal_levels_is_that_of_the_sample():
    sample, y = np.sort(np.random.default_rng(4).gamma(1, 5, 20)), np.array([0.0, 4.0, 30.0])
    levels = (np.arange(20) + 0.5) / 20

    by_quantiles = crps_from_quantiles(y, levels, np.broadcast_to(sample, (3, 20)))

    np.testing.assert_allclose(by_quantiles, crps_from_paths(y, np.repeat(sample[:, None], 3, axis=1)))


def test_crps_of_a_point_is_the_absolute_error():
    assert crps_from_paths(np.array([3.0]), np.full((5, 1), 7.0)) == [4.0]
    np.testing.assert_allclose(crps_from_quantiles([3.0], [0.1, 0.5, 0.8], [[7, 7, 7]])[0], 4, rtol=0.2)


def test_crps_is_least_for_the_true_law():
    rng = np.random.default_rng(5)
    y, levels = rng.normal(2, 1, 4000), np.arange(0.05, 1, 0.1)

    def score(mean: float, deviation: float) -> float:
        quantiles = np.broadcast_to(stats.norm.ppf(levels, mean, deviation), (len(y), len(levels)))
        return float(crps_from_quantiles(y, levels, quantiles).mean())

    assert score(2, 1) < min(score(2.3, 1), score(1.7, 1), score(2, 1.5), score(2, 0.7))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pinball_losses([1.0], [0.5, 0.1], [[1, 2]]), r"ascending.*\[0.5, 0.1\]"),
        (lambda: pinball_losses([1.0], [0.1, 0.5], [[1, 2, 3]]), r"each of 2 levels, got \(1, 3\) for \(1,\)"),
        (lambda: pinball_losses([np.nan], [0.1], [[1]]), "1 values are not"),
        (lambda: crps_from_paths([1.0], [[1.0, 2.0]]), r"got \(1, 2\) for \(1,\)"),
        (lambda: crps_from_paths([1.0], [[np.inf]]), "1 values are not"),
        (
            lambda: weighted_scaled_pinball_loss([[1.0]], [0.5], [[[1.0]]], scale_mae=[0], weight=[1]),
            "1 scales of 1 weighted",
        ),
        (
            lambda: weighted_scaled_pinball_loss([[1.0]], [0.5], [[[1.0]]], scale_mae=[1, 1], weight=[1]),
            r"\(1, 1\), \(2,\) and \(1,\)",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()
