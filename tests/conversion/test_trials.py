"""Who is compared with whom, by hand."""

import numpy as np
import pandas as pd
import pytest

from forecast.conversion.trials import checked_tables, draw_trials, first_delays, thinned
from forecast.errors import InvalidInput

NEVER = np.inf


def test_each_side_was_open_and_without_the_action_at_its_moment() -> None:
    # Acted on day 2; closed on day 1; closed on day 4 before the action of day 5; never acted on.
    taken_at, days = np.array([2.0, NEVER, 5.0, NEVER]), np.array([10.0, 1.0, 4.0, 20.0])

    rows, treated, delay = draw_trials(taken_at, days, 7, np.random.default_rng(0))

    # Day 2 is the only moment of an action, so that the others are asked for then; the third was still open.
    assert rows.tolist() == [0, 2, 3]
    assert treated.tolist() == [True, False, False]
    assert delay.tolist() == [2.0, 2.0, 2.0]


def test_moments_of_both_sides_are_spread_alike_when_cases_close_all_the_time() -> None:
    rng = np.random.default_rng(1)
    taken_at, days = rng.exponential(8, 40_000), rng.exponential(5, 40_000)

    _, treated, delay = draw_trials(taken_at, days, 7, rng)

    assert delay[treated].mean() == pytest.approx(delay[~treated].mean(), abs=0.06)


def test_no_action_means_no_trial() -> None:
    rows, treated, delay = draw_trials(np.full(3, NEVER), np.ones(3), 7, np.random.default_rng(0))

    assert len(rows) == len(treated) == len(delay) == 0


@pytest.mark.parametrize(("max_rows", "expected"), [(1000, (10, 40)), (30, (10, 20)), (8, (4, 4))])
def test_thinning_keeps_at_most_four_to_one_and_the_budget(max_rows: int, expected: tuple[int, int]) -> None:
    treated = np.arange(500) < 12
    known = np.arange(500) >= 2

    kept = thinned(treated, known, max_rows, np.random.default_rng(0))

    assert (treated[kept].sum(), (~treated[kept]).sum()) == expected
    assert known[kept].all()


def test_first_delays_are_infinite_without_the_action() -> None:
    table = pd.DataFrame({"entity_id": ["a", "b"], "as_of": pd.Timestamp("2024-01-01", tz="UTC")})
    actions = table.head(1).assign(action="phone", delay_days=1.5, minutes=2.0)

    assert first_delays(table, actions, "phone").tolist() == [1.5, NEVER]
    assert first_delays(table, actions, "email").tolist() == [NEVER, NEVER]


def test_actions_that_are_there_twice_are_refused() -> None:
    table = pd.DataFrame({"entity_id": ["a", "a"], "as_of": pd.Timestamp("2024-01-01", tz="UTC")})
    actions = table.assign(action="phone", delay_days=1.5, minutes=2.0)

    with pytest.raises(InvalidInput, match="1 of 2 actions are there twice"):
        checked_tables(table.head(1), table.head(1).assign(event="won", days=3.0), actions)
