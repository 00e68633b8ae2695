"""Gains and lift: by hand, and scikit-learn's ROC as an oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import roc_auc_score as sklearn_auc

from forecast.errors import InvalidInput
from forecast.evaluation.metrics import gains_curve, gains_score, lift_score

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
