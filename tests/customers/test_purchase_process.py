from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

from forecast.customers.purchase_process import History, PurchaseProcess, _bgnbd, _distinct
from forecast.errors import NotEnoughHistory

#: Fader, Hardie & Lee (2005), table 2: CDNOW, a tenth of the customers, 39 weeks.
PUBLISHED = PurchaseProcess(0.243, 4.414, 0.793, 2.426)
PUBLISHED_LOG_LIKELIHOOD = -9582.4


def one(repeats: float, last: float, age: float) -> History:
    return History(np.array([repeats]), np.array([last]), np.array([age]))


def simulated(process: PurchaseProcess, n: int, weeks: float, *, seed: int = 0) -> tuple[History, np.ndarray]:
    """Histories over ``weeks``, and orders in as many weeks after; by the process's own story, event by event."""
    rng = np.random.default_rng(seed)
    rate, leaves = rng.gamma(process.r, 1 / process.alpha, n), rng.beta(process.a, process.b, n)
    repeats, last, later, now = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    alive = np.ones(n, dtype=bool)
    for _ in range(120):
        now = np.where(alive, now + rng.exponential(1 / rate), np.inf)
        alive &= now < 2 * weeks
        early = alive & (now < weeks)
        repeats += early
        last = np.where(early, now, last)
        later += alive & ~early
        alive &= rng.random(n) >= leaves
    return History(repeats, last, np.full(n, weeks)), later


def cdnow_sample(shared_data: Path) -> History:
    sample = pd.read_parquet(shared_data / "cdnow" / "cdnow_sample_1in10.parquet")
    day = (sample["date"] - pd.Timestamp("1997-01-01")).dt.days
    days = pd.DataFrame({"id": sample["customer_id"], "day": day})[day < 273].drop_duplicates()
    by = days.groupby("id")["day"].agg(["min", "max", "size"])
    return History(
        by["size"].to_numpy() - 1.0, ((by["max"] - by["min"]) / 7).to_numpy(), ((272 - by["min"]) / 7).to_numpy()
    )


@pytest.mark.shared
def test_fit_finds_the_published_estimates_on_cdnow(shared_data: Path) -> None:
    found = PurchaseProcess.fit(cdnow_sample(shared_data))

    np.testing.assert_allclose([found.r, found.alpha, found.a, found.b], [0.243, 4.414, 0.793, 2.426], atol=0.001)
    assert found.log_likelihood == pytest.approx(PUBLISHED_LOG_LIKELIHOOD, abs=0.05)


def test_expected_orders_is_that_of_the_papers_customer() -> None:
    # The customer of the authors' note on BG/NBD in a spreadsheet: x = 2, t_x = 30.43, T = 38.86, 39 weeks ahead.
    assert PUBLISHED.expected_orders(one(2, 30.43, 38.86), 39.0)[0] == pytest.approx(1.226, abs=0.001)


@settings(max_examples=20, deadline=None)
@given(
    st.tuples(st.floats(0.1, 4), st.floats(0.5, 30), st.floats(0.05, 120), st.floats(0.1, 120)),
    st.integers(0, 200),
    st.floats(0, 1),
    st.floats(1, 200),
    st.floats(1, 60),
)
def test_probabilities_sum_to_one_and_agree_with_mean_and_chance(
    parameters: tuple[float, float, float, float], repeats: int, share: float, age: float, weeks: float
) -> None:
    process, history = PurchaseProcess(*parameters), one(repeats, share * age if repeats else 0.0, age)

    pmf = process.pmf(history, weeks, 800)[0]

    if 1 - pmf.sum() > 1e-7:  # so fast a buyer that 800 orders do not reach
        return
    assert pmf.min() >= 0
    assert 1 - pmf[0] == pytest.approx(process.p_buys(history, weeks)[0], abs=1e-9)
    assert pmf @ np.arange(800) == pytest.approx(process.expected_orders(history, weeks)[0], rel=1e-3, abs=1e-6)


def test_fit_recovers_the_truth_of_simulated_customers_and_what_they_buy_next() -> None:
    truth = PurchaseProcess(0.8, 6.0, 0.9, 2.5)
    history, later = simulated(truth, 8000, 40.0)

    found = PurchaseProcess.fit(history)

    np.testing.assert_allclose([found.r, found.alpha, found.a / (found.a + found.b)], [0.8, 6.0, 0.9 / 3.4], rtol=0.15)
    assert found.expected_orders(history, 40.0).sum() == pytest.approx(later.sum(), rel=0.05)
    assert found.p_buys(history, 40.0).mean() == pytest.approx((later > 0).mean(), rel=0.05)


def test_fit_says_that_nobody_leaves_when_nobody_does() -> None:
    rng = np.random.default_rng(3)
    age, rate = np.full(3000, 30.0), rng.gamma(1.0, 1 / 5.0, 3000)
    repeats = rng.poisson(rate * age).astype(float)
    last = np.where(repeats > 0, age * rng.beta(np.maximum(repeats, 1), 1), 0.0)  # the latest of so many moments

    found = PurchaseProcess.fit(History(repeats, last, age))

    assert not found.somebody_leaves
    assert found.p_alive(History(repeats, last, age)).min() == 1.0
    np.testing.assert_allclose([found.r, found.alpha], [1.0, 5.0], rtol=0.1)


def test_gradient_is_that_of_the_likelihood() -> None:
    rows, weight = _distinct(simulated(PUBLISHED, 300, 39.0)[0])

    for start in (np.zeros(4), np.array([-1.0, 2.0, 0.3, -0.5])):
        off = check_grad(lambda p: _bgnbd(p, rows, weight)[0], lambda p: _bgnbd(p, rows, weight)[1], start)
        assert off < 1e-3 * np.linalg.norm(_bgnbd(start, rows, weight)[1])


def test_longer_silence_makes_a_customer_less_likely_to_be_there() -> None:
    silence = History(np.full(20, 5.0), np.linspace(1, 38, 20), np.full(20, 39.0))

    assert np.all(np.diff(PUBLISHED.p_alive(silence)) > 0)


def test_accounts_that_may_slow_down_are_likelier_to_buy_than_those_that_may_only_leave() -> None:
    silent = History(np.array([0.0, 3.0, 20.0]), np.array([0.0, 10.0, 15.0]), np.full(3, 39.0))

    more = PUBLISHED.p_buys_slowing(silent, 39.0) - PUBLISHED.p_buys(silent, 39.0)

    assert abs(more[0]) < 0.1  # nearly one reading before the second order
    assert more[1] > 0.05
    assert 0 <= more[2] < 0.001  # surely gone by either reading
    staying = PurchaseProcess(0.5, 5.0, 0.0, 1.0)
    np.testing.assert_allclose(staying.p_buys_slowing(silent, 39.0), staying.p_buys(silent, 39.0))


def test_fit_fails_when_nobody_ordered_twice() -> None:
    with pytest.raises(NotEnoughHistory, match="No account ordered on two days"):
        PurchaseProcess.fit(History(np.zeros(5), np.zeros(5), np.full(5, 10.0)))
