"""Thresholds from costs, and net benefit: by hand and by trying every threshold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from forecast.errors import InvalidInput
from forecast.evaluation.metrics import Payoffs, decision_curve, mean_payoff, net_benefit_score

Y = np.array([1, 1, 0, 0, 0])
P = np.array([0.9, 0.3, 0.6, 0.2, 0.1])


def test_a_visit_pays_where_the_probability_is_above_cost_over_benefit() -> None:
    assert Payoffs.of_action(cost=50, benefit=500).threshold == pytest.approx(0.1)


@given(st.floats(1, 100), st.floats(1, 100), st.floats(-50, 50), st.floats(-50, 50), st.floats(0.001, 0.999))
def test_threshold_is_where_acting_begins_to_pay(
    gain: float, loss: float, leave_won: float, leave_lost: float, probability: float
) -> None:
    payoffs = Payoffs(leave_won + gain, leave_lost - loss, leave_won, leave_lost)
    acting = probability * payoffs.act_won + (1 - probability) * payoffs.act_lost
    leaving = probability * leave_won + (1 - probability) * leave_lost

    if abs(acting - leaving) > 1e-6:
        assert (acting > leaving) == (probability > payoffs.threshold)


def test_mean_payoff_by_hand() -> None:
    payoffs = Payoffs.of_action(cost=10, benefit=100)

    assert mean_payoff(Y, P, payoffs, threshold=0.5) == pytest.approx((90 - 10) / 5)
    assert mean_payoff(Y, P, payoffs) == pytest.approx((90 + 90 - 10 - 10 - 10) / 5)  # from .1 on: everybody


def test_own_threshold_is_best_for_true_probabilities() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(200_000)
    y = (rng.random(200_000) < p).astype(float)
    payoffs = Payoffs(act_won=70, act_lost=-30)

    payoff = {t: mean_payoff(y, p, payoffs, threshold=t) for t in (0.1, 0.2, 0.3, 0.4, 0.5)}

    assert max(payoff, key=payoff.__getitem__) == payoffs.threshold == 0.3


def test_net_benefit_by_hand() -> None:
    # From .5 on: one win, one in vain. At .5 they cancel; at .25 three vain ones weigh as much as one win.
    assert net_benefit_score(Y, P, threshold=0.5) == pytest.approx(0)
    assert net_benefit_score(Y, P, threshold=0.25) == pytest.approx(2 / 5 - 1 / 5 / 3)


def test_decision_curve_lies_beside_all_and_none() -> None:
    curve = decision_curve(Y, P, thresholds=[0.05, 0.5, 0.95])

    assert_allclose(curve["all"], 0.4 - 0.6 * np.array([0.05 / 0.95, 1, 19]))
    assert_allclose(curve["acted"], [1, 0.4, 0])
    assert curve["model"][0] == curve["all"][0]
    assert curve["model"][2] == curve["none"][2] == 0


def test_net_benefit_is_the_payoff_in_units_of_a_win() -> None:
    payoffs = Payoffs(act_won=80, act_lost=-20)

    assert_allclose(net_benefit_score(Y, P, threshold=0.2, sample_weight=[1, 2, 1, 3, 1]) * 80,
                    mean_payoff(Y, P, payoffs, sample_weight=[1, 2, 1, 3, 1]))  # fmt: skip


def test_payoffs_that_no_probability_can_decide_are_named() -> None:
    with pytest.raises(InvalidInput, match=r"Acting must pay .* got -40 against 0 and -50 against 0"):
        Payoffs.of_action(cost=50, benefit=10)
    with pytest.raises(InvalidInput, match=r"between 0 and 1, got \[1\.0\]"):
        decision_curve(Y, P, thresholds=[0.5, 1.0])
