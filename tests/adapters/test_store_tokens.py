"""Tokens that are good for one use, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from forecast.adapters.clock import FixedClock
from forecast.adapters.store import SqlStore
from forecast.adapters.store_tables import used_tokens

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)


def test_token_is_used_once_though_several_try_at_once(store: SqlStore) -> None:
    with ThreadPoolExecutor(4) as pool:
        tries = list(pool.map(lambda _: store.use_token("one", SOON), range(8)))

    assert sorted(tries) == [False] * 7 + [True]
    assert store.use_token("another", SOON)


def test_tokens_that_are_over_are_forgotten(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.use_token("old", SOON)
    monkeypatch.setattr(store, "clock", FixedClock(SOON + timedelta(seconds=1)))

    store.use_token("new", SOON + timedelta(minutes=5))

    with store.reading() as con:
        assert con.scalars(sa.select(used_tokens.c.token_id)).all() == ["new"]
