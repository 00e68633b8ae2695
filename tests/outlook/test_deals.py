import numpy as np
import pandas as pd

from forecast.outlook.amounts import amounts_if_won
from forecast.outlook.deals import expected_minor, mean_if_won
from forecast.outlook.timing import Window

SAID = ["entity_id", "amount_if_won", "amount_low", "amount_high"]


def test_mean_if_won_is_the_mean_of_the_draws():
    """Stated with a range, stated without, only asked, and unknown with and without past wins of the product."""
    opened = pd.DataFrame(
        {
            "entity_id": list("abcde"),
            "product_id": ["p", "p", "p", "p", "q"],
            "amount": [100.0, 100.0, 100.0, np.nan, np.nan],
        }
    )
    scores = pd.DataFrame([["a", 100.0, 60.0, 150.0], ["b", 100.0, None, None]], columns=SAID)
    won = pd.DataFrame({"product_id": ["p"] * 6 + ["r"] * 2, "amount": [*np.arange(10.0, 70, 10), 500.0, 700.0]})
    amounts = amounts_if_won(opened, scores, won, np.linspace(0.5, 1.1, 25))

    mean = mean_if_won(amounts)

    np.testing.assert_allclose(mean, [100, 100, 80, 35, (210 + 1200) / 8])
    uniform = (np.arange(100_000) + 0.5) / 100_000
    drawn = [amounts.draw(np.full(len(uniform), deal), uniform).mean() for deal in range(5)]
    np.testing.assert_allclose(drawn, mean, rtol=2e-3)


def test_expected_values_are_whole_cents_and_nothing_without_an_amount():
    values = expected_minor(np.array([0.5, 1 / 3, 1.0]), np.array([10.01, 10.0, np.nan]), "EUR")

    assert values.tolist() == [500, 333, 0]


def test_window_is_the_part_of_a_period_that_lies_ahead():
    p = [[0.1, 0.3, 0.4]]

    assert Window((30, 60, 90), 0, 30).chance(p) == 0.1
    np.testing.assert_allclose(Window((30, 60, 90), 15, 45).chance(p), 0.2 - 0.05)
    np.testing.assert_allclose(Window((30, 60, 90), -20, -5).chance(p), 0)
    # a clock that runs at half the pace: the horizons come as early as the window's end
    np.testing.assert_allclose(Window((15, 30, 45), 0, 15).chance(p), 0.1)
