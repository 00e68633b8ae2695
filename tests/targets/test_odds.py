import numpy as np
import pytest

from forecast.errors import InvalidInput
from forecast.targets import attainment_odds, attainment_odds_by_group

PATHS = [[0, 5, 1], [10, 6, 1], [10, 7, 1], [20, 8, 1]]


def test_attainment_odds_count_paths_that_reach_the_target():
    np.testing.assert_array_equal(attainment_odds(PATHS, [10, 8, 1]), [0.75, 0.25, 1.0])


def test_attainment_counts_whole_cents():
    assert attainment_odds([[0.7 + 0.1]], [0.8]).tolist() == [1.0]  # 0.7999999999999999 in floating point


def test_group_odds_add_paths_before_comparing():
    odds = attainment_odds_by_group(PATHS, [10, 7, 1], ["north", "south", "north"])

    assert odds == {"north": 0.75, "south": 0.5}


def test_odds_fail_when_targets_do_not_fit():
    with pytest.raises(InvalidInput, match=r"each of 3 owners, got shape \(2,\)"):
        attainment_odds(PATHS, [1, 2])
    with pytest.raises(InvalidInput, match="each of 3 owners, got 1"):
        attainment_odds_by_group(PATHS, [1, 2, 3], ["north"])
