"""What would raise a score: possible, seen, exactly as stated, and nothing where nothing helps."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from forecast.conversion import ConversionModel
from forecast.conversion.counterfactual import MIN_GAIN, Donors
from forecast.conversion.levers import find_levers

CALLS, MAILS = ("interactions__phone__count_30d", "interactions__phone__days_since_last"), "interactions__email__count"


def table(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    calls = rng.poisson(2, n).astype(float)
    return pd.DataFrame(
        {
            "stage__current": rng.choice(["new", "offer"], n),
            "attributes__amount": rng.lognormal(8, 1, n),
            CALLS[0]: calls,
            CALLS[1]: np.where(calls > 0, rng.integers(1, 30, n), np.nan),
            MAILS: rng.poisson(1, n).astype(float),
            "interactions__all__count_30d": calls + rng.poisson(1, n),
            "calendar__age_days": rng.uniform(1, 100, n),
        }
    )


def log_odds(X: pd.DataFrame) -> np.ndarray:
    """Calls raise the score, mails lower it, a call long ago lowers it a little."""
    recent = X[CALLS[1]].fillna(60).to_numpy(dtype=float)
    return -2 + 0.4 * X[CALLS[0]].to_numpy(dtype=float) - 0.3 * X[MAILS].to_numpy(dtype=float) - 0.01 * recent


def changed_rows(X: pd.DataFrame, row: int, found: list) -> pd.DataFrame:
    """The row after each change, made from what is stated alone."""
    rows = X.iloc[[row] * len(found)].reset_index(drop=True)
    for number, one in enumerate(found):
        for name, (_, to) in {**one.changes, **one.follows}.items():
            rows.loc[number, name] = np.nan if to is None else to
    return rows


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_changes_are_possible_seen_and_worth_exactly_what_is_stated(seed: int) -> None:
    train, X = table(300, seed), table(4, seed + 1)
    donors = Donors.fit(train, group="stage__current")
    changeable = {name for lever in find_levers(list(X)) for name in lever.features}

    for row, found in enumerate(donors.find(log_odds, X)):
        before = expit(log_odds(X.iloc[[row]]))[0]
        alike = train[train["stage__current"] == X["stage__current"][row]]
        if found:
            np.testing.assert_allclose(
                expit(log_odds(changed_rows(X, row, found))), [one.probability for one in found], atol=1e-12
            )
        for one in found:
            assert set(one.changes) <= changeable
            assert set(one.follows) <= {"interactions__all__count_30d"}
            assert one.gain == pytest.approx(one.probability - before, abs=1e-12)
            assert one.gain >= MIN_GAIN
            for name, (_, to) in one.changes.items():
                assert alike[name].isna().any() if to is None else (alike[name] == to).any()
        gains = [one.gain for one in found]
        assert gains == sorted(gains, reverse=True)


def test_values_of_one_reason_come_from_one_case() -> None:
    train, X = table(300), table(20, 1)

    for found in Donors.fit(train).find(log_odds, X):
        for one in found:
            if set(CALLS) <= set(one.changes):
                together = (train[CALLS[0]] == one.changes[CALLS[0]][1]) & (train[CALLS[1]] == one.changes[CALLS[1]][1])
                assert together.any()


def test_nothing_is_offered_when_nothing_raises_the_score() -> None:
    train, X = table(100), table(5, 1)

    assert Donors.fit(train).find(lambda rows: np.full(len(rows), -1.0), X) == [[]] * 5
    assert Donors.fit(train).find(lambda rows: -0.5 * rows[CALLS[0]].to_numpy() - rows[MAILS].to_numpy(), X) == [[]] * 5
    assert Donors.fit(train[["attributes__amount"]]).find(lambda rows: np.zeros(len(rows)), X) == [[]] * 5


def test_the_smallest_change_of_nearly_the_largest_gain_is_shown() -> None:
    train = table(300).assign(**{CALLS[0]: np.arange(300) % 30, CALLS[1]: 1.0})
    X = table(1).assign(**{CALLS[0]: 0.0, CALLS[1]: 1.0})

    (found,) = Donors.fit(train).find(lambda rows: 2.0 * np.minimum(rows[CALLS[0]].to_numpy(dtype=float), 3) - 3, X)

    assert found[0].changes == {CALLS[0]: (0.0, 3.0)} or found[0].changes == {CALLS[0]: (0.0, 2.0)}


def test_changes_are_taken_from_cases_of_the_same_group_that_are_not_much_older() -> None:
    train = table(300)
    train[CALLS[0]] = np.where(
        train["stage__current"] == "offer", 9.0, np.where(train["calendar__age_days"] > 50, 7, 5)
    )
    X = table(1).assign(**{"stage__current": "new", "calendar__age_days": 10.0, CALLS[0]: 1.0})

    (found,) = Donors.fit(train, group="stage__current").find(log_odds, X)

    assert found[0].changes[CALLS[0]] == (1.0, 5.0)


def test_a_pair_is_shown_only_when_it_brings_more_than_either_alone() -> None:
    def both_or_nothing(rows: pd.DataFrame) -> np.ndarray:
        return (
            -2
            + 0.5 * (rows[CALLS[0]] >= 3)
            + 0.5 * (rows[MAILS] >= 2)
            + 3 * ((rows[CALLS[0]] >= 3) & (rows[MAILS] >= 2))
        )

    X = table(1).assign(**{CALLS[0]: 0.0, CALLS[1]: np.nan, MAILS: 0.0})

    (found,) = Donors.fit(table(2000)).find(lambda rows: both_or_nothing(rows).to_numpy(dtype=float), X)

    assert [len(one.codes) for one in found] == [2, 1, 1]


def test_columns_the_company_names_may_take_any_value_seen() -> None:
    train = table(100).assign(payment=["cash", "credit"] * 50)
    X = train[:1]

    (found,) = Donors.fit(train, changeable=["payment"]).find(
        lambda rows: 2.0 * (rows["payment"] == "credit").to_numpy(), X
    )

    assert found[0].changes == {"payment": ("cash", "credit")}


def test_stored_donors_find_the_same() -> None:
    train, X = table(200), table(10, 1)
    donors = Donors.fit(train, group="stage__current")

    again = Donors.from_state(json.loads(json.dumps(donors.to_state())))

    assert again.find(log_odds, X) == donors.find(log_odds, X)
    assert any(again.find(log_odds, X))


def test_a_fitted_model_states_its_own_probabilities() -> None:
    train, X = table(800), table(10, 1)
    y = np.random.default_rng(0).random(800) < expit(log_odds(train) + 0.5)
    model = ConversionModel(max_trees=20, n_folds=2).fit(train, y)

    every = Donors.fit(train, group="stage__current").find(model.log_odds, X)

    assert any(every)
    for row, found in enumerate(every):
        if found:
            p = model.predict_proba(changed_rows(X, row, found))[:, 1]
            np.testing.assert_allclose(p, [one.probability for one in found], atol=1e-12)
