"""Small-leaved trees: reproducible, additive, storable."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from forecast.conversion.trees import TreeMember, fit_trees, tree_parameters

rng = np.random.default_rng(0)
MATRIX = np.column_stack([rng.normal(size=1500), rng.integers(0, 4, 1500).astype(float), rng.normal(size=1500)])
MATRIX[::9, 0] = np.nan
Y = (rng.random(1500) < expit(np.nan_to_num(MATRIX[:, 0]) * (MATRIX[:, 1] == 2) - 1)).astype(float)
PARAMETERS = tree_parameters(1500, num_leaves=8, learning_rate=0.05, random_state=0)


@pytest.fixture(scope="module")
def member() -> TreeMember:
    return fit_trees(MATRIX, Y, categories=[1], n_trees=40, parameters=PARAMETERS)[0]


def test_contributions_add_up_to_the_log_odds(member: TreeMember) -> None:
    parts, expected = member.contributions(MATRIX)

    assert_allclose(expected + parts.sum(axis=1), member.log_odds(MATRIX), atol=1e-12)


def test_second_fit_is_the_same(member: TreeMember) -> None:
    again = fit_trees(MATRIX, Y, categories=[1], n_trees=40, parameters=PARAMETERS)[0]

    assert again.text == member.text


def test_stored_model_predicts_the_same(member: TreeMember) -> None:
    assert_array_equal(TreeMember(member.text).log_odds(MATRIX), member.log_odds(MATRIX))


def test_unseen_level_and_missing_value_are_predicted(member: TreeMember) -> None:
    assert np.isfinite(member.log_odds(np.array([[np.nan, 17.0, 0.0], [0.0, np.nan, np.nan]]))).all()


def test_losses_on_later_rows_stop_the_fit() -> None:
    noise = np.random.default_rng(1).integers(0, 2, 500).astype(float)

    fitted, losses = fit_trees(
        MATRIX[:1000], Y[:1000], categories=[1], n_trees=300, parameters=PARAMETERS, valid=(MATRIX[1000:], noise),
        patience=5,
    )  # fmt: skip

    assert fitted.n_trees == len(losses) < 300
