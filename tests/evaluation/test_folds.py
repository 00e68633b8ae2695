"""Folds in time: nothing of the future is fitted."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from forecast.errors import InvalidInput
from forecast.evaluation.folds import as_time, rolling_origins, stratified_folds


@given(
    st.lists(st.integers(0, 200), min_size=5, max_size=120), st.integers(1, 6), st.floats(0, 60), st.floats(0.1, 0.7)
)
def test_every_label_of_a_fold_was_known_at_its_cutoff(
    times: list[int], n_folds: int, gap: float, first_share: float
) -> None:
    time = np.array(times, dtype=float)
    folds = rolling_origins(time, n_folds=n_folds, gap=gap, first_share=first_share)
    assert len(folds) <= n_folds
    for fold in folds:
        assert (time[fold.train] + gap <= fold.cutoff).all()
        assert (time[fold.train] < fold.cutoff).all()
        assert (time[fold.valid] >= fold.cutoff).all()
    valid = np.concatenate([fold.valid for fold in folds]) if folds else np.zeros(0)
    assert len(valid) == len(np.unique(valid))


def test_rolling_origins_by_hand() -> None:
    folds = rolling_origins(np.arange(10.0), n_folds=2, gap=2.0, first_share=0.3)

    assert [fold.cutoff for fold in folds] == [4.0, 7.0]
    assert [fold.train.tolist() for fold in folds] == [[0, 1, 2], [0, 1, 2, 3, 4, 5]]
    assert [fold.valid.tolist() for fold in folds] == [[4, 5, 6], [7, 8, 9]]


def test_there_is_no_fold_when_the_gap_is_longer_than_the_history() -> None:
    assert rolling_origins(np.arange(10.0), n_folds=3, gap=30.0) == []
    assert rolling_origins(np.zeros(10), n_folds=3) == []


def test_stratified_folds_keep_groups_together() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 40, 200)
    y = (groups % 3 == 0).astype(float)

    folds = stratified_folds(y, groups=groups, n_folds=4)

    assert len(folds) == 4
    assert all(not set(groups[fold.train]) & set(groups[fold.valid]) for fold in folds)
    assert sorted(np.concatenate([fold.valid for fold in folds])) == list(range(200))


def test_stratified_folds_are_as_many_as_the_rarer_class_allows() -> None:
    assert len(stratified_folds(np.array([1, 1, 0, 0, 0, 0]), n_folds=5)) == 2
    assert stratified_folds(np.array([1, 0, 0, 0]), n_folds=5) == []


def test_as_time_is_days_in_utc_whatever_the_zone() -> None:
    moments = pd.Series(pd.to_datetime(["2026-01-01T00:00:00+08:00", "2026-01-01T12:00:00+08:00"]))

    assert_allclose(as_time(moments, 2), np.array([20453.666667, 20454.166667]), atol=1e-6)
    assert_allclose(as_time(pd.to_datetime(["1970-01-02"]), 1), [1.0])
    assert_allclose(as_time(np.array([3, 4]), 2), [3.0, 4.0])


def test_as_time_refuses_missing_moments_and_wrong_lengths() -> None:
    with pytest.raises(InvalidInput, match="1 missing values"):
        as_time(pd.Series([pd.Timestamp("2026-01-01"), pd.NaT]), 2)
    with pytest.raises(InvalidInput, match="got 1 for 2 rows"):
        as_time([1.0], 2)
