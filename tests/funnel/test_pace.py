from datetime import UTC, datetime
from types import ModuleType
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecast.funnel import Visits, calendar_spans, stage_pace
from forecast.funnel.pace import CONVERTS, DROPS, Spans


def test_spans_are_fiscal_quarters_of_the_zone_and_a_young_one_joins_the_last() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    found = calendar_spans(
        datetime(2025, 2, 10, tzinfo=UTC),
        datetime(2025, 8, 10, tzinfo=UTC),
        kind="quarter",
        zone=zone,
        fiscal_year_start=2,
    )

    assert found.labels == ("2025Q1", "2025Q2")  # the third has only begun
    assert found.edges.astype(str).tolist() == [
        "2025-01-31T16:00:00.000000",
        "2025-04-30T16:00:00.000000",
        "2025-08-10T00:00:00.000000",
    ]
    whole = calendar_spans(
        datetime(2025, 2, 10, tzinfo=UTC), datetime(2025, 8, 10, tzinfo=UTC), kind="month", zone=zone, min_part=0.0
    )
    assert whole.labels[-1] == "2025-08"


def test_expected_endings_by_hand() -> None:
    """Four stays; two enter before the edge. Hazards: 1/4 and 1/2 forward at ages 1 and 3, 1/3 out at 2."""
    entered = pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-05", "2025-01-06"])
    frame = pd.DataFrame(
        {"entered": entered.as_unit("us"), "days": [3.0, 1.0, 2.0, 4.0], "ending": ["advance", "won", "lost", ""]}
    )
    spans = Spans(("a", "b"), np.array(["2025-01-01", "2025-01-04", "2025-01-11"], dtype="datetime64[us]"))

    found = stage_pace(frame, spans)

    assert found.observed.tolist() == [[2, 0], [0, 1]]
    # before the edge: the first at ages 1 to 3, the second at age 1; after it the other two
    assert_allclose(found.expected[:, CONVERTS], [1 / 4 + 1 / 2 + 1 / 4, 2 * 1 / 4 + 1 / 2])
    assert_allclose(found.expected[:, DROPS], [1 / 3, 2 * 1 / 3])


@pytest.mark.parametrize("place", [0, 1, 2])
def test_expected_sums_to_observed_and_usual_factors_give_the_usual_shares(made: Visits, place: int) -> None:
    spans = calendar_spans(made.frame["entered"].min(), made.end, kind="month", zone=ZoneInfo("UTC"))
    found = stage_pace(made.frame[made.frame["position"] == place], spans)

    assert_allclose(found.observed.sum(axis=0), found.expected.sum(axis=0))
    forward, out = found.conversion(np.ones(1), np.ones(1))
    assert_allclose([forward[0], out[0]], found.usual.shares_at(found.usual.followed_days), atol=1e-6)


def test_other_factors_give_the_shares_of_other_hazards(markov: ModuleType) -> None:
    truth = markov.Truth()
    made = markov.simulate(truth, 20_000, 700.0, np.random.default_rng(2))
    spans = calendar_spans(made.frame["entered"].min(), made.end, kind="quarter", zone=ZoneInfo("UTC"))
    pace = stage_pace(made.frame[made.frame["position"] == 1], spans)
    other = truth.hazards * np.array([2.0, 2.0, 0.5, 0.5])  # twice as fast forward, half as fast out

    forward, out = pace.conversion(np.array([2.0]), np.array([0.5]))

    exact = truth.shares(1, pace.usual.followed_days, other)
    assert_allclose([forward[0], out[0]], [exact[:2].sum(), exact[2:].sum()], atol=0.02)
