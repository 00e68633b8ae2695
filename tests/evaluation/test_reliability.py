"""The reliability curve and its image."""

import numpy as np
from numpy.testing import assert_allclose
from scipy.stats import beta

from forecast.evaluation.reliability import reliability_curve, reliability_plot


def test_curve_by_hand() -> None:
    y, p = [0, 1, 0, 1, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.7, 0.8]

    curve = reliability_curve(y, p, n_bins=2)

    assert_allclose(curve["predicted"], [0.2, 0.7])
    assert_allclose(curve["observed"], [1 / 3, 1.0])
    assert curve["n"].tolist() == [3, 3]
    assert_allclose(curve["low"][0], beta.ppf(0.025, 1.5, 2.5))
    assert_allclose(curve["high"], [beta.ppf(0.975, 1.5, 2.5), 1.0])


def test_curve_counts_entities_not_snapshots() -> None:
    y, p = np.tile([0, 1], 50), np.full(100, 0.5)

    by_row = reliability_curve(y, p)
    by_entity = reliability_curve(y, p, clusters=np.arange(100) // 10)

    assert by_entity["n_cases"].tolist() == [10]
    assert by_entity["high"][0] > by_row["high"][0]


def test_curve_has_one_row_when_all_predictions_are_equal() -> None:
    assert len(reliability_curve([0, 1, 1], [0.4, 0.4, 0.4])) == 1


def test_plot_is_the_same_png_each_time() -> None:
    curve = reliability_curve([0, 1, 0, 1], [0.1, 0.8, 0.3, 0.6], n_bins=2)

    image = reliability_plot(curve, title="leads")

    assert image.startswith(b"\x89PNG")
    assert image == reliability_plot(curve, title="leads")
