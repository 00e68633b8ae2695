from types import ModuleType
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecast.funnel import Visits, calendar_spans, stage_changes
from forecast.funnel.changes import benjamini_hochberg, find_change, holm
from forecast.funnel.pace import Spans


def months_of(visits: Visits) -> Spans:
    return calendar_spans(visits.frame["entered"].min(), visits.end, kind="month", zone=ZoneInfo("UTC"))


@given(st.lists(st.floats(0.0001, 1), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_corrections_are_those_of_scipy_and_of_the_rule(values: list[float]) -> None:
    p_values = pd.Series(values)

    np.testing.assert_allclose(benjamini_hochberg(p_values), stats.false_discovery_control(values))
    # Holm's rule itself: each of the smallest is refuted as long as all smaller ones are, at level / hypotheses left
    ordered, adjusted = np.sort(values), holm(p_values)
    for level in (0.01, 0.2, 0.7):
        refuted = np.cumprod(ordered <= level / np.arange(len(values), 0, -1)).sum()
        assert (adjusted <= level).sum() == refuted


def test_clear_change_is_found_where_it_is() -> None:
    expected = np.full(24, 20.0)
    observed = np.where(np.arange(24) < 16, 24.0, 12.0)

    found = find_change(observed, expected)

    assert found is not None
    assert (found.place, found.before, found.after) == (16, 1.2, 0.6)
    assert found.p_value == 1e-4


def test_change_of_long_ago_or_with_few_endings_is_not_looked_for() -> None:
    assert find_change(np.array([2.0, 1.0, 1.0]), np.array([1.0, 1.5, 1.5])) is None
    long_ago = find_change(np.where(np.arange(36) < 12, 30.0, 15.0), np.full(36, 20.0), recent=12)
    assert long_ago is not None
    assert long_ago.place >= 24


def test_chance_of_a_wobbling_rate_is_larger_than_that_of_a_steady_one() -> None:
    expected, rng = np.full(24, 50.0), np.random.default_rng(0)
    steady = np.where(np.arange(24) < 16, 54.0, 42.0)
    wobbling = steady + np.tile([18.0, -18.0], 12)

    chances = [find_change(counts, expected, random_state=int(rng.integers(9))) for counts in (steady, wobbling)]

    assert chances[0] is not None
    assert chances[1] is not None
    assert chances[1].p_value > 3 * chances[0].p_value


def test_chances_are_uniform_or_larger_where_nothing_changes() -> None:
    rng = np.random.default_rng(3)
    shares = rng.dirichlet(np.full(24, 8.0))
    chances = []
    for seed in range(120):
        found = find_change(rng.multinomial(300, shares).astype(float), 300 * shares, random_state=seed)
        assert found is not None
        chances.append(found.p_value)

    for level in (0.05, 0.2, 0.5):
        n_below = int((np.array(chances) <= level).sum())
        assert stats.binomtest(n_below, 120, level, alternative="greater").pvalue > 0.001, (level, n_below)


@pytest.mark.slow
def test_unchanged_funnel_raises_no_more_alarms_than_stated(markov: ModuleType) -> None:
    n_alarms = 0
    for seed in range(40):
        made = markov.simulate(markov.Truth(), 800, 730.0, np.random.default_rng([seed, 8]))
        n_alarms += bool(stage_changes(made, months_of(made), level=0.05)["is_alarm"].any())

    assert stats.binomtest(n_alarms, 40, 0.05, alternative="greater").pvalue > 0.01, n_alarms


def test_slower_stage_is_told_with_its_month_and_others_are_not(markov: ModuleType) -> None:
    factors = np.ones((8, 3, 2))
    factors[6:, 1, 0] = 0.5  # from July 2024 on offers move on at half the pace
    made = markov.simulate(markov.Truth(factors=factors), 3000, 730.0, np.random.default_rng(1))

    table = stage_changes(made, months_of(made))

    alarms = table[table["is_alarm"]]
    assert alarms[["stage", "way"]].to_numpy().tolist() == [["offer", "converts"]]
    (line,) = alarms.to_dict("records")
    assert line["since"] in ("2024-06", "2024-07", "2024-08")
    assert line["factor"] == pytest.approx(0.5, abs=0.12)
    assert line["conversion_after"] < line["conversion_before"]


def test_segments_are_tested_on_their_own(markov: ModuleType) -> None:
    factors = np.ones((8, 3, 2))
    factors[6:, 0, 0] = 0.4
    worse = markov.simulate(markov.Truth(factors=factors), 1200, 730.0, np.random.default_rng(1)).frame
    same = markov.simulate(markov.Truth(), 3600, 730.0, np.random.default_rng(2))
    frame = pd.concat([same.frame.assign(team="north"), worse.assign(team="south", case_id="s" + worse["case_id"])])
    visits = Visits(frame.reset_index(drop=True), same.stages, same.won, same.end, 0)

    table = stage_changes(visits, months_of(visits), segment=visits.frame["team"], level=0.01)

    alarms = table[table["is_alarm"]]
    assert ["south", "first call", "converts"] in alarms[["segment", "stage", "way"]].to_numpy().tolist()
    assert set(alarms["segment"]) == {"south"}
