"""The live record against sums by hand."""

import numpy as np
import pandas as pd
import pytest

from forecast.monitoring.live import live_curve, live_record


def _given(n: int, p: float, rate: float, month: str, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "entity_id": [f"{month}-{index}" for index in range(n)],
            "as_of": pd.Timestamp(f"{month}-03", tz="UTC"),
            "probability": p,
            "came": (rng.random(n) < rate).astype(float),
        }
    )


def test_months_add_up_to_the_whole_and_the_latest_comes_first() -> None:
    given = pd.concat([_given(40, 0.5, 0.5, "2026-01"), _given(60, 0.2, 0.2, "2026-02")], ignore_index=True)

    record = live_record(given).set_index("month")

    assert record.index.tolist() == ["all", "2026-02", "2026-01"]
    assert record["expected"].to_dict() == pytest.approx({"all": 32.0, "2026-02": 12.0, "2026-01": 20.0})
    assert record.loc["all", "came"] == given["came"].sum() == record["came"].iloc[1:].sum()
    assert record.loc["all", "n_cases"] == 100


def test_probabilities_that_are_far_too_high_are_called_so() -> None:
    record = live_record(_given(200, 0.6, 0.2, "2026-01"))

    assert record["verdict"].tolist() == ["fewer than expected"] * 2
    assert record.loc[0, "gap_high"] < 0


def test_nothing_given_is_an_empty_record() -> None:
    assert live_record(_given(0, 0.5, 0.5, "2026-01")).empty


def test_curve_shows_what_came_of_what_was_said() -> None:
    given = pd.concat([_given(100, 0.1, 0.0, "2026-01"), _given(100, 0.9, 1.0, "2026-02")], ignore_index=True)

    curve = live_curve(given, n_bins=2)

    assert curve["predicted"].tolist() == pytest.approx([0.1, 0.9])
    assert curve["observed"].tolist() == [0.0, 1.0]
