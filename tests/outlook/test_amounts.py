import numpy as np
import pandas as pd
import pytest

from forecast.outlook.amounts import amounts_if_won

WON = pd.DataFrame({"product_id": ["p"] * 3, "amount": [10.0, 20.0, 60.0]})
NO_RATIOS = np.empty(0)


def opened(*amounts):
    ids = [f"d{number}" for number in range(len(amounts))]
    return pd.DataFrame({"entity_id": ids, "product_id": "p", "amount": amounts})


def draws(laws, n=20_000):
    return laws.draw(np.zeros(n, dtype=np.int64), (np.arange(n) + 0.5) / n)


def test_amount_keeps_its_mean_and_the_width_of_the_stated_interval():
    scores = pd.DataFrame({"entity_id": ["d0"], "amount_if_won": [90.0], "amount_low": [60.0], "amount_high": [120.0]})

    drawn = draws(amounts_if_won(opened(90.0), scores, WON, NO_RATIOS))

    assert drawn.mean() == pytest.approx(90, rel=0.002)
    low, high = np.quantile(drawn, [0.1, 0.9])
    assert high / low == pytest.approx(2, rel=0.01)


def test_without_an_interval_wins_bring_past_shares_of_what_was_asked():
    ratios = np.repeat([0.5, 1.0], 10)

    asked = draws(amounts_if_won(opened(100.0), opened(100.0), WON, ratios))
    expected = draws(
        amounts_if_won(opened(100.0), pd.DataFrame({"entity_id": ["d0"], "amount_if_won": [100.0]}), WON, ratios)
    )

    assert set(asked) == {50.0, 100.0}
    assert set(np.round(expected, 6)) == {66.666667, 133.333333}  # what is expected stays expected
    assert set(draws(amounts_if_won(opened(100.0), opened(100.0), WON, ratios[:5]))) == {100.0}


def test_a_missing_amount_is_one_of_the_others():
    drawn = draws(amounts_if_won(opened(np.nan), opened(np.nan), WON, NO_RATIOS))

    assert set(drawn) == {10.0, 20.0, 60.0}
    assert drawn.mean() == pytest.approx(30, rel=0.01)
