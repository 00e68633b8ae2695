"""Importance: mean absolute points, of features or of whole reasons."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecast.attribution import importance, summed_by

POINTS = pd.DataFrame({"a__x": [0.1, -0.1], "a__y": [-0.1, 0.1], "b": [0.02, 0.04]})


def test_importance_is_the_mean_size_of_the_points() -> None:
    table = importance(POINTS)

    assert table["name"].tolist() == ["a__x", "a__y", "b"]
    np.testing.assert_allclose(table["mean_abs_points"], [0.1, 0.1, 0.03])
    np.testing.assert_allclose(table["share"], [10 / 23, 10 / 23, 3 / 23])


def test_features_that_cancel_out_make_no_important_reason() -> None:
    table = importance(summed_by(POINTS, lambda name: name[0]))

    assert table["name"].tolist() == ["b", "a"]
    np.testing.assert_allclose(table["mean_abs_points"], [0.03, 0.0], atol=1e-15)


def test_importance_of_nothing_is_nothing() -> None:
    assert importance(POINTS[:0])["share"].tolist() == [0.0] * 3
    assert importance(0 * POINTS)["share"].tolist() == [0.0] * 3


@given(arrays(np.float64, (4, 5), elements=st.floats(-1, 1)))
def test_sums_of_groups_keep_the_sum_of_each_row(values: np.ndarray) -> None:
    points = pd.DataFrame(values, columns=list("pqrst"))

    grouped = summed_by(points, lambda name: "early" if name < "r" else "late")

    np.testing.assert_allclose(grouped.sum(axis=1), points.sum(axis=1), atol=1e-12)
    np.testing.assert_allclose(grouped["early"], points["p"] + points["q"], atol=1e-12)
