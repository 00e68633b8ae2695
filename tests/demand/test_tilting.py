"""Laws get the mean that is forecast, and change no more than that takes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from forecast.demand.tilting import MAX_TILT, part_means, tilted

CHANCES = np.array([0.1, 0.2, 0.3, 0.3, 0.1])
POINTS = st.lists(st.floats(-50, 50), min_size=4, max_size=4).map(sorted)


@pytest.mark.parametrize(
    ("is_integer", "non_negative", "expected"),
    [
        (False, False, [-1, 0, 1.5, 3, 4]),
        (False, True, [0, 0.25, 1.5, 3, 4]),  # half of the first line is 0, the other half lies around 1/2
        (True, True, [0, 0.25, 1.5, 3, 4]),
        (True, False, [-1, 0, 1.5, 3, 4]),
    ],
)
def test_means_of_the_parts_by_hand(is_integer, non_negative, expected):
    points = np.array([-1.0, 1.0, 2.0, 4.0])

    assert part_means(points, is_integer=is_integer, non_negative=non_negative) == pytest.approx(expected)


@given(points=POINTS, is_integer=st.booleans(), non_negative=st.booleans())
@settings(deadline=None)
def test_means_of_the_parts_are_those_of_fine_steps(points, is_integer, non_negative):
    found = part_means(np.array(points), is_integer=is_integer, non_negative=non_negative)

    steps = (np.arange(4000) + 0.5) / 4000
    values = np.array([low + (high - low) * steps for low, high in pairwise(points)])
    values = np.rint(values) if is_integer else values
    values = np.maximum(values, 0) if non_negative else values
    np.testing.assert_allclose(found[1:-1], values.mean(axis=1), atol=0.02)


@given(
    means=st.lists(st.integers(0, 1000), min_size=5, max_size=5, unique=True).map(sorted),
    share=st.floats(0, 1),
    unit=st.sampled_from([1e-6, 1.0, 1e6]),
)
@settings(deadline=None)
def test_chances_have_the_wanted_mean_or_go_as_far_as_they_may(means, share, unit):
    parts = np.array(means) * unit
    wanted = parts[0] + share * (parts[-1] - parts[0])

    moved = tilted(CHANCES, parts, np.asarray(wanted))

    assert moved.sum() == pytest.approx(1)
    assert (moved >= 0).all()
    own, deviation = parts @ CHANCES, np.sqrt((parts - parts @ CHANCES) ** 2 @ CHANCES)
    reached = parts @ moved
    if abs(reached - wanted) > 1e-7 * deviation:  # out of reach: nearer than before, at the furthest tilt
        assert abs(reached - wanted) <= abs(own - wanted)
        furthest = CHANCES * np.exp(np.sign(wanted - own) * MAX_TILT * (parts - wanted) / deviation)
        np.testing.assert_allclose(moved, furthest / furthest.sum(), atol=1e-6)


def test_a_law_with_the_wanted_mean_stays_as_it_is():
    parts = np.array([0.0, 1.0, 2.0, 5.0, 9.0])

    np.testing.assert_allclose(tilted(CHANCES, parts, parts @ CHANCES), CHANCES)


def test_no_other_chances_with_that_mean_are_nearer():
    parts, wanted = np.array([0.0, 1.0, 2.0, 5.0, 9.0]), 2.0

    moved = tilted(CHANCES, parts, np.asarray(wanted))

    nearest = minimize(
        lambda p: float(np.sum(p * np.log(p / CHANCES))),
        CHANCES,
        bounds=[(1e-9, 1)] * 5,
        constraints=[
            {"type": "eq", "fun": lambda p: p.sum() - 1},
            {"type": "eq", "fun": lambda p: p @ parts - wanted},
        ],
        tol=1e-12,
    )
    np.testing.assert_allclose(moved, nearest.x, atol=1e-4)
