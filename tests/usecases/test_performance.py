"""Performance from a lake and a store."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.store import SqlStore
from forecast.datasets import Company, make_company
from forecast.errors import InvalidInput
from forecast.periods import parse_period
from forecast.settings import Settings
from forecast.usecases.performance import performance

QUARTER = parse_period("2024Q4")
AS_OF = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def small() -> Company:
    return make_company(n_reps=4, n_opportunities=120, n_leads=60, n_accounts=40, months=12, random_state=1)


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    made = SqlStore(f"sqlite:///{tmp_path / 'store.db'}", clock=FixedClock(AS_OF - timedelta(days=30)))
    made.migrate()
    return made


def _target(amount: float) -> pd.DataFrame:
    rows = [("user", "U000001", "revenue", amount, "EUR")]
    return pd.DataFrame(rows, columns=["owner_kind", "owner_id", "measure", "amount", "currency"])


@pytest.mark.slow
def test_approved_targets_count_from_when_they_were_approved(small: Company, frame_lake: Any, store: SqlStore) -> None:
    lake = frame_lake(small.tables)
    store.approve_targets("2024Q4", _target(5000.0), author="boss")

    def target(as_of: datetime) -> float:
        table = performance(lake, store, Settings(), QUARTER, as_of).to_frame().set_index("id")
        return float(table.loc["U000001", "target"])

    imported = small.exports["targets"]
    of_rep = imported[(imported["owner_id"] == "U000001") & (imported["period"] == "2024Q4")]["amount"].iloc[0]
    assert target(AS_OF) == 5000.0
    assert target(AS_OF - timedelta(days=31)) == of_rep


def test_a_period_ahead_is_refused(small: Company, frame_lake: Any, store: SqlStore) -> None:
    with pytest.raises(InvalidInput, match="2025Q4 had not begun at 2025-01-01"):
        performance(frame_lake(small.tables), store, Settings(), parse_period("2025Q4"), AS_OF)
