"""Clustered intervals."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from forecast.errors import InvalidInput
from forecast.evaluation.bootstrap import bootstrap_means, bootstrap_metric, crossed_weights, paired_difference
from forecast.evaluation.metrics import brier_loss


def test_spread_of_means_is_the_clustered_standard_error() -> None:
    rng = np.random.default_rng(0)
    effects = rng.normal(size=300)
    values, clusters = np.repeat(effects, 5), np.repeat(np.arange(300), 5)

    draws = bootstrap_means(values, clusters, n_draws=4000)

    assert_allclose(draws.std(), effects.std() / np.sqrt(300), rtol=0.05)  # not / sqrt(1500)


def test_metric_draws_agree_with_means_for_a_mean() -> None:
    rng = np.random.default_rng(0)
    y, p, clusters = rng.integers(0, 2, 400), rng.random(400), rng.integers(0, 50, 400)

    by_metric = bootstrap_metric(brier_loss, y, p, clusters, n_draws=2000)
    by_mean = bootstrap_means((y - p) ** 2, clusters, n_draws=2000)

    assert_allclose(by_metric.std(), by_mean.std(), rtol=0.08)


def test_paired_difference_of_a_model_with_itself_is_zero() -> None:
    losses = np.random.default_rng(0).random(50)
    difference = paired_difference(losses, losses, np.arange(50) // 2)

    assert (difference.mean, difference.low, difference.high, difference.n_clusters) == (0.0, 0.0, 0.0, 25)


def test_paired_interval_covers_the_true_difference_about_as_often_as_stated() -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(200):
        cluster_effect = np.repeat(rng.normal(0.1, 0.5, 60), 3)
        a = cluster_effect + rng.normal(0, 0.2, 180)
        found = paired_difference(a, np.zeros(180), np.repeat(np.arange(60), 3), n_draws=400)
        covered.append(found.low <= 0.1 <= found.high)
    assert 0.89 <= np.mean(covered) <= 0.99


def test_draws_do_not_depend_on_names_or_order_of_entities_being_objects() -> None:
    values = np.arange(6.0)
    as_text = bootstrap_means(values, np.array(["a", "a", "b", "b", "c", "c"], dtype=object))
    as_code = bootstrap_means(values, np.array([0, 0, 1, 1, 2, 2]))
    assert_allclose(as_text, as_code)


def test_bootstrap_refuses_wrong_lengths() -> None:
    with pytest.raises(InvalidInput, match="got 2 for 3 rows"):
        bootstrap_means([1, 2, 3], [0, 1])
    with pytest.raises(InvalidInput, match="got 2 and 1"):
        paired_difference([1, 2], [1])


def test_crossed_weights_draw_as_many_series_and_origins_as_there_are() -> None:
    blocks = list(crossed_weights((7, 3), n_draws=120))

    of_series, of_origin = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    assert of_series.shape == (120, 7)
    assert of_origin.shape == (120, 3)
    assert (of_series.sum(axis=1) == 7).all()
    assert (of_origin.sum(axis=1) == 3).all()
    assert of_series.std() > 0.5
