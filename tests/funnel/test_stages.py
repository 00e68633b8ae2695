from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.funnel import Visits, stage_table, whole_table


def test_counts_shares_and_naive_ratios_of_stays_counted_by_hand(
    stays_of: Callable[..., Any], deal: Callable[..., Any]
) -> None:
    rows = []
    for number in range(10):  # six move on after 4 days, two are lost after 2, two are open
        steps = [(float(number), "new")]
        closed = (number + 2.0, "lost") if number in (6, 7) else None
        if number < 6:
            steps.append((number + 4.0, "offer"))
            closed = (number + 9.0, "won") if number < 3 else None
        rows += deal(f"d{number}", *steps, closed=closed)
    table = stage_table(stays_of(rows, stages=["new", "offer"]), (3, 30)).set_index("stage")

    new = table.loc["new"]
    assert new[["n_entered", "n_advanced", "n_won", "n_lost", "n_back", "n_open"]].tolist() == [10, 6, 0, 2, 0, 2]
    assert (new["naive_of_entered"], new["naive_of_ended"]) == (0.6, 0.75)
    assert new["within_3d"] == 0.0
    assert new["converted"] == pytest.approx(0.6)  # nobody left early: eight ended, two stay longer than 4 days
    assert new["still"] == pytest.approx(0.2)
    assert new["followed_days"] == 4.0
    assert np.isnan(new["within_30d"])  # only two were followed for longer
    assert (new["median_days"], new["days_to_convert"]) == (4.0, 4.0)
    assert table.loc["offer", "n_won"] == 3


def test_segments_add_up_and_tiny_ones_have_no_share(made: Visits) -> None:
    segment = made.frame["case_id"].str[-1].where(made.frame["case_id"].str[-1] != "0", "few")
    segment = segment.where((segment != "few") | (made.frame["case_id"] < "0030"), "1")
    table = stage_table(made, (30,), segment=segment)
    whole = stage_table(made, (30,))

    counts = table.groupby("stage")[["n_entered", "n_won", "n_lost", "n_back", "n_open"]].sum()
    assert counts.loc[whole["stage"]].to_numpy().tolist() == whole[counts.columns].to_numpy().tolist()
    few = table[table["segment"] == "few"]
    assert few["n_entered"].max() < 5
    assert few["converted"].isna().all()


def test_shares_do_not_change_with_the_order_of_cases(made: Visits) -> None:
    again = made.frame.sample(frac=1, random_state=1).sort_values(["case_id", "visit"], ascending=[False, True])
    turned = Visits(again.reset_index(drop=True), made.stages, made.won, made.end, 0)

    pd.testing.assert_frame_equal(stage_table(made, (30,)), stage_table(turned, (30,)))
    pd.testing.assert_frame_equal(whole_table(made, (30,)), whole_table(turned, (30,)))


@pytest.mark.slow
def test_shares_are_unbiased_while_naive_ratios_are_off(markov: ModuleType) -> None:
    truth, rows = markov.Truth(), []
    for seed in range(40):
        made = markov.simulate(truth, 600, 105.0, np.random.default_rng(seed))
        stage, whole = stage_table(made, (30,)).iloc[0], whole_table(made, (30,)).iloc[0]
        exact = truth.shares(0, stage["followed_days"])[:2].sum(), truth.won_within(whole["followed_days"])
        rows.append(
            {
                "stage": stage["converted"] - exact[0],
                "whole": whole["converted"] - exact[1],
                "covered": float(stage["converted_low"] <= exact[0] <= stage["converted_high"]),
                "naive_stage": stage["naive_of_entered"] / exact[0] - 1,
                "naive_whole": whole["naive_of_entered"] / exact[1] - 1,
                "censored": whole["n_open"] / whole["n_cases"],
            }
        )
    found = pd.DataFrame(rows)
    mean, error = found.mean(), found.std() / np.sqrt(len(found))

    assert mean["censored"] > 0.37
    assert abs(mean["stage"]) < 3 * error["stage"], (mean["stage"], error["stage"])
    assert abs(mean["whole"]) < 3 * error["whole"], (mean["whole"], error["whole"])
    assert mean["naive_stage"] < -0.1, mean["naive_stage"]
    assert mean["naive_whole"] < -0.1, mean["naive_whole"]
    assert 0.65 < mean["covered"] < 0.92


def test_long_run_through_the_stages_is_the_truth(markov: ModuleType) -> None:
    truth = markov.Truth()
    made = markov.simulate(truth, 4000, 900.0, np.random.default_rng(5))
    whole = whole_table(made, (120,)).iloc[0]

    assert whole["through_stages"] == pytest.approx(truth.win_chance()[0], abs=0.025)
    assert whole["converted"] == pytest.approx(whole["through_stages"], abs=0.015)
    assert whole["within_120d"] == pytest.approx(truth.won_within(120.0), abs=0.025)
