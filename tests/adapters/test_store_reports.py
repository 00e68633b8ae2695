"""Own reports, schedules and deliveries in the store, on SQLite and on a real PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest

from forecast.adapters import store_reports
from forecast.adapters.store import SqlStore
from forecast.adapters.store_reports import MAX_ATTEMPTS
from forecast.errors import InvalidInput, UnknownEntity
from forecast.reports.schedule import Schedule

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SCHEDULE = Schedule(0, "sales-performance", "user u1", "pdf", "zh", "last month", "month", 2, 7, ("ann", "bob"), NOW)


def test_own_reports_are_kept_by_owner_and_name(store: SqlStore) -> None:
    for owner, spec in (("user u1", "old"), ("user u1", "title: 我的"), ("user u2", "title: b")):
        store.save_report(owner, "mine", spec)

    assert store.own_reports("user u1") == {"mine": "title: 我的"}
    store.delete_report("user u1", "mine")
    assert store.own_reports("user u1") == {}
    assert store.own_reports("user u2") == {"mine": "title: b"}
    with pytest.raises(UnknownEntity, match="no own report 'mine'"):
        store.delete_report("user u1", "mine")


def test_nobody_keeps_reports_without_end(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_reports, "MAX_OWN", 2)
    for number in range(2):
        store.save_report("user u1", f"r{number}", "title: a")

    with pytest.raises(InvalidInput, match="more than 2 own reports"):
        store.save_report("user u1", "one-more", "title: a")
    store.save_report("user u1", "r0", "title: changed")


def test_schedules_come_back_as_they_were(store: SqlStore) -> None:
    number = store.add_schedule(SCHEDULE)

    (kept,) = store.schedules()
    assert kept == Schedule(**(vars(SCHEDULE) | {"id": number}))
    store.set_schedule_active(number, active=False)
    assert store.schedules()[0].is_active is False
    store.delete_schedule(number)
    assert store.schedules() == []
    with pytest.raises(UnknownEntity, match=f"no schedule {number}"):
        store.delete_schedule(number)


def test_delivery_is_claimed_once_and_again_only_after_a_failure(store: SqlStore) -> None:
    claims = [store.claim_delivery(1, NOW, "ann", "2026-02") for _ in range(2)]
    store.finish_delivery(1, NOW, "ann", failure="refused")

    assert claims == [True, False]
    assert store.claim_delivery(1, NOW, "ann", "2026-02")
    store.finish_delivery(1, NOW, "ann")
    assert not store.claim_delivery(1, NOW, "ann", "2026-02")
    assert store.claim_delivery(1, NOW + timedelta(days=28), "ann", "2026-03")
    assert [(one.status, one.attempts) for one in store.deliveries()] == [("sending", 1), ("sent", 2)]


def test_delivery_is_given_up_until_somebody_asks_again(store: SqlStore) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert store.claim_delivery(1, NOW, "ann", "2026-02")
        store.finish_delivery(1, NOW, "ann", failure="refused")

    assert not store.claim_delivery(1, NOW, "ann", "2026-02")
    assert store.deliveries()[0].reason == "refused"
    assert store.retry_deliveries() == 1
    assert store.claim_delivery(1, NOW, "ann", "2026-02")
    assert store.retry_deliveries() == 0  # it is on its way
