"""Deals whose stays can be counted by hand, and funnels whose truth is known."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from forecast.funnel import Visits, read_visits
from forecast.history import connect_tables

START = pd.Timestamp("2025-01-01", tz="UTC")
AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def versions(deal: str, *steps: tuple[float, str | None], closed: tuple[float, str] | None = None, **facts: Any) -> Any:
    """Version rows of a deal: (day, stage) for each stage, then (day, outcome)."""
    rows = [{"stage": stage, "recorded_at": START + timedelta(days=day)} for day, stage in steps]
    if closed:
        day, outcome = closed
        at = START + timedelta(days=day)
        rows.append({"stage": "closed", "recorded_at": at, "closed_at": at, "outcome": outcome})
    base = {"opportunity_id": deal, "created_at": rows[0]["recorded_at"], "owner_id": "ada", "amount": 100.0}
    return [base | facts | row for row in rows]


def read(deals: list[dict[str, Any]], as_of: datetime = AS_OF, **options: Any) -> Visits:
    """Stays of deals given as version rows; other tables by name under ``tables``."""
    tables = {"opportunities": pd.DataFrame(deals), **options.pop("tables", {})}
    with connect_tables({name: frame for name, frame in tables.items() if len(frame)}) as con:
        return read_visits(con, as_of, zone=UTC_ZONE, reporting_currency="EUR", **options)


@pytest.fixture(scope="session")
def deal() -> Callable[..., Any]:
    """Makes version rows of a deal."""
    return versions


@pytest.fixture(scope="session")
def stays_of() -> Callable[..., Visits]:
    """Reads stays of version rows."""
    return read


@pytest.fixture(scope="module")
def markov(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    """The light funnel with known truth."""
    return benchmark_script("funnel_markov")


@pytest.fixture(scope="module")
def made(markov: ModuleType) -> Visits:
    """2,000 deals over two years at constant hazards."""
    visits: Visits = markov.simulate(markov.Truth(), 2000, 730.0, np.random.default_rng(11))
    return visits
