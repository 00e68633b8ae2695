from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from forecast.performance import Spells, expect
from forecast.performance.expectation import expect_share

LIMITS = np.array([0.0, 10.0, 20.0, 30.0])


def spells_of(*rows):
    """Rows of person, case, start, until, ended (None: not), succeeded."""
    person, case, start, until, ended, succeeded = zip(*rows, strict=True)
    return Spells(
        np.array(person), np.array(case), np.array(start, float), np.array(until, float),
        np.array([np.inf if one is None else one for one in ended]), np.array(succeeded, bool),
    )  # fmt: skip


def test_a_case_is_cut_at_the_windows_until_it_ends():
    pieces = expect(spells_of((0, 0, 5, 30, 22, True)), pd.DataFrame(index=[0]), LIMITS)

    assert pieces.window.tolist() == [0, 1, 2]
    assert pieces.succeeded.tolist() == [False, False, True]


def test_a_case_beyond_the_windows_counts_inside_them_only():
    pieces = expect(
        spells_of((0, 0, -50, 12, None, False), (0, 1, 40, 60, None, False)), pd.DataFrame(index=[0, 1]), LIMITS
    )

    assert pieces.window.tolist() == [0, 1]
    assert pieces.spell.tolist() == [0, 0]


@given(start=st.floats(-20, 40), lasts=st.floats(0.01, 60), ends=st.floats(0.01, 60))
def test_pieces_cover_the_time_at_risk_once(start, lasts, ends):
    spells = spells_of((0, 0, start, start + lasts, start + ends, True))

    pieces = expect(spells, pd.DataFrame(index=[0]), LIMITS)

    at_risk = np.minimum(lasts, ends)
    touched = [w for w in range(3) if start < LIMITS[w + 1] and start + at_risk > LIMITS[w]]
    assert pieces.window.tolist() == touched
    inside = ends <= lasts and 0 < start + ends <= 30
    assert pieces.succeeded.sum() == inside


def test_nothing_is_expected_of_one_alone(made_spells):
    made = made_spells(0)
    alone = replace(made.spells, person=np.zeros_like(made.spells.person))

    assert np.isnan(expect(alone, made.X, made.limits).expected).all()


def test_expectations_add_up_to_what_came(made_spells):
    made = made_spells(1)

    pieces = expect(made.spells, made.X, made.limits)

    for window in range(1, 8):
        inside = pieces.window == window
        assert pieces.expected[inside].sum() == pytest.approx(pieces.succeeded[inside].sum(), rel=0.05)


def test_expectations_are_right_for_rich_and_poor_cases_when_people_do_not_differ(made_spells):
    made = made_spells(2, skill=0, luck=0, per_quarter=100)

    pieces = expect(made.spells, made.X, made.limits)

    thirds = pd.qcut(made.X["x"].to_numpy()[pieces.spell], 3, labels=False)
    for third in range(3):
        came, expected = pieces.succeeded[thirds == third].sum(), pieces.expected[thirds == third].sum()
        assert abs(came - expected) < 3 * np.sqrt(expected) + 0.05 * expected


def test_what_a_person_does_changes_nothing_that_is_expected_of_that_person(made_spells):
    made = made_spells(3)
    own = made.spells.person == 4
    others_win = replace(
        made.spells,
        succeeded=np.where(own, np.isfinite(made.spells.ended), made.spells.succeeded),
        ended=np.where(
            own & np.isfinite(made.spells.ended), (made.spells.start + made.spells.last) / 2, made.spells.ended
        ),
    )

    before, after = (expect(spells, made.X, made.limits) for spells in (made.spells, others_win))

    def first_pieces(pieces):  # earlier endings leave fewer later pieces
        mine = np.flatnonzero(pieces.person == 4)
        return pd.Series(pieces.expected[mine], pieces.spell[mine]).groupby(level=0).first()

    assert_array_equal(first_pieces(before), first_pieces(after))


def test_a_case_handed_on_counts_for_each_by_the_time_it_was_there(made_spells):
    made = made_spells(4, skill=0)
    spells, n = made.spells, len(made.spells.case)
    handed = Spells(
        np.concatenate([spells.person, [0, 1, 2]]),
        np.concatenate([spells.case, [n, n, n + 1]]),
        np.concatenate([spells.start, [100.0, 120.0, 100.0]]),
        np.concatenate([spells.until, [120.0, 720.0, 720.0]]),
        np.concatenate([spells.ended, [np.inf, 200.0, 200.0]]),
        np.concatenate([spells.succeeded, [False, True, True]]),
    )
    X = pd.concat([made.X, made.X.iloc[[0, 0, 0]]], ignore_index=True)

    pieces = expect(handed, X, np.array([0.0, 720.0]))

    first, second, whole = (pieces.expected[pieces.spell == n + i][0] for i in range(3))
    assert 0 < first < second
    assert first < 0.5 * whole
    assert second == pytest.approx(whole, abs=0.05)  # 600 days of its own, which start at the handing on
    assert pieces.succeeded[pieces.spell >= n].tolist() == [False, True, True]


def test_share_expected_of_a_person_is_that_of_everybody_else():
    person = np.repeat([0, 1, 2], 200)
    succeeded = np.concatenate([np.ones(200, bool), np.tile([True, False, False, False], 100)])
    zeros = np.zeros(600, dtype=np.int64)

    share = expect_share(person, zeros, zeros, succeeded, 3)

    assert_allclose(share[:200], 0.25, atol=1e-9)
    assert_allclose(share[200:], (200 + 50) / 400, atol=1e-9)


def test_share_of_a_kind_without_others_is_that_of_all_kinds():
    person, kind = np.array([0, 0, 1, 1]), np.array([7, 7, 0, 0])
    zeros = np.zeros(4, dtype=np.int64)

    share = expect_share(person, kind, zeros, np.array([True, True, False, True]), 2)

    assert_allclose(share[:2], 0.5)
