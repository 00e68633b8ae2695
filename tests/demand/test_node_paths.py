"""Paths and quantiles of every node."""

import numpy as np
import pandas as pd
import pytest

from forecast.demand import node_paths
from forecast.demand.hierarchy import Hierarchy
from forecast.demand.node_paths import align_paths, node_quantiles, sum_paths
from forecast.errors import InvalidInput


@pytest.fixture
def hierarchy():
    static = pd.DataFrame({"unique_id": list("abcde"), "g": [1, 1, 2, 2, 2], "k": [1, 2, 1, 2, 1]})
    return Hierarchy.of(static, [(), ("g",), ("k",)])


def make_paths(n_paths=50, dtype=float):
    return np.random.default_rng(0).gamma(1, 3, (n_paths, 5, 4)).astype(dtype)


@pytest.mark.parametrize("max_block", [20_000_000, 1, 450])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sum_paths_adds_up_exactly_in_blocks_of_any_size(hierarchy, monkeypatch, max_block, dtype):
    monkeypatch.setattr(node_paths, "MAX_BLOCK", max_block)
    paths = make_paths(dtype=dtype)

    blocks = list(sum_paths(paths, hierarchy))
    nodes = np.concatenate([nodes for nodes, _ in blocks])
    sums = np.concatenate([block for _, block in blocks], axis=1)

    assert nodes.tolist() == list(range(10))
    for path in range(len(paths)):
        np.testing.assert_allclose(sums[path], hierarchy.summing.toarray() @ paths[path].astype(float), rtol=1e-12)
    # At most one node more than the block allows.
    assert max(block.size for _, block in blocks) <= max(max_block, 50 * 4)


def test_node_quantiles_are_those_of_the_summed_paths(hierarchy):
    paths = make_paths()

    table = node_quantiles(paths, hierarchy, [0.1, 0.9], ds=pd.date_range("2025-01-01", periods=4))

    assert table.columns.tolist() == ["unique_id", "ds", "mean", "q0.1", "q0.9"]
    second = table[(table["unique_id"] == "g=2") & (table["ds"] == "2025-01-03")].iloc[0]
    summed = paths[:, 2:, 2].sum(axis=1)
    assert second["mean"] == pytest.approx(summed.mean())
    assert second["q0.1"] == pytest.approx(np.quantile(summed, 0.1))
    assert second["q0.9"] == pytest.approx(np.quantile(summed, 0.9))


def test_interval_of_a_sum_is_narrower_than_the_sum_of_intervals_of_independent_series(hierarchy):
    table = node_quantiles(make_paths(400), hierarchy, [0.1, 0.9]).set_index("unique_id")
    width = (table["q0.9"] - table["q0.1"]).groupby(level=0).mean()

    # Five independent series of one spread: sqrt(5) times one, not five times.
    assert width["total"] / width[list("abcde")].mean() == pytest.approx(np.sqrt(5), rel=0.15)


def test_aligned_paths_have_the_given_means_and_stay_non_negative(hierarchy):
    paths = make_paths()
    paths[:, 0] = 0  # nothing to stretch
    paths[:, 1] = np.where(np.arange(50) == 0, 1.0, 0.0)[:, None]  # a mean of .02, wanted 5
    wanted = np.random.default_rng(1).gamma(1, 3, (5, 4))
    wanted[1], wanted[2] = 5.0, 0.0

    moved = align_paths(paths, wanted)

    assert moved.min() >= 0
    np.testing.assert_allclose(moved.mean(axis=0), wanted, atol=1e-12)
    assert moved[:, 1].max() < 10, "no lone spike of 250"
    means = node_quantiles(moved, hierarchy, [0.5])["mean"].to_numpy().reshape(10, 4)
    np.testing.assert_allclose(means, hierarchy.add_up(wanted))


def test_aligned_paths_keep_their_zeros():
    paths = make_paths()
    paths[:20] = 0

    moved = align_paths(paths, paths.mean(axis=0) * 1.5)

    assert ((moved == 0) == (paths == 0)).all()


def test_signed_paths_are_shifted():
    paths = make_paths() - 5

    moved = align_paths(paths, np.zeros((5, 4)))

    np.testing.assert_allclose(moved, paths - paths.mean(axis=0), atol=1e-12)


def test_wrong_shapes_and_quantiles_are_refused(hierarchy):
    with pytest.raises(InvalidInput, match=r"\(n_paths, 5, horizon\), got \(2, 4, 3\)"):
        list(sum_paths(np.ones((2, 4, 3)), hierarchy))
    with pytest.raises(InvalidInput, match=r"between 0 and 1, got \[0.5, 90\]"):
        node_quantiles(make_paths(), hierarchy, [0.5, 90])
    with pytest.raises(InvalidInput, match="each of 4 steps, got 1"):
        node_quantiles(make_paths(), hierarchy, [0.5], ds=[1])
    with pytest.raises(InvalidInput, match=r"of \(50, 5, 4\), got \(5, 3\)"):
        align_paths(make_paths(), np.ones((5, 3)))
