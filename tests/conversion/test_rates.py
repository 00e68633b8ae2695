"""Levels and words as rates that no row has taught to itself."""

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose
from scipy.special import logit

from forecast.conversion.encoding import TableEncoder
from forecast.conversion.group_rate import shrinkage_strength
from forecast.conversion.rates import (
    RatedColumn,
    TokenRates,
    encode_for_training,
    fit_rates,
    memberships,
    rated_columns,
)

CITY = RatedColumn("city", 0, by_word=False)
SUBJECT = RatedColumn("subject", 0, by_word=True)


def cities(n: int, n_cities: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Outcomes that have nothing to do with the city."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"city": rng.integers(0, n_cities, n).astype(str)})
    return X, (rng.random(n) < 0.3).astype(float)


def test_rate_of_a_level_is_shrunk_to_the_overall_rate_by_hand() -> None:
    X = pd.DataFrame({"city": ["a"] * 30 + ["b"] * 30})
    y = np.array([1.0] * 24 + [0.0] * 6 + [1.0] * 6 + [0.0] * 24)

    rates = fit_rates(CITY, memberships(X, CITY), y, np.arange(60))

    base = 30.5 / 61
    strength = shrinkage_strength(np.array([24.0, 6.0]), np.array([30.0, 30.0]), np.full(2, base))
    expected = logit((24 + strength * base) / (30 + strength)) - logit(base)
    assert_allclose(rates.encode(memberships(X[:1], CITY)), [expected], atol=1e-8)


def test_copies_of_a_case_tell_no_more_than_the_case() -> None:
    X, y = cities(200, 10)
    once = fit_rates(CITY, memberships(X, CITY), y, np.arange(200))
    copies = pd.concat([X] * 5, ignore_index=True)

    five = fit_rates(CITY, memberships(copies, CITY), np.tile(y, 5), np.tile(np.arange(200), 5))

    assert_allclose(five.log_odds, once.log_odds, atol=1e-8)


def test_training_rows_do_not_see_their_own_outcome() -> None:
    """A level met once tells its own outcome to itself, and to nobody else."""
    X = pd.DataFrame({"city": [f"city {i}" for i in range(500)]})
    y = np.tile([0.0, 1.0], 250)

    blind = encode_for_training(CITY, memberships(X, CITY), y, np.arange(500), None)

    assert_allclose(blind, 0.0, atol=1e-9)


def test_with_time_a_row_is_told_by_earlier_rows_only() -> None:
    X, y = cities(1000, 10)
    members, time = memberships(X, CITY), np.arange(1000.0)
    turned = np.where(time >= 600, 1 - y, y)

    before = encode_for_training(CITY, members, y, np.arange(1000), time)
    after = encode_for_training(CITY, members, turned, np.arange(1000), time)

    assert_allclose(after[:600], before[:600])
    assert_allclose(before[:200], 0.0)


def test_words_are_read_one_by_one_and_kept_as_hashes_only() -> None:
    X = pd.DataFrame({"subject": ["Renewal of contract", "contract offer", None]})

    members = memberships(X, SUBJECT)
    rates = fit_rates(SUBJECT, members, np.array([1.0, 0.0, 0.0]), np.arange(3))

    assert_allclose(np.asarray(members.sum(axis=1)).ravel(), [1.0, 1.0, 0.0])
    assert len(rates.buckets) == 4  # renewal, of, contract, offer
    assert "contract" not in str(rates.to_state()).lower()
    assert TokenRates.from_state(rates.to_state()).encode(members).tolist() == rates.encode(members).tolist()


def test_only_columns_of_many_rare_levels_and_texts_are_rated() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "few": rng.choice(["a", "b", "c"], 2000),
            "many": rng.integers(0, 300, 2000).astype(str),
            "subject": [f"offer number {i} of the year" for i in range(2000)],
            "x": rng.normal(size=2000),
        }
    )

    found = rated_columns(X, TableEncoder().fit(X))

    assert [(column.name, column.by_word) for column in found] == [("many", False), ("subject", True)]


def test_unknown_levels_are_worth_the_overall_rate() -> None:
    X, y = cities(300, 5)
    rates = fit_rates(CITY, memberships(X, CITY), y, np.arange(300))

    assert_allclose(rates.encode(memberships(pd.DataFrame({"city": ["elsewhere", None]}), CITY)), 0.0)
