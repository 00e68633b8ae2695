"""Numbered changes of the latest scores and dead letters, on both databases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import SystemClock
from forecast.adapters.store import SqlStore
from forecast.ports import DeadEvent

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def scores(owners: dict[str, str | None], *, hours: int, batch: int = 1) -> pd.DataFrame:
    """Scores of leads by owner as of so many hours after `T0`."""
    numbers = {"low": 0.1, "high": 0.9, "p_30d": 0.2, "percentile": 50.0, "base": 0.3}
    as_of = pd.Timestamp(T0 + timedelta(hours=hours))
    said = {"entity": "lead", "as_of": as_of, "batch": batch, "model_version": "m/1", "grade": "B", "reasons": "[]"}
    frame = pd.DataFrame({"entity_id": list(owners), "owner_id": list(owners.values())}, dtype=object)
    return frame.assign(**said, **numbers, probability=np.linspace(0.2, 0.4, len(owners)), backdated=False)


@pytest.fixture(scope="module")
def store(new_store: Callable[[], SqlStore]) -> SqlStore:
    store = new_store()
    store.clock = SystemClock()
    return store


def told(store: SqlStore, since: int, owners: list[str] | None = None) -> list[tuple[str, str]]:
    found = store.score_changes(since, owner_ids=owners)
    assert not found.reset
    return sorted((change.entity_id, change.what) for change in found.changes)


def test_each_owner_hears_of_the_own_rows_alone(store: SqlStore) -> None:
    store.save_scores(scores({"a": "ann", "b": "bob", "c": None}, hours=0), "lead")
    since = store.last_change()
    store.update_scores(scores({"a": "bob", "c": None}, hours=1), "lead", closed_ids=["b"])

    assert told(store, since, ["ann"]) == [("a", "gone")]
    assert told(store, since, ["bob"]) == [("a", "scored"), ("b", "gone")]
    assert told(store, since, []) == []
    assert told(store, since) == [("a", "scored"), ("b", "gone"), ("c", "scored")]
    assert store.score_changes(since, owner_ids=["eve"]).until == store.last_change()


def test_a_whole_scoring_and_an_unknown_number_ask_to_read_everything_anew(store: SqlStore) -> None:
    since = store.last_change()
    store.save_scores(scores({"a": "ann"}, hours=2), "lead")

    assert store.score_changes(since, owner_ids=["eve"]).reset
    assert store.score_changes(store.last_change() + 1).reset
    assert not store.score_changes(store.last_change()).reset


def test_more_changes_than_fit_ask_to_read_everything_anew(store: SqlStore) -> None:
    since = store.last_change()
    store.update_scores(scores({"a": "ann", "d": "ann"}, hours=3), "lead")

    assert store.score_changes(since, limit=1).reset
    assert len(store.score_changes(since, limit=2).changes) == 2


def test_probabilities_are_sorted(store: SqlStore) -> None:
    store.save_scores(scores({"z": None, "y": None, "x": None}, hours=4), "lead")

    np.testing.assert_allclose(store.probabilities("lead"), [0.2, 0.3, 0.4])


def test_dead_events_are_kept_once_with_the_last_reason_until_they_are_revived(store: SqlStore) -> None:
    content: dict[str, Any] = {"row": {"lead_id": "新"}}
    for reason in ("first", "second"):
        store.bury_events([DeadEvent("e1", "leads", T0, T0, reason, content)])
    store.bury_events([DeadEvent("e2", "leads", T0, T0 + timedelta(hours=1), "other", content)])

    assert [(dead.event_id, dead.reason) for dead in store.dead_events()] == [("e1", "second"), ("e2", "other")]
    assert store.dead_events(["e2"])[0].content == content
    store.revive_events(["e1"])
    assert store.count_dead_events() == 1
