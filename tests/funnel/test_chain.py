from collections.abc import Callable
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecast.funnel.chain import occupation, transition_draws, win_chances
from forecast.funnel.incidence import cumulative_incidence

T0 = pd.Timestamp("2025-01-01")


def stay(
    case: str, visit: int, position: int, entered: float, days: float, ending: str, following: int = -1
) -> dict[str, object]:
    return {
        "case_id": case,
        "visit": visit,
        "position": position,
        "entered": T0 + pd.Timedelta(days=entered),
        "days": days,
        "ending": ending,
        "next_position": following,
        "born": T0,
    }


#: Four deals through two stages: won after a step, lost at once, fallen back and lost, won from the first stage.
COMPLETE = pd.DataFrame(
    [
        stay("a", 1, 0, 0, 10, "advance", 1),
        stay("a", 2, 1, 10, 5, "won"),
        stay("b", 1, 0, 0, 4, "lost"),
        stay("c", 1, 0, 0, 3, "advance", 1),
        stay("c", 2, 1, 3, 6, "back", 0),
        stay("c", 3, 0, 9, 2, "lost"),
        stay("d", 1, 0, 0, 7, "won"),
    ]
)


def test_without_cuts_occupation_is_where_cases_really_were() -> None:
    found = occupation(COMPLETE, 2)

    assert_allclose(found.share_at(3.5), [0.75, 0.25, 0, 0], atol=1e-12)  # a, b, d in the first, c in the second
    assert_allclose(found.share_at(8), [0.25, 0.25, 0.25, 0.25], atol=1e-12)
    assert_allclose(found.share_at(16), [0, 0, 0.5, 0.5], atol=1e-12)


def test_without_cuts_the_product_through_the_stages_is_the_share_won() -> None:
    rows = transition_draws(COMPLETE, 2, np.array([10.0, 10.0]), np.ones((7, 1)))

    assert_allclose(rows[0], [[0, 0.4, 0.2, 0.4], [0.5, 0, 0.5, 0]])
    assert win_chances(rows)[0, 0] == pytest.approx(0.5)


def test_variance_without_cuts_is_near_the_binomial_one() -> None:
    frame = pd.concat([COMPLETE.assign(case_id=COMPLETE["case_id"] + str(copy)) for copy in range(25)])
    found = occupation(frame, 2)

    half = np.sqrt(0.25 / 100)
    interval = found.won_at(16.0, level=95)
    assert interval.value == pytest.approx(0.5)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * half, rel=0.15)  # Markov: the past is not used


def test_one_stage_is_plain_competing_risks() -> None:
    rng = np.random.default_rng(4)
    days, cut = rng.exponential(20, 300), rng.exponential(40, 300)
    ending = np.where(days <= cut, np.where(rng.random(300) < 0.4, "won", "lost"), "")
    frame = pd.DataFrame([stay(f"c{i:03}", 1, 0, 0, min(days[i], cut[i]), ending[i]) for i in range(300)])
    oracle = cumulative_incidence(frame["days"], frame["ending"].map({"won": 0, "lost": 1, "": -1}), 2)
    found = occupation(frame, 1)

    for day in (5.0, 20.0, 40.0):
        assert_allclose(found.share_at(day)[1:], oracle.shares_at(day), rtol=1e-9)
        expected, got = oracle.share_at(0, day), found.won_at(day)
        assert_allclose([got.low, got.high], [expected.low, expected.high], rtol=1e-6)


def test_both_ways_to_the_whole_agree_with_the_truth(benchmark_script: Callable[[str], ModuleType]) -> None:
    markov = benchmark_script("funnel_markov")
    truth = markov.Truth()
    made = markov.simulate(truth, 6_000, 900.0, np.random.default_rng(3))

    found = occupation(made.frame, 3)
    rows = transition_draws(made.frame, 3, np.array([500.0] * 3), np.ones((len(made.frame), 1)))

    within = found.won_at(120.0, level=99.9)
    assert within.low < truth.won_within(120.0) < within.high
    assert_allclose(win_chances(rows)[0], truth.win_chance(), atol=0.025)
    assert found.share_at(found.followed_days)[3] == pytest.approx(truth.win_chance()[0], abs=0.025)
