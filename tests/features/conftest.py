"""Hand-written histories for the feature families, and small random ones for their laws."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.features import build_features
from forecast.history import connect_tables

Rows = Iterable[dict[str, Any]]


@pytest.fixture(scope="session")
def ask() -> Callable[..., pd.DataFrame]:
    """``ask(family, entity, [(id, moment), …], table=[row, …], …)``: features by hand-written rows, moments as text."""

    def ask(family: str, entity: str, spine: list[tuple[str, str]], **tables: Rows) -> pd.DataFrame:
        con = connect_tables({name: pd.DataFrame(list(rows)) for name, rows in tables.items()})
        frame = pd.DataFrame(spine, columns=["entity_id", "as_of"])
        return build_features(con, frame, entity, [family])

    return ask


START = pd.Timestamp("2024-01-01", tz="UTC")
DAYS = 60
IDS = {"accounts": "A", "leads": "L", "opportunities": "O", "interactions": "I", "orders": "R", "feedback": "F"}


def moments(rng: np.random.Generator, n: int, low: float = 0, high: float = DAYS) -> "pd.Series[Any]":
    """Half days, so that several things happen at one moment and at moments of the spine."""
    return pd.Series(START + pd.to_timedelta(rng.integers(int(2 * low), int(2 * high) + 1, n) * 12, unit="h"))


def maybe(rng: np.random.Generator, values: Any, share: float) -> "pd.Series[Any]":
    """The values, missing but for a share of them."""
    return pd.Series(values).where(rng.random(len(values)) < share)


def random_tables(rng: np.random.Generator, *, since: float = 0) -> dict[str, pd.DataFrame]:
    """Rows of every table that features read, recorded from day ``since`` on, in batches 1 and 2."""
    accounts = _versions(rng, "accounts", 4, 8, since)
    n = len(accounts)
    accounts["industry"] = rng.choice(["food", "toys", "", "steel"], n)
    accounts["size"] = maybe(rng, rng.integers(1, 9, n).astype(float), 0.8)
    accounts["created_at"] = moments(rng, n, 0, 10)
    accounts["attributes"] = _attributes(rng, n)

    leads = _versions(rng, "leads", 4, 10, since)
    n = len(leads)
    leads["account_id"], leads["owner_id"] = _some(rng, "A", 4, n), _some(rng, "U", 2, n)
    leads["channel"], leads["status"] = rng.choice(["web", "fair"], n), rng.choice(["new", "called", "warm"], n)
    leads["created_at"] = moments(rng, n, 0, 10)
    leads["converted_at"], leads["closed_at"] = maybe(rng, moments(rng, n), 0.15), maybe(rng, moments(rng, n), 0.15)
    leads["opportunity_id"] = maybe(rng, _some(rng, "O", 4, n), 0.5)

    deals = _versions(rng, "opportunities", 4, 14, since)
    n = len(deals)
    deals["account_id"], deals["owner_id"] = _some(rng, "A", 4, n), _some(rng, "U", 2, n)
    deals["product_id"], deals["stage"] = _some(rng, "P", 2, n), rng.choice(["new", "demo", "offer"], n)
    deals["amount"] = maybe(rng, rng.integers(0, 5, n) * 100.25, 0.8)
    deals["currency"], deals["forecast_category"] = "EUR", rng.choice(["commit", "best_case"], n)
    deals["created_at"] = moments(rng, n, 0, 10)
    deals["expected_close_date"] = moments(rng, n, 20, 90).dt.date
    deals["outcome"] = maybe(rng, rng.choice(["won", "lost"], n), 0.2)
    deals["closed_at"] = maybe(rng, moments(rng, n), 0.8).where(deals["outcome"].notna())
    deals["attributes"] = _attributes(rng, n)

    talks = _versions(rng, "interactions", 25, 35, since, merges=False)
    n = len(talks)
    talks["at"] = moments(rng, n)
    talks["due_at"] = maybe(rng, moments(rng, n), 0.3).where(rng.random(n) < 0.5, talks["at"])
    talks["channel"], talks["direction"] = (
        rng.choice(["phone", "email"], n),
        maybe(rng, rng.choice(["in", "out"], n), 0.8),
    )
    talks["kind"] = rng.choice(["call", "Call", "demo"], n)
    talks["result"] = maybe(rng, rng.choice(["answered", "unanswered"], n), 0.5)
    talks["account_id"], talks["lead_id"] = (
        maybe(rng, _some(rng, "A", 4, n), 0.8),
        maybe(rng, _some(rng, "L", 4, n), 0.5),
    )
    talks["opportunity_id"] = maybe(rng, _some(rng, "O", 4, n), 0.6)
    talks["duration_s"] = maybe(rng, rng.random(n) * 100, 0.5)

    orders = _versions(rng, "orders", 8, 12, since, merges=False)
    n = len(orders)
    orders["account_id"], orders["ordered_at"] = _some(rng, "A", 4, n), moments(rng, n)
    orders["status"] = rng.choice(["completed", "cancelled"], n, p=[0.8, 0.2])
    lines = _versions(rng, "orders", 8, 20, since, merges=False)
    n = len(lines)
    lines["line"], lines["product_id"] = rng.integers(1, 3, n), _some(rng, "P", 2, n)
    lines["quantity"], lines["unit_price"] = rng.integers(-2, 5, n), rng.integers(1, 9, n) * 0.1
    lines["discount_pct"] = maybe(rng, rng.random(n) * 30, 0.5)

    products = _versions(rng, "products", 2, 5, since, prefix="P", merges=False)
    products["category"], products["list_price"] = rng.choice(["core", "add on"], len(products)), 9.5
    feedback = _versions(rng, "feedback", 6, 8, since, merges=False)
    n = len(feedback)
    feedback["account_id"], feedback["at"] = _some(rng, "A", 4, n), moments(rng, n)
    feedback["score"], feedback["scale_max"] = rng.integers(1, 6, n), maybe(rng, np.full(n, 5.0), 0.8)
    return {
        "accounts": accounts,
        "leads": leads,
        "opportunities": deals,
        "interactions": talks,
        "orders": orders,
        "order_lines": lines,
        "products": products,
        "feedback": feedback,
    }


def _versions(
    rng: np.random.Generator, table: str, n_ids: int, n: int, since: float, *, prefix: str = "", merges: bool = True
) -> pd.DataFrame:
    """Ids with system columns: each a version at a random moment; a few deletions and merges."""
    prefix = prefix or IDS[table]
    key = {"opportunities": "opportunity_id"}.get(table, f"{table.removesuffix('s')}_id")
    rows = pd.DataFrame({key: _some(rng, prefix, n_ids, n), "recorded_at": moments(rng, n, since)})
    rows["batch"], rows["row"] = rng.integers(1, 3, n), np.arange(n)
    rows["deleted_at"] = maybe(rng, rows["recorded_at"], 0.06)
    if merges:
        rows["merged_into"] = maybe(rng, _some(rng, prefix, n_ids, n), 0.1)
    return rows


def _some(rng: np.random.Generator, prefix: str, n_ids: int, n: int) -> "pd.Series[Any]":
    return prefix + pd.Series(rng.integers(0, n_ids, n)).astype(str)


def _attributes(rng: np.random.Generator, n: int) -> list[str | None]:
    choices = [
        None,
        '{"tier": "gold", "vip": true}',
        '{"tier": "tin", "since": "2023-05-01", "score/x": 1.5}',
        '{"tier": 3, "vip": false, "since": "2023-06-01T10:00:00Z"}',
    ]
    return [choices[i] for i in rng.integers(0, len(choices), n)]


@pytest.fixture(scope="session", name="random_tables")
def _random_tables() -> Callable[..., dict[str, pd.DataFrame]]:
    """``random_tables(rng, since=0)``: see the function of that name."""
    return random_tables
