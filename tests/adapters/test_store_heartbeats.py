from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from forecast.adapters.clock import FixedClock
from forecast.adapters.store import SqlStore
from forecast.ports import Heartbeat


def test_last_beat_of_each_name_is_kept(shared_store: SqlStore) -> None:
    first = shared_store.clock.now()
    shared_store.beat("a step", is_well=False)
    shared_store.beat("a process")
    shared_store.clock = FixedClock(first + timedelta(hours=1))
    shared_store.beat("a step")
    shared_store.clock = FixedClock(first)

    beats = shared_store.heartbeats()

    assert beats["a process"] == Heartbeat(first, True)
    assert beats["a step"] == Heartbeat(first + timedelta(hours=1), True)


def test_two_that_beat_for_the_first_time_at_once_leave_one_beat(shared_store: SqlStore) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: shared_store.beat("twins"), range(8)))

    assert list(shared_store.heartbeats()).count("twins") == 1


def test_connections_of_the_pool_are_counted(shared_store: SqlStore) -> None:
    with shared_store.reading():
        assert shared_store.connections()["in_use"] == 1

    assert shared_store.connections()["in_use"] == 0
