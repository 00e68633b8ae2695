"""Drift against indices computed by hand, and laws of chance."""

import math

import numpy as np
import pandas as pd
import pytest

from forecast.monitoring.drift import MUCH, SOME, STABLE, TOO_FEW, describe_features, stability


def _frame(rng: np.random.Generator, n: int, shift: float = 0.0) -> pd.DataFrame:
    return pd.DataFrame({"amount": rng.normal(shift, 1, n), "stage": rng.choice(["new", "offer"], n)})


def test_index_is_that_of_the_shares_by_hand() -> None:
    before = pd.DataFrame({"stage": ["new"] * 80 + ["offer"] * 20})
    now = pd.DataFrame({"stage": ["new"] * 50 + ["offer"] * 50})

    (row,) = stability(describe_features(before, ["stage"], 100), now).to_dict("records")

    assert row["psi"] == pytest.approx((0.5 - 0.8) * math.log(0.5 / 0.8) + (0.5 - 0.2) * math.log(0.5 / 0.2))
    assert row["verdict"] == MUCH


def test_missing_values_are_a_bin_of_their_own() -> None:
    before = pd.DataFrame({"amount": [*np.arange(90.0), *[np.nan] * 10]})
    now = pd.DataFrame({"amount": [*np.arange(70.0), *[np.nan] * 30]})

    (row,) = stability(describe_features(before, ["amount"], 100), now).to_dict("records")

    assert (row["missing_before"], row["missing_now"]) == (0.1, 0.3)
    assert row["psi"] > 0.1


def test_a_feature_that_is_gone_and_a_category_that_is_new_are_large_drift() -> None:
    rng = np.random.default_rng(0)
    reference = describe_features(_frame(rng, 500), ["amount", "stage"], 500)

    found = stability(reference, pd.DataFrame({"stage": ["renewal"] * 200})).set_index("feature")

    assert found["verdict"].tolist() == [MUCH, MUCH]
    assert found.loc["amount", "missing_now"] == 1.0


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, STABLE), (0.4, SOME), (1.0, MUCH)])
def test_verdict_follows_the_usual_thresholds(shift: float, verdict: str) -> None:
    rng = np.random.default_rng(3)
    reference = describe_features(_frame(rng, 5000), ["amount"], 5000)

    (row,) = stability(reference, _frame(rng, 2000, shift)).to_dict("records")

    assert row["verdict"] == verdict


def test_equal_populations_exceed_chance_about_once_in_twenty() -> None:
    rng = np.random.default_rng(1)
    beyond = []
    for _ in range(150):
        before, now = (pd.DataFrame({"amount": rng.normal(size=n)}) for n in (300, 150))
        (row,) = stability(describe_features(before, ["amount"], 300), now).to_dict("records")
        beyond.append(row["psi"] > row["chance"])

    assert 0.01 <= np.mean(beyond) <= 0.1


def test_few_cases_say_nothing() -> None:
    rng = np.random.default_rng(2)

    (row,) = stability(describe_features(_frame(rng, 500), ["amount"], 500), _frame(rng, 20, 3.0)).to_dict("records")

    assert row["verdict"] == TOO_FEW
