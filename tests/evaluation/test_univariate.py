"""What one column alone tells, out of fold."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import log_loss, roc_auc_score

from forecast.evaluation.univariate import auc, log_loss_share, out_of_fold_rates, univariate_auc


def test_rates_are_those_of_the_other_folds_shrunk_by_two_rows_of_the_base():
    code, y, fold = np.array([0, 0, 0, 1]), np.array([1, 1, 0, 0]), np.array([0, 1, 1, 0])

    rates = out_of_fold_rates(code, y, fold, n_folds=2)

    # others of fold 0: (1, 0) of code 0, base 1/2; others of fold 1: 1 of code 0 and 0 of code 1, base 1/2
    assert_allclose(rates, [(1 + 1) / 4, (1 + 1) / 3, (1 + 1) / 3, 1 / 2])


def test_auc_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    y, score = rng.integers(0, 2, 200), rng.integers(0, 5, 200).astype(float)

    assert_allclose(auc(y, score), roc_auc_score(y, score))
    assert auc(np.ones(3, dtype=int), np.arange(3.0)) == 0.5


def test_log_loss_share_is_one_less_the_ratio_of_log_losses():
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, 100), rng.uniform(0.1, 0.9, 100)

    assert_allclose(log_loss_share(y, p), 1 - log_loss(y, p) / log_loss(y, np.full(100, y.mean())))
    assert log_loss_share(np.zeros(4, dtype=int), p[:4]) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_a_value_of_its_own_for_every_row_tells_nothing(seed):
    rng = np.random.default_rng(seed)
    n = 2000

    assert univariate_auc(np.arange(n), rng.integers(0, 2, n), rng.integers(0, 5, n)) < 0.56
