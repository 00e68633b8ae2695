"""Small-leaved trees: reproducible, additive, storable."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from forecast.conversion.trees import TreeMember, fit_trees, grow_trees, tree_parameters

rng = np.random.default_rng(0)
MATRIX = np.column_stack([rng.normal(size=1500), rng.integers(0, 4, 1500).astype(float), rng.normal(size=1500)])
MATRIX[::9, 0] = np.nan
Y = (rng.random(1500) < expit(np.nan_to_num(MATRIX[:, 0]) * (MATRIX[:, 1] == 2) - 1)).astype(float)
PARAMETERS = tree_parameters(1500, num_leaves=8, learning_rate=0.05, random_state=0)


@pytest.fixture(scope="module")
def member() -> TreeMember:
    return fit_trees(MATRIX, Y, categories=[1], n_trees=40, parameters=PARAMETERS)


def test_contributions_add_up_to_the_log_odds(member: TreeMember) -> None:
    rest = member.log_odds(MATRIX) - member.contributions(MATRIX).sum(axis=1)

    assert_allclose(rest, rest[0], atol=1e-12)  # SHAP's expectation is one number for all rows


def test_second_fit_is_the_same(member: TreeMember) -> None:
    again = fit_trees(MATRIX, Y, categories=[1], n_trees=40, parameters=PARAMETERS)

    assert again.text == member.text


def test_stored_model_predicts_the_same(member: TreeMember) -> None:
    assert_array_equal(TreeMember(member.text).log_odds(MATRIX), member.log_odds(MATRIX))


def test_unseen_level_and_missing_value_are_predicted(member: TreeMember) -> None:
    assert np.isfinite(member.log_odds(np.array([[np.nan, 17.0, 0.0], [0.0, np.nan, np.nan]]))).all()


def test_trees_watched_while_they_grow_are_those_of_a_fit_of_as_many() -> None:
    parameters = PARAMETERS | {"min_data_in_leaf": 200}
    matrix = np.column_stack([MATRIX, np.arange(len(MATRIX)) % 40 == 0])  # too rare to split on: never drawn
    growing = grow_trees(matrix, Y, matrix[::3], categories=[1], parameters=parameters)

    for n_trees in (10, 25, 40):
        whole = fit_trees(matrix, Y, categories=[1], n_trees=n_trees, parameters=parameters)
        assert_allclose(growing.grown_to(n_trees), whole.log_odds(matrix[::3]), atol=1e-12)


def test_rows_without_weight_teach_nothing() -> None:
    half = np.repeat([1.0, 0.0], [1000, 500])
    turned = np.where(half > 0, Y, 1 - Y)

    weighted = fit_trees(MATRIX, turned, categories=[1], n_trees=20, parameters=PARAMETERS, row_weight=half)

    assert_allclose(weighted.log_odds(MATRIX).mean(), np.log(Y[:1000].mean() / (1 - Y[:1000].mean())), atol=0.2)


def test_leaves_hold_as_many_entities_whether_these_have_one_row_or_five() -> None:
    arguments = {"num_leaves": 8, "learning_rate": 0.05, "random_state": 0}

    assert tree_parameters(4000, **arguments)["min_data_in_leaf"] == 20
    assert tree_parameters(20_000, n_entities=4000, **arguments)["min_data_in_leaf"] == 100
