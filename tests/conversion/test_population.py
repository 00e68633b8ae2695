"""Which snapshots teach, and the supported horizon."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from forecast.conversion import supported_horizon, window_labels
from forecast.errors import InvalidInput

CUTOFF = datetime(2026, 3, 1, tzinfo=UTC)


def outcomes(rows: list[tuple[str, str, str, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["entity_id", "as_of", "event", "days"])
    return table.assign(as_of=pd.to_datetime(table["as_of"], utc=True))


def test_labels_by_hand() -> None:
    table = outcomes(
        [
            ("won inside", "2026-01-01", "won", 30.0),
            ("won later", "2026-01-01", "won", 30.5),
            ("lost", "2026-01-01", "lost", 2.0),
            ("still open", "2026-01-01", "", 59.0),
            ("deleted inside", "2026-01-01", "", 10.0),
            ("won, window incomplete", "2026-02-10", "won", 3.0),
            ("window ends at the cutoff", "2026-01-30", "", 30.0),
        ]
    )

    labels = window_labels(table, 30, CUTOFF)

    assert labels.tolist()[:4] == [1.0, 0.0, 0.0, 0.0]
    assert labels.isna().tolist() == [False, False, False, False, True, True, False]


def test_horizon_is_the_longest_with_twenty_entities_of_each_outcome() -> None:
    rows = [(f"w{i}", "2026-01-01", "won", 20.0) for i in range(25)]
    rows += [(f"l{i}", "2026-01-01", "lost", 5.0) for i in range(25)]
    table = outcomes([*rows, ("open", "2026-01-01", "", 45.0)])

    assert supported_horizon(table, 90) == 30
    assert supported_horizon(table, 21) == 21
    assert supported_horizon(table, 40) == 40
    assert supported_horizon(table, 14) == 7  # nothing was won within 14 days: the shortest, and wide


def test_many_snapshots_of_few_entities_support_nothing() -> None:
    days = pd.date_range("2025-01-01", periods=100).strftime("%Y-%m-%d")
    rows = [(f"e{i % 10}", day, "won" if i % 2 else "lost", 3.0) for i, day in enumerate(days)]

    assert supported_horizon(outcomes(rows), 90) == 7


def test_no_outcomes_support_the_shortest_horizon() -> None:
    assert supported_horizon(outcomes([]), 90) == 7
    assert supported_horizon(outcomes([]), 5) == 5


def test_outcomes_are_checked() -> None:
    with pytest.raises(InvalidInput, match=r"missing columns \['days'\]"):
        supported_horizon(outcomes([("a", "2026-01-01", "won", 1.0)]).drop(columns="days"), 30)
    with pytest.raises(InvalidInput, match=r"got -1\.0 in 1 outcomes"):
        supported_horizon(outcomes([("a", "2026-01-01", "won", -1.0)]), 30)
    with pytest.raises(InvalidInput, match="got nan"):
        supported_horizon(outcomes([("a", "2026-01-01", "won", np.nan)]), 30)
