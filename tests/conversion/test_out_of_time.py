"""What is chosen on held-out rows, and the refit: neither hangs on a few rows or on the draws of columns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecast.conversion import ConversionModel, out_of_time
from forecast.conversion.encoding import TableEncoder
from forecast.conversion.members import TrainingTable
from forecast.conversion.out_of_time import HeldOut, Recipe, choice_probabilities, refit
from forecast.conversion.trees import GrowingTrees, TreeMember, fit_trees
from forecast.evaluation.combination import log_losses_at

ONES, BLOCKS = np.ones(4), np.array([0, 0, 1, 1])


def test_candidates_that_say_the_same_keep_their_prior_probabilities() -> None:
    z = np.zeros((4, 2))

    found = choice_probabilities(
        z, np.array([0.0, 1.0, 0.0, 1.0]), BLOCKS, ONES, np.array([0.0, np.log(3)]), timed=True
    )

    assert_allclose(found, [0.75, 0.25])


def test_probabilities_are_likelihoods_over_their_sum_when_priors_are_equal() -> None:
    p = np.array([0.5, 0.8])
    z = np.tile(np.log(p / (1 - p)), (4, 1))

    found = choice_probabilities(z, ONES, BLOCKS, ONES, np.zeros(2), timed=False)

    assert_allclose(found, p**4 / (p**4).sum())


def test_blocks_that_disagree_leave_more_to_the_prior() -> None:
    rng = np.random.default_rng(0)
    y, blocks = np.repeat([1.0, 0.0], [60, 40]), np.repeat([0, 1], [60, 40])
    z = np.column_stack([np.zeros(100), np.full(100, 0.3)]) + rng.normal(0, 1e-3, (100, 2))

    prior, weight = np.zeros(2), np.ones(100)
    moving = choice_probabilities(z, y, blocks, weight, prior, timed=True)
    still = choice_probabilities(z, y, blocks, weight, prior, timed=False)

    assert 0.5 < moving[1] < still[1]


def test_refit_of_few_trees_hangs_less_on_the_draws_of_columns() -> None:
    rng = np.random.default_rng(1)
    signal = rng.normal(size=600)
    X = pd.DataFrame({f"copy_{k}": signal + 0.3 * rng.normal(size=600) for k in range(6)})
    y = (rng.random(600) < 1 / (1 + np.exp(-signal))).astype(float)
    table = TrainingTable.prepare(X, y, TableEncoder().fit(X), np.arange(600), None)
    empty = np.zeros(0, dtype=int)
    held_out = HeldOut(empty, np.zeros((0, 1)), empty, {}, {"trees": 10}, np.zeros(0))

    fine, coarse = [], []
    for seed in range(6):
        recipe = Recipe(("trees",), (0.1,), 400, 8, 0.05, seed)
        member = refit(table, "trees", held_out, recipe)
        assert isinstance(member, TreeMember)
        fine.append(np.abs(member.contributions(table.matrix)).mean(axis=0))
        plain = fit_trees(table.matrix, y, categories=[], n_trees=10, parameters=recipe.tree_parameters(600, 600))
        coarse.append(np.abs(plain.contributions(table.matrix)).mean(axis=0))

    assert np.std(fine, axis=0).mean() < 0.5 * np.std(coarse, axis=0).mean()
    assert_allclose(np.mean(fine, axis=0).sum(), np.mean(coarse, axis=0).sum(), rtol=0.15)  # to the same place


@pytest.mark.parametrize("effect", [0.0, 0.7])
def test_trees_that_are_not_grown_would_have_changed_next_to_nothing(
    effect: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    X = pd.DataFrame(rng.normal(size=(2000, 4)), columns=list("abcd"))
    y = (rng.random(2000) < 1 / (1 + np.exp(1 - effect * X["a"] * X["b"]))).astype(float)
    grown = []
    growth = GrowingTrees.grown_to
    monkeypatch.setattr(GrowingTrees, "grown_to", lambda self, n: grown.append(n) or growth(self, n))

    stopped = ConversionModel().fit(X, y, time=np.arange(2000.0))
    most = max(grown)
    monkeypatch.setattr(out_of_time, "LEAST_PROBABILITY", 0.0)
    whole = ConversionModel().fit(X, y, time=np.arange(2000.0))

    assert most < max(grown) == 400
    assert stopped.n_trees_ == whole.n_trees_
    assert_allclose(stopped.out_of_time_.z, whole.out_of_time_.z, atol=0.001)


@pytest.mark.parametrize(("n_columns", "strength"), [(3, 0.1), (20, 0.1), (40, 0.05), (200, 0.01)])
def test_columns_together_move_a_line_no_more_the_wider_the_table(n_columns: int, strength: float) -> None:
    recipe = Recipe(("linear", "group_rate"), (0.001, 0.01, 0.1, 1.0), 400, 8, 0.05, 0, n_columns=n_columns)

    assert_allclose(HeldOut.nothing(recipe).strengths["linear"], strength)


def test_twenty_rows_of_many_columns_that_tell_nothing_cost_little() -> None:
    """True rate .2, entropy .5004 nats; the mean over tables of what a wide and a narrow table cost beyond it."""
    cost = {}
    for n_columns in (5, 80):
        losses = []
        for seed in range(12):
            rng = np.random.default_rng([seed, n_columns])
            X = pd.DataFrame(rng.normal(size=(2020, n_columns)), columns=[f"x{k}" for k in range(n_columns)])
            y = np.r_[np.repeat([1.0, 0.0], [4, 16]), rng.random(2000) < 0.2].astype(float)
            losses.append(log_losses_at(y[20:], ConversionModel().fit(X[:20], y[:20]).log_odds(X[20:])).mean())
        cost[n_columns] = float(np.mean(losses)) - 0.5004

    assert cost[80] < cost[5] + 0.02, cost
