"""The queue of events: safe on the disk, taken in order, delivered again until it is done."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from forecast.adapters.event_queue import Consumer, EventQueue
from forecast.usecases.event_worker import Backlog
from forecast.usecases.events import Event

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def events(*ids: str) -> list[Event]:
    return [Event(one, "leads", {"lead_id": one, "status": "新"}, NOW) for one in ids]


@contextmanager
def consumer(folder: Path) -> Iterator[Consumer]:
    with EventQueue(folder).consuming(threading.Event()) as found:
        assert found is not None
        yield found


def taken(found: Consumer, limit: int = 100) -> list[list[str]]:
    return [[event.event_id for event in delivery.events] for delivery in found.take(limit)]


def test_events_of_several_producers_come_as_they_were_put(tmp_path: Path) -> None:
    first, second = EventQueue(tmp_path), EventQueue(tmp_path)
    first.put(events("a", "b"))
    second.put(events("c"))
    first.put(events("d"))

    with consumer(tmp_path) as found:
        deliveries = found.take(100)

    assert [list(delivery.events) for delivery in deliveries] == [events("a", "b"), events("c"), events("d")]


def test_what_a_consumer_had_in_hand_when_it_died_comes_again(tmp_path: Path) -> None:
    EventQueue(tmp_path).put(events("a"))
    EventQueue(tmp_path).put(events("b"))
    with consumer(tmp_path) as killed:
        (first, _) = killed.take(100)
        killed.done([first])

    with consumer(tmp_path) as found:
        assert taken(found) == [["b"]]


def test_what_is_given_back_comes_again_and_what_is_done_does_not(tmp_path: Path) -> None:
    EventQueue(tmp_path).put(events("a"))
    with consumer(tmp_path) as found:
        found.give_back(found.take(1))
        again = found.take(1)
        found.done(again)

        assert [delivery.events[0].event_id for delivery in again] == ["a"]
        assert found.take(1) == []
    assert EventQueue(tmp_path).backlog() == Backlog(0, None)


def test_a_take_ends_with_the_delivery_that_reaches_its_limit(tmp_path: Path) -> None:
    for ids in (("a", "b"), ("c", "d"), ("e",)):
        EventQueue(tmp_path).put(events(*ids))

    with consumer(tmp_path) as found:
        assert taken(found, limit=3) == [["a", "b"], ["c", "d"]]
        assert EventQueue(tmp_path).backlog().deliveries == 3  # in hand is not done


def test_a_second_consumer_stands_by_until_the_first_is_gone(tmp_path: Path) -> None:
    stop, came = threading.Event(), []

    def second() -> None:
        with EventQueue(tmp_path).consuming(stop) as found:
            came.append(found)

    with consumer(tmp_path):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        assert came == []
        stop.set()
        waiting.join()
    assert came == [None]


def test_an_unused_queue_has_no_backlog(tmp_path: Path) -> None:
    assert EventQueue(tmp_path / "none").backlog() == Backlog(0, None)
