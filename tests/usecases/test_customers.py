"""What accounts are expected to do, from orders as they were known."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.customers import CustomerModel
from forecast.errors import InvalidInput, UnknownEntity
from forecast.explain.definitions import is_defined
from forecast.settings import Settings
from forecast.usecases.customers import COLUMNS, OWN_RATE, explain_customer, read_orders, score_customers

AS_OF = datetime(2025, 7, 1, tzinfo=UTC)
SETTINGS = Settings(customers_horizon_days=60)


def company(n_accounts: int = 60, n_days: int = 180) -> dict[str, pd.DataFrame]:
    """Accounts of two owners; each has a rhythm of its own from 3 to 60 days."""
    rng = np.random.default_rng(3)
    days = [np.arange(0, n_days, gap) for gap in np.linspace(3, 60, n_accounts).astype(int)]
    account = np.repeat([f"A{i:02}" for i in range(n_accounts)], [len(each) for each in days])
    at = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.concatenate(days) + 0.5, unit="D")
    ids = [f"O{i:05}" for i in range(len(at))]
    orders = pd.DataFrame(
        {"order_id": ids, "account_id": account, "ordered_at": at, "recorded_at": at, "currency": "EUR"}
    )
    lines = pd.DataFrame(
        {
            "order_id": ids,
            "line": 1,
            "product_id": np.where(rng.random(len(at)) < 0.5, "P1", "P2"),
            "quantity": 2.0,
            "unit_price": rng.gamma(3, 10, len(at)).round(2),
            "recorded_at": at,
        }
    )
    start = pd.Timestamp("2024-12-31", tz="UTC")
    accounts = pd.DataFrame({"account_id": np.unique(account), "created_at": start, "recorded_at": start})
    accounts["owner_id"] = np.where(np.arange(n_accounts) % 2, "u1", "u2")
    products = pd.DataFrame(
        {"product_id": ["P1", "P2"], "category": ["tools", "gifts"], "recorded_at": start, "currency": "EUR"}
    )
    return {"orders": orders, "order_lines": lines, "accounts": accounts, "products": products}


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    made = SqlStore(f"sqlite:///{tmp_path / 'store.db'}", clock=FixedClock(AS_OF))
    made.migrate()
    return made


def registry_with_model(lake: Any) -> InMemoryRegistry:
    registry = InMemoryRegistry()
    with lake.connect() as con:
        model = CustomerModel(60).fit(read_orders(con, SETTINGS, AS_OF), as_of="2025-07-01")
    registry.register("customers", model.to_files(), {"cutoff": AS_OF, "batch": 1, "tags": {"kind": "blend"}})
    return registry


def test_the_own_past_rate_serves_until_a_model_is_promoted(frame_lake: Any, store: SqlStore) -> None:
    scores = score_customers(frame_lake(company()), InMemoryRegistry(), store, SETTINGS, AS_OF)

    assert list(scores.columns) == list(COLUMNS)
    assert set(scores["model_version"]) == {OWN_RATE}
    assert scores.set_index("account_id").loc["A00", "orders"] == pytest.approx(59 / 181 * 60, rel=1e-6)
    assert scores["p_alive"].isna().all()


def test_a_model_scores_every_account_with_owner_and_reasons(frame_lake: Any, store: SqlStore) -> None:
    lake = frame_lake(company())
    registry = registry_with_model(lake)

    scores = score_customers(lake, registry, store, SETTINGS, AS_OF, model="customers/1")

    assert len(scores) == 60
    assert set(scores["owner_id"]) == {"u1", "u2"}
    assert set(scores["next_category"]) <= {"tools", "gifts"}
    answer = explain_customer(scores, "A07", lang="zh")
    assert answer["base"] + sum(reason["points"] for reason in answer["reasons"]) == pytest.approx(answer["p_buys"])
    assert all(reason["text"] for reason in answer["reasons"])
    again = score_customers(lake, registry, store, SETTINGS, AS_OF, model="customers/1")
    pd.testing.assert_frame_equal(again, scores)


@pytest.mark.slow
def test_nothing_recorded_later_changes_a_score(frame_lake: Any, store: SqlStore) -> None:
    tables = company()
    registry = registry_with_model(frame_lake(tables))

    def scores_of(changed: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        return score_customers(frame_lake(changed), registry, store, SETTINGS, AS_OF, model="1")

    later = pd.Timestamp("2025-07-02", tz="UTC")
    orders = tables["orders"].head(20).assign(order_id=[f"X{i}" for i in range(20)], recorded_at=later)
    lines = tables["order_lines"].head(20).assign(order_id=orders["order_id"], unit_price=1e6, recorded_at=later)
    more = tables | {
        "orders": pd.concat([tables["orders"], orders]),
        "order_lines": pd.concat([tables["order_lines"], lines]),
        "accounts": pd.concat([tables["accounts"], tables["accounts"].assign(owner_id="u9", recorded_at=later)]),
    }

    pd.testing.assert_frame_equal(scores_of(more), scores_of(tables))


def test_orders_of_a_merged_account_count_for_the_survivor(frame_lake: Any) -> None:
    tables = company()
    moved = tables["accounts"].head(1).assign(merged_into="A01", recorded_at=pd.Timestamp("2025-06-01", tz="UTC"))
    lake = frame_lake(tables | {"accounts": pd.concat([tables["accounts"], moved])})

    with lake.connect() as con:
        orders = read_orders(con, SETTINGS, AS_OF)

    assert "A00" not in set(orders["account_id"])
    assert len(orders) == len(tables["orders"])


def test_every_column_is_defined() -> None:
    assert [name for name in COLUMNS if not is_defined(name)] == []


def test_an_unknown_account_or_model_is_said(frame_lake: Any, store: SqlStore) -> None:
    lake = frame_lake(company())
    scores = score_customers(lake, InMemoryRegistry(), store, SETTINGS, AS_OF)

    with pytest.raises(UnknownEntity, match="No account 'Z' had ordered"):
        explain_customer(scores, "Z")
    with pytest.raises(InvalidInput, match=r"must look like customers/3 or be own_past_rate, got 'demand/1'"):
        score_customers(lake, InMemoryRegistry(), store, SETTINGS, AS_OF, model="demand/1")


def test_no_orders_give_no_rows(frame_lake: Any, store: SqlStore) -> None:
    early = datetime(2024, 12, 1, tzinfo=UTC)

    scores = score_customers(frame_lake(company()), InMemoryRegistry(), store, SETTINGS, early)

    assert (len(scores), list(scores.columns)) == (0, list(COLUMNS))
    assert json.loads(scores.to_json(orient="records")) == []
