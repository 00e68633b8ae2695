from dataclasses import replace
from types import ModuleType
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecast.funnel import Visits, bottlenecks, calendar_spans
from forecast.funnel.bottleneck import factor_draws
from forecast.funnel.pace import Spans


def quarters_of(visits: Visits) -> Spans:
    return calendar_spans(visits.frame["entered"].min(), visits.end, kind="quarter", zone=ZoneInfo("UTC"))


def fallen(markov: ModuleType, n: int = 4000) -> tuple[Visits, float]:
    """Offers move on at 0.55 of the pace in the last quarter; and what the old pace would be worth a quarter."""
    factors = np.ones((8, 3, 2))
    factors[7, 1, 0] = 0.55
    truth = markov.Truth(factors=factors)
    made: Visits = markov.simulate(truth, n, 8 * markov.QUARTER_DAYS, np.random.default_rng(7))
    now = truth.hazards.copy()
    now[1, :2] *= 0.55
    return made, (truth.win_chance()[0] - truth.win_chance(now)[0]) * n / 8 * 1000.0


def test_fallen_stage_is_the_bottleneck_at_about_its_true_worth(markov: ModuleType) -> None:
    made, exact = fallen(markov)

    table = bottlenecks(made, quarters_of(made), level=98).set_index("stage")

    line = table.loc["offer"]
    assert table.index[table["is_bottleneck"]].tolist() == ["offer"]
    assert line["value_low"] < exact < line["value_high"]
    assert line["value"] == pytest.approx(exact, rel=0.4)
    assert line["value"] == pytest.approx(1000 * line["extra_wins"], rel=0.02)
    assert line["conversion_best"] - line["conversion_now"] == pytest.approx(line["conversion_gain"], abs=1e-9)


def test_money_follows_the_amount_and_wins_are_told_without_one(markov: ModuleType) -> None:
    made, _ = fallen(markov, 1500)
    twice = replace(made, won=made.won.assign(amount=2000.0))
    unknown = replace(made, won=made.won.assign(amount=np.nan))

    plain, double, bare = (bottlenecks(visits, quarters_of(made), n_draws=100) for visits in (made, twice, unknown))

    assert_allclose(double["value"], 2 * plain["value"])
    assert_allclose(bare["extra_wins"], plain["extra_wins"])
    assert bare[["value", "value_low", "value_high"]].isna().to_numpy().all()
    assert bare["is_bottleneck"].tolist() == plain["is_bottleneck"].tolist()


def test_same_seed_gives_the_same_numbers_in_any_order_of_draws_and_cases(made: Visits) -> None:
    tables = [bottlenecks(made, quarters_of(made), n_draws=60, random_state=3) for _ in range(2)]

    pd.testing.assert_frame_equal(*tables)


def test_lucky_quarter_of_few_cases_is_hardly_believed() -> None:
    rng = np.random.default_rng(0)
    few = factor_draws(np.array([1.0, 9.0, 2.0, 4.0]), np.array([4.0, 4.0, 4.0, 4.0]), 4000, rng).mean(axis=0)
    many = factor_draws(np.array([100.0, 900.0, 200.0, 400.0]), np.full(4, 400.0), 4000, rng).mean(axis=0)

    assert 1.1 < few[1] < 1.75  # observed over expected: 2.25
    assert 2.1 < many[1] < 2.3


def test_factors_of_a_known_spread_are_covered_as_stated() -> None:
    rng = np.random.default_rng(1)
    inside = []
    for _ in range(120):
        factors = rng.gamma(25, 1 / 25, 8)
        expected = rng.uniform(20, 120, 8)
        draws = factor_draws(rng.poisson(factors * expected).astype(float), expected, 400, rng)
        low, high = np.percentile(draws, [10, 90], axis=0)
        inside.append((low <= factors) & (factors <= high))

    assert 0.75 < np.mean(inside) < 0.86


def test_too_few_cases_or_quarters_say_nothing(markov: ModuleType) -> None:
    tiny = markov.simulate(markov.Truth(), 15, 400.0, np.random.default_rng(0))
    short = markov.simulate(markov.Truth(), 500, 80.0, np.random.default_rng(0))

    for visits in (tiny, short):
        table = bottlenecks(visits, quarters_of(visits), n_draws=20)
        assert table["value"].isna().all()
        assert not table["is_bottleneck"].any()
