"""The sparse solver at the size of M5, judged by the conditions of the optimum."""

import time

import numpy as np
import pandas as pd
import pytest

from forecast.demand.hierarchy import Hierarchy
from forecast.demand.mint import Covariance, conjugate_gradients, mint

#: Columns of M5's levels above its 30,490 series.
LEVELS = (
    (), ("state",), ("store",), ("cat",), ("dept",), ("state", "cat"), ("state", "dept"),
    ("store", "cat"), ("store", "dept"), ("item",), ("item", "state"),
)  # fmt: skip


def like_m5():
    item, store = (grid.ravel() for grid in np.meshgrid(np.arange(3049), np.arange(10), indexing="ij"))
    columns = {"item": item, "store": store, "state": store // 4, "dept": item % 7, "cat": item % 7 // 3}
    return Hierarchy.of(pd.DataFrame(columns | {"unique_id": [f"s{i}" for i in range(len(item))]}), LEVELS)


@pytest.mark.slow
def test_non_negative_mint_meets_the_conditions_of_the_optimum_on_42840_nodes_in_time():
    hierarchy, rng = like_m5(), np.random.default_rng(0)
    truth = hierarchy.add_up(rng.gamma(0.5, 2, (hierarchy.n_bottom, 10)))
    base = truth * (1 + 0.1 * rng.normal(size=truth.shape)) - 0.5 * (rng.random(truth.shape) < 0.02)
    variance = hierarchy.n_leaves * rng.uniform(0.5, 2, hierarchy.n_nodes)

    start = time.process_time()
    bottom = mint(base, hierarchy, Covariance.of_diagonal(variance), non_negative=True)
    seconds = time.process_time() - start

    assert hierarchy.n_nodes == 42_840
    assert seconds < 60, seconds
    pull = hierarchy.summing.T @ ((base - hierarchy.add_up(bottom)) / variance[:, None])
    steps = pull * variance[hierarchy.n_upper :, None]  # in units
    assert (bottom == 0).any()
    np.testing.assert_allclose(steps[bottom > 0], 0, atol=1e-3)
    assert steps[bottom == 0].max() < 1e-3


def test_low_rank_covariance_equals_its_dense_sum():
    hierarchy = Hierarchy.of(pd.DataFrame({"unique_id": list("abcd"), "g": [1, 1, 2, 2]}), [(), ("g",)])
    rng = np.random.default_rng(0)
    diagonal, factor, base = rng.uniform(1, 2, 7), rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    s, inverse = hierarchy.summing.toarray(), np.linalg.inv(np.diag(diagonal) + factor @ factor.T)

    bottom = mint(base, hierarchy, Covariance(diagonal, factor))

    np.testing.assert_allclose(bottom, np.linalg.solve(s.T @ inverse @ s, s.T @ inverse @ base), atol=1e-8)


def test_hierarchy_without_upper_nodes_leaves_forecasts_alone():
    hierarchy = Hierarchy.of(pd.DataFrame({"unique_id": ["a", "b"]}), [])

    bottom = mint(np.array([[1.0], [-2.0]]), hierarchy, Covariance.of_diagonal(np.ones(2)), non_negative=True)

    np.testing.assert_allclose(bottom, [[1.0], [0.0]])


def test_conjugate_gradients_solves_each_column_and_keeps_a_right_start():
    matrix = np.array([[4.0, 1.0], [1.0, 3.0]])
    right = np.array([[1.0, 0.0, 6.0], [2.0, 0.0, 7.0]])
    expected = np.linalg.solve(matrix, right)

    for start in (None, expected):
        x = conjugate_gradients(lambda v: matrix @ v, lambda v: v, right, tolerance=1e-12, start=start)
        np.testing.assert_allclose(x, expected, atol=1e-12)
