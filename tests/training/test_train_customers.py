from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.settings import Settings
from forecast.usecases.customers import score_customers
from forecast.usecases.evidence import reliability_of
from training.train_customers import train_customers

AS_OF = datetime(2024, 3, 1, tzinfo=UTC)
CLOCK = FixedClock(AS_OF)
SETTINGS = Settings(customers_horizon_days=60)


def tables(n: int = 400, *, days: int = 420, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Orders of customers who come over time, buy at rates of their own and leave."""
    rng = np.random.default_rng(seed)
    now, rate, alive, rows = rng.uniform(0, days * 0.6, n), rng.gamma(1.0, 1 / 40, n), np.ones(n, dtype=bool), []
    for _ in range(60):
        keep = np.flatnonzero(alive & (now < days))
        rows.append(pd.DataFrame({"account": keep, "day": now[keep]}))
        alive &= (now < days) & (rng.random(n) > 0.15)
        now = now + rng.exponential(1 / rate)
    every = pd.concat(rows, ignore_index=True)
    at = pd.Timestamp(AS_OF) - pd.to_timedelta(days - every["day"], unit="D")
    ids = [f"O{i:06}" for i in range(len(every))]
    orders = pd.DataFrame(
        {
            "order_id": ids,
            "account_id": "A" + every["account"].astype(str),
            "ordered_at": at,
            "recorded_at": at,
            "currency": "EUR",
        }
    )
    lines = pd.DataFrame(
        {"order_id": ids, "line": 1, "product_id": "P", "quantity": 1.0, "unit_price": 10.0, "recorded_at": at}
    )
    return {"orders": orders, "order_lines": lines}


def new_store(file: Path) -> SqlStore:
    made = SqlStore(f"sqlite:///{file}", clock=CLOCK)
    made.migrate()
    return made


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    return new_store(tmp_path / "store.db")


@pytest.mark.slow
def test_first_champion_is_the_own_past_rate_and_a_better_model_follows(frame_lake: Any, store: SqlStore) -> None:
    registry, lake = InMemoryRegistry(), frame_lake(tables())

    (result,) = train_customers(lake, registry, store, SETTINGS, CLOCK, as_of=AS_OF)

    assert [version.tags["kind"] for version in registry.versions("customers")] == ["own_past_rate", "blend"]
    assert result.decision.promote, result.decision.reason
    assert "own past rate" not in result.decision.reason or "Better" in result.decision.reason
    losses = result.metrics.set_index("model")["log_loss"]
    assert losses["blend"] < losses["own_past_rate"]
    card = registry.files("customers", "2")["card.md"].decode()
    assert "Purchase process (BG/NBD, per week): r = " in card
    assert "A1" not in card  # no account's id
    kept = reliability_of(registry.files("customers", "2"))
    assert kept is not None
    assert kept.groups["n_rows"].sum() == kept.groups["n_entities"].sum() > 100
    scores = score_customers(lake, registry, store, SETTINGS, AS_OF)
    assert set(scores["model_version"]) == {"customers/2"}

    (again,) = train_customers(lake, registry, store, SETTINGS, CLOCK, as_of=AS_OF)
    assert again.decision.reason.startswith("Nothing is new since customers/2")


@pytest.mark.slow
def test_training_sees_nothing_recorded_later(frame_lake: Any, tmp_path: Path) -> None:
    given = tables(120, days=200)
    later = pd.Timestamp(AS_OF) + pd.Timedelta(days=1)
    more = {
        name: pd.concat([frame, frame.head(50).assign(order_id=[f"X{i}" for i in range(50)], recorded_at=later)])
        for name, frame in given.items()
    }

    files = []
    for name, each in (("given", given), ("more", more)):
        registry, store = InMemoryRegistry(), new_store(tmp_path / f"{name}.db")
        train_customers(frame_lake(each), registry, store, SETTINGS, CLOCK, as_of=AS_OF)
        files.append(registry.files("customers", "2"))

    assert files[0] == files[1]


def test_training_fails_without_history_and_for_parameters(frame_lake: Any, store: SqlStore) -> None:
    with pytest.raises(NotEnoughHistory, match="over at least 56 days, got 0; the own past rate goes on"):
        train_customers(frame_lake({}), InMemoryRegistry(), store, SETTINGS, CLOCK, as_of=AS_OF)
    with pytest.raises(InvalidInput, match=r"Parameters \['depth'\] are unknown; a customer model has none"):
        train_customers(frame_lake({}), InMemoryRegistry(), store, SETTINGS, CLOCK, as_of=AS_OF, params={"depth": 3})
