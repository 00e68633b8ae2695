"""What a rep can change, and what follows from it."""

import numpy as np
import pandas as pd
import pytest

from forecast.conversion.levers import Lever, find_levers, is_activity, is_possible, with_sums
from forecast.errors import InvalidInput


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("interactions__phone__count_30d", True),
        ("interactions__kind_demo__days_since_last", True),
        ("interactions__plan__overdue", True),
        ("interactions__in__response_hours_median", True),
        ("interactions__out__count_7d", True),
        ("interactions__all__count_30d", False),  # follows from the others
        ("interactions__account_out__count_30d", False),
        ("interactions__in__count_30d", False),  # the customer's
        ("interactions__web__count_30d", False),
        ("interactions__out__unanswered_streak", False),  # the customer answers, or not
        ("attributes__amount", False),  # typed
        ("changes__expected_close__days_ahead", False),
        ("stage__current", False),
        ("owner__win_rate", False),
        ("colour", False),
    ],
)
def test_activity_is_what_a_rep_does(name: str, expected: bool) -> None:
    assert is_activity(name) is expected


def test_levers_are_the_reasons_of_what_can_be_changed() -> None:
    names = ["attributes__discount", "interactions__phone__count", "interactions__phone__count_7d", "stage__current"]

    assert find_levers(names) == [
        Lever("interactions.phone", ("interactions__phone__count", "interactions__phone__count_7d"))
    ]
    assert find_levers(names, ["attributes__discount"])[0] == Lever(
        "attributes.discount", ("attributes__discount",), named=True
    )
    with pytest.raises(InvalidInput, match=r"not there: \['price'\]"):
        find_levers(names, ["price"])


def test_what_was_done_cannot_be_undone() -> None:
    lever = Lever("interactions.phone", ("interactions__phone__count", "interactions__phone__days_since_last"))
    before = pd.DataFrame({lever.features[0]: [2.0] * 6, lever.features[1]: [10.0] * 5 + [np.nan]})
    after = pd.DataFrame(
        {lever.features[0]: [3.0, 1, 3, 2, 3, 3], lever.features[1]: [1.0, 1, 11, 10, np.nan, 1]},
    )

    # fewer calls, a last call further in the past, no change, a last call forgotten
    assert is_possible(lever, before, after).tolist() == [True, False, False, False, False, True]


def test_one_more_call_is_one_more_contact_of_ours_and_of_the_account() -> None:
    before = pd.DataFrame(
        {
            "interactions__phone__count_30d": [1.0],
            "interactions__phone__days_since_last": [20.0],
            "interactions__all__count_30d": [4.0],
            "interactions__all__count_90d": [9.0],
            "interactions__all__days_since_last": [6.0],
            "interactions__all__trend": [2 * 5 / 7],
            "interactions__out__count_30d": [2.0],
            "interactions__in__count_30d": [2.0],
            "interactions__account__count_30d": [14.0],
        }
    )
    changed = ["interactions__phone__count_30d", "interactions__phone__days_since_last"]
    after = before.assign(**dict(zip(changed, [3.0, 1.0], strict=True)))

    moved = with_sums(before, after, changed).iloc[0]

    assert moved["interactions__all__count_30d"] == 6
    assert moved["interactions__out__count_30d"] == 4
    assert moved["interactions__account__count_30d"] == 16
    assert moved["interactions__in__count_30d"] == 2  # what the customer does is not ours to change
    assert moved["interactions__all__days_since_last"] == 1
    assert moved["interactions__all__count_90d"] == 9  # no count of 90 days was changed
    assert moved["interactions__all__trend"] == 2 * 7 / 5
