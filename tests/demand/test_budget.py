import numpy as np
import pytest

from forecast.demand.budget import affordable, nominal_seconds
from forecast.demand.statistical import MEMBERS
from forecast.errors import InvalidInput

VALUES = np.where(np.random.default_rng(0).random((200, 60)) < 0.3, 0.0, 5.0)


def test_every_suitable_member_is_affordable_with_enough_time():
    assert set(MEMBERS) - set(affordable(VALUES, 6, 12, list(MEMBERS), 1e9)) == {"double_smoothing", "pooled_season"}


def test_members_without_a_say_are_left_out():
    chosen = affordable(VALUES + 1, 6, 1, list(MEMBERS), 1e9)
    assert not {"naive", "growth_seasonal_naive", "slow_smoothing", "croston", "sba", "tsb", "double_smoothing"} & set(
        chosen
    )


def test_the_chosen_members_fit_into_the_budget():
    for seconds in (0.01, 0.1, 1.0, 10.0, 100.0):
        chosen = affordable(VALUES, 6, 12, list(MEMBERS), seconds)
        assert sum(nominal_seconds(VALUES, 12, name) for name in chosen) <= seconds


def test_one_member_is_left_without_any_time():
    assert affordable(VALUES, 6, 12, ["ets", "drift"], 0.0) == ("drift",)


def test_order_is_that_of_priority_whatever_was_asked():
    names = ["arima", "naive", "theta"]
    assert affordable(VALUES, 6, 12, names, 1e9) == affordable(VALUES, 6, 12, names[::-1], 1e9)
    assert affordable(VALUES, 6, 12, names, 1e9) == ("theta", "naive", "arima")


def test_cost_counts_observations_not_the_width_of_the_panel():
    padded = np.concatenate([np.full((200, 500), np.nan), VALUES], axis=1)
    assert nominal_seconds(padded, 12, "ets") == nominal_seconds(VALUES, 12, "ets") == pytest.approx(12_000 * 700 / 1e6)


def test_unknown_members_are_refused():
    with pytest.raises(InvalidInput, match="prophet"):
        affordable(VALUES, 6, 12, ["prophet"], 1.0)
