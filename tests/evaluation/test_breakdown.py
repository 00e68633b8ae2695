"""The table per group: by hand, and how often its intervals and verdicts are right."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from forecast.errors import InvalidInput
from forecast.evaluation.breakdown import breakdown, by_age, by_month
from forecast.evaluation.metrics import log_loss


def test_groups_are_counted_and_measured_each_for_itself() -> None:
    y, p = np.array([1, 0, 0, 1, 1]), np.array([0.6, 0.2, 0.1, 0.7, 0.3])
    by = pd.Series(["b", "a", "a", "b", None], dtype=object)

    table = breakdown(y, p, by, y_base=np.full(5, 0.5), clusters=["x", "y", "y", "z", "x"])

    assert table["group"].tolist() == ["a", "b", "(missing)"]
    assert table["n_rows"].tolist() == [2, 2, 1]
    assert table["n_entities"].tolist() == [1, 2, 1]
    assert table["n_entities_won"].tolist() == [0, 2, 1]
    assert_allclose(table["gap"], [0 - 0.15, 1 - 0.65, 1 - 0.3])
    assert_allclose(table["log_loss"][1], log_loss([1, 1], [0.6, 0.7]))
    assert_allclose(table["difference"], table["log_loss"] - np.log(2))


def test_groups_too_small_to_say_stay_in_the_table() -> None:
    y = np.r_[np.zeros(6), np.tile([0, 1], 50)]
    by = pd.Series(["small"] * 6 + ["big"] * 100)

    table = breakdown(y, np.full(106, 0.5), by).set_index("group")

    assert table["verdict"].to_dict() == {"big": "as expected", "small": "too few to say"}
    assert table.loc["small", "n_rows"] == 6


def test_none_won_of_many_expected_is_said_though_no_win_was_seen() -> None:
    table = breakdown(np.r_[np.zeros(100), np.tile([0, 1], 50)], np.full(200, 0.5), pd.Series(["a", "b"]).repeat(100))

    assert table["verdict"].tolist() == ["fewer than expected", "as expected"]


def test_no_win_among_a_few_is_not_certain() -> None:
    # 30 cases at 5 %: the rows do not scatter at all, yet a win more or less is chance.
    table = breakdown(np.zeros(30), np.full(30, 0.05), pd.Series(["a"] * 30))

    assert table["gap_low"][0] < -0.1
    assert table["gap_high"][0] > 0


def test_intervals_hold_for_right_probabilities_seen_again_and_again() -> None:
    inside, alarms = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        entity = np.repeat(np.arange(300), 4)
        p = expit(rng.normal(-1, 1, 300))[entity]
        y = (rng.random(300)[entity] < p).astype(float)
        table = breakdown(y, p, pd.Series(entity % 5), clusters=entity)
        inside.extend((table["gap_low"] <= 0) & (table["gap_high"] >= 0))
        alarms.append((table["verdict"] != "as expected").any())
    assert 0.92 <= np.mean(inside) <= 0.985, np.mean(inside)
    assert np.mean(alarms) <= 0.12, np.mean(alarms)


def test_interval_of_the_difference_is_clustered() -> None:
    rng = np.random.default_rng(0)
    p = expit(rng.normal(size=200))
    y = (rng.random(200) < p).astype(float)

    once = breakdown(y, p, pd.Series(["a"] * 200))
    tripled = breakdown(np.tile(y, 3), np.tile(p, 3), pd.Series(["a"] * 600), clusters=np.tile(np.arange(200), 3))

    columns = ["difference", "difference_low", "difference_high", "gap_low", "gap_high"]
    assert_allclose(once[columns], tripled[columns])


def test_months_are_calendar_months_in_order() -> None:
    moments = pd.Series(pd.to_datetime(["2025-02-01", "2024-12-31", "2025-01-05"], utc=True))

    table = breakdown([1, 0, 0], [0.5] * 3, by_month(moments))

    assert table["group"].tolist() == ["2024-12", "2025-01", "2025-02"]


def test_ages_are_classes_in_order_and_empty_ones_are_left_out() -> None:
    table = breakdown([1, 0, 0, 1], [0.5] * 4, by_age(pd.Series([400.0, 6.9, 7.0, np.nan])))

    assert table["group"].tolist() == ["0 to 7 days", "7 to 30 days", "365 days and more", "(missing)"]


def test_wrong_input_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"one group per row, got 1 for 2 rows"):
        breakdown([1, 0], [0.5, 0.5], pd.Series(["a"]))
    with pytest.raises(InvalidInput, match="0 and 100 percent, got 100"):
        breakdown([1, 0], [0.5, 0.5], pd.Series(["a", "b"]), level=100)
