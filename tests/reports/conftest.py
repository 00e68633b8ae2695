"""A company of three people in two teams, small enough to count by hand."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from duckdb import DuckDBPyConnection

from forecast.history import connect_tables
from forecast.reports import EVERYBODY, ReportMaker, ReportTable, Rooms, Viewer, parse_spec
from forecast.reports.period_rules import period_at
from forecast.settings import Settings

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
PEOPLE = {"ann": "T1", "bob": "T1", "cid": "T2"}


def _frame(rows: list[dict[str, Any]], created: str | None = None) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    for name in [column for column in frame if column.endswith("_at") or column == "at"]:
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    frame["recorded_at"] = frame[created] if created else pd.Timestamp("2020-01-01", tz="UTC")
    return frame


def _deal(
    number: int, owner: str, account: str, amount: float, closed: str | None, outcome: str | None
) -> dict[str, Any]:
    return {
        "opportunity_id": f"o{number}", "owner_id": owner, "account_id": account, "product_id": "p1", "stage": "offer",
        "amount": amount, "currency": "EUR", "created_at": "2025-01-10", "closed_at": closed, "outcome": outcome,
    }  # fmt: skip


@pytest.fixture(scope="session")
def tables() -> dict[str, pd.DataFrame]:
    """Ann and Bob are in team T1, Cid in T2; o1 to o4 were won in 2026Q1, o5 lost, o6 won the quarter before."""
    deals = [
        _deal(1, "ann", "a1", 100.10, "2026-01-05", "won"),
        _deal(2, "ann", "a2", 200.20, "2026-03-31T22:30", "won"),
        _deal(3, "bob", "a1", 50.00, "2026-01-20", "won"),
        _deal(4, "cid", "a3", 400.00, "2026-03-02", "won"),
        _deal(5, "cid", "a3", 70.00, "2026-02-02", "lost"),
        _deal(6, "ann", "a1", 150.00, "2025-11-11", "won"),
        _deal(7, "bob", "a2", 30.00, None, None),
    ]
    feedback = [
        {"feedback_id": "f1", "at": "2026-01-03", "kind": "csat", "score": 5, "scale_max": 5, "user_id": "ann"},
        {"feedback_id": "f2", "at": "2026-01-04", "kind": "csat", "score": 2, "scale_max": 5, "user_id": "ann"},
        {"feedback_id": "f3", "at": "2026-02-04", "kind": "nps", "score": 10, "scale_max": 10, "user_id": "cid"},
    ]
    return {
        "opportunities": _frame(deals, "created_at"),
        "accounts": _frame(
            [
                {"account_id": "a1", "name": "=Alpha", "region": "North", "industry": "Health", "owner_id": "ann"},
                {"account_id": "a2", "name": "贝塔", "region": "South", "industry": "Retail", "owner_id": "ann"},
                {"account_id": "a3", "name": "Gamma", "region": "South", "owner_id": "cid"},
            ]
        ),
        "products": _frame([{"product_id": "p1", "category": "Core"}]),
        "users": _frame([{"user_id": user, "team_id": team} for user, team in PEOPLE.items()]),
        "teams": _frame([{"team_id": "T1", "name": "North"}, {"team_id": "T2", "name": "South"}]),
        "feedback": _frame(feedback, "at"),
    }  # fmt: skip


class NoRooms:
    """Rooms of a company about which nothing is said; whoever asks one shows that a report did."""

    def probabilities(self) -> pd.DataFrame:
        return pd.DataFrame({"entity_id": ["o7"], "probability": [0.5]})

    def outlook_version(self) -> str:
        return "group_rate"

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the room {name} was asked")


Make = Callable[..., ReportTable]


@pytest.fixture(scope="session")
def con(tables: dict[str, pd.DataFrame]) -> Iterator[DuckDBPyConnection]:
    """One connection for all: every report writes its own tables anew."""
    with connect_tables(tables) as con:
        yield con


@pytest.fixture(scope="session")
def make(con: DuckDBPyConnection) -> Make:
    """Makes one section: ``make(viewer, rooms, period=..., **section)``."""
    settings = Settings(reporting_currency="EUR", timezone="Europe/Amsterdam")

    def made(
        viewer: Viewer = EVERYBODY, rooms: Rooms | None = None, *, period: str = "2026Q1", **section: Any
    ) -> ReportTable:
        spec = parse_spec({"title": "t", "sections": [section]})
        named = period_at(period, AS_OF, settings.zone, 1)
        (table,) = ReportMaker(con, rooms or NoRooms(), settings, named, AS_OF, viewer).tables(spec)
        return table

    return made
