import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.store import SqlStore
from forecast.adapters.store_answers import GivenAnswer

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def later(shared_store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Puts the store's clock forward."""
    return lambda time: monkeypatch.setattr(shared_store, "clock", FixedClock(NOW + time))


def test_answer_is_given_again_for_a_day(shared_store: SqlStore, later: Callable[[timedelta], None]) -> None:
    assert shared_store.claim_answer("key 1", "a", "f") is None
    shared_store.keep_answer("key 1", "a", 201, "application/json", b"{}")

    later(timedelta(hours=23))
    assert shared_store.claim_answer("key 1", "a", "f") == GivenAnswer("f", 201, "application/json", b"{}")
    later(timedelta(hours=24))
    assert shared_store.claim_answer("key 1", "a", "f") is None


def test_keys_of_one_caller_never_meet_those_of_another(shared_store: SqlStore) -> None:
    assert shared_store.claim_answer("key 1", "b", "f") is None

    assert shared_store.claim_answer("key 2", "b", "g") is None
    assert shared_store.claim_answer("key 1", "b", "g") == GivenAnswer("f", None, None, None)


def test_request_that_failed_or_was_lost_may_be_sent_again(
    shared_store: SqlStore, later: Callable[[timedelta], None]
) -> None:
    for key in ("failed", "lost"):
        assert shared_store.claim_answer("key 1", key, "f") is None

    shared_store.release_answer("key 1", "failed")
    later(timedelta(minutes=14))
    assert shared_store.claim_answer("key 1", "failed", "f") is None
    assert shared_store.claim_answer("key 1", "lost", "f") is not None
    later(timedelta(minutes=15))
    assert shared_store.claim_answer("key 1", "lost", "f") is None


def test_one_of_many_at_once_is_the_first(shared_store: SqlStore) -> None:
    found: list[GivenAnswer | None] = []
    start = threading.Barrier(6)

    def claim() -> None:
        start.wait()
        found.append(shared_store.claim_answer("key 1", "race", "f"))

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer is None for answer in found) == [False] * 5 + [True]
