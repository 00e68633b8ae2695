"""Gains and lift: by hand, and scikit-learn's ROC as an oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import roc_auc_score as sklearn_auc

from forecast.errors import InvalidInput
from forecast.evaluation.metrics import gains_curve, gains_score, lift_score, roc_auc_interval, roc_auc_score

Y = [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
P = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05]


def test_gains_and_lift_by_hand() -> None:
    assert gains_score(Y, P, share=0.1) == 0.5
    assert lift_score(Y, P, share=0.1) == pytest.approx(5)
    assert lift_score(Y, P, share=0.3) == pytest.approx(1 / 0.3)
    assert lift_score(Y, P, share=1) == 1


def test_curve_goes_from_nothing_to_everything() -> None:
    curve = gains_curve(Y, P)

    assert curve.iloc[0][["share", "gains"]].tolist() == [0, 0]
    assert curve.iloc[-1][["share", "gains", "lift"]].tolist() == [1, 1, 1]
    assert curve["threshold"].tolist() == [np.inf, *P]
    assert_allclose(curve["gains"][:4], [0, 0.5, 0.5, 1])


def test_equal_predictions_have_no_order() -> None:
    assert lift_score([1, 0, 0, 0], [0.4] * 4, share=0.25) == 1
    # The upper half is two of three equal ones: their mean rate counts.
    assert gains_score([1, 0, 0, 0], [0.4, 0.4, 0.4, 0.1], share=0.5) == pytest.approx(2 / 3)


def test_rows_of_weight_zero_do_not_count() -> None:
    weighted = gains_curve([1, 0, 1], [0.9, 0.5, 0.2], sample_weight=[0, 1, 1])

    assert_allclose(weighted[["share", "gains"]], [[0, 0], [0.5, 0], [1, 1]])


@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(0, 8)), min_size=2, max_size=40))
def test_area_under_the_gains_is_the_auc(rows: list[tuple[int, int]]) -> None:
    y, p = np.array(rows).T
    if len(set(y)) < 2:
        return
    curve = gains_curve(y, p / 8)

    # Area = AUC (1 - rate) + rate / 2: of each win's place, part is among other wins.
    area = np.trapezoid(curve["gains"], curve["share"])
    assert_allclose(area, sklearn_auc(y, p) * (1 - y.mean()) + y.mean() / 2, rtol=1e-9)


def test_nothing_won_has_no_lift() -> None:
    assert np.isnan(lift_score([0, 0], [0.2, 0.4]))


def test_share_outside_0_to_1_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"got 1\.5"):
        lift_score(Y, P, share=1.5)


def test_auc_interval_without_clusters_is_delong_s() -> None:
    # By hand: wins at .8 and .4, others at .6 and .2. Wins beat 2 and 1 of 2, others lose to 1 and 2 of 2; area .75.
    # Each side varies by .25²; each of four rows has a share of ±.25 / 2: 4 x .125² x 4 / 3.
    low, high = roc_auc_interval([1, 1, 0, 0], [0.8, 0.4, 0.6, 0.2], level=50)

    assert_allclose(high - low, 2 * 0.6744897501960817 * np.sqrt(4 * 0.125**2 * 4 / 3))


def test_auc_interval_covers_half_when_there_is_nothing_to_rank_by() -> None:
    covered = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        entity = np.repeat(np.arange(150), 3)
        p, y = rng.random(150)[entity], (rng.random(150) < 0.3)[entity]
        low, high = roc_auc_interval(y, p, clusters=entity)
        covered.append(low <= 0.5 <= high)
    assert 0.92 <= np.mean(covered) <= 0.98, np.mean(covered)


def test_repeated_rows_of_one_entity_do_not_sharpen_the_auc() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(100)
    y = rng.random(100) < p

    once = roc_auc_interval(y, p)
    repeated = roc_auc_interval(np.tile(y, 4), np.tile(p, 4), clusters=np.tile(np.arange(100), 4))

    assert_allclose(repeated, once)
    assert once[0] < roc_auc_score(y, p) < once[1]


def test_auc_interval_with_one_outcome_is_nan() -> None:
    assert np.isnan(roc_auc_interval([1, 1], [0.2, 0.4])).all()
