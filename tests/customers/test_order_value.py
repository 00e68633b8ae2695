from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import check_grad

from forecast.customers.order_value import OrderValue, _loss


@pytest.mark.shared
def test_fit_finds_the_published_estimates_on_cdnow(shared_data: Path) -> None:
    # Fader & Hardie (2013): p = 6.25, q = 3.74, gamma = 15.44 on the repeat orders of the first 39 weeks.
    sample = pd.read_parquet(shared_data / "cdnow" / "cdnow_sample_1in10.parquet")
    early = sample[sample["date"] < "1997-10-01"].groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    repeats = early[early["date"] > early.groupby("customer_id")["date"].transform("min")]
    by = repeats.groupby("customer_id")["amount"].agg(["size", "mean"])

    found = OrderValue.fit(by["size"].to_numpy(), by["mean"].to_numpy())

    np.testing.assert_allclose([found.p, found.q, found.gamma], [6.25, 3.74, 15.44], rtol=0.002)


def test_mean_is_shrunk_to_the_population_the_less_is_known() -> None:
    value = OrderValue(6.25, 3.74, 15.44)

    said = value.mean(np.array([0, 1, 10, 1000]), np.array([0.0, 100.0, 100.0, 100.0]))

    population = 6.25 * 15.44 / 2.74
    assert said[0] == pytest.approx(population)
    assert np.all(np.diff(said) > 0)
    assert said[-1] == pytest.approx(100.0, rel=0.01)
    assert said[1] == pytest.approx(6.25 * (15.44 + 100) / (6.25 + 2.74))


def test_fit_ignores_the_unit_of_money() -> None:
    rng = np.random.default_rng(0)
    n = rng.integers(1, 9, 2000)
    mean = rng.gamma(3 * n, 1 / n) / rng.gamma(4.0, 1 / 20.0, 2000)

    cents, euros = OrderValue.fit(n, 100 * mean), OrderValue.fit(n, mean)

    np.testing.assert_allclose([cents.p, cents.q, cents.gamma / 100], [euros.p, euros.q, euros.gamma], rtol=1e-3)
    np.testing.assert_allclose([euros.p, euros.q], [3.0, 4.0], rtol=0.2)


def test_gradient_is_that_of_the_likelihood() -> None:
    x, m = np.array([1.0, 3.0, 7.0]), np.array([0.5, 1.2, 2.0])
    start = np.array([0.3, 1.0, 0.2])

    assert check_grad(lambda p: _loss(p, x, m)[0], lambda p: _loss(p, x, m)[1], start) < 1e-4


def test_fit_of_equal_amounts_or_none_expects_them_again() -> None:
    assert OrderValue.fit(np.array([2, 3]), np.array([7.0, 7.0])).mean(np.array([0]), np.array([0.0]))[0] == 7.0
    assert OrderValue.fit(np.array([2, 3]), np.array([0.0, 0.0])).mean(np.array([2]), np.array([0.0]))[0] == 0.0
