from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from forecast.adapters.store import SqlStore
from forecast.adapters.store_audit import AuditLine

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_audit_log_keeps_who_did_what_when(shared_store: SqlStore) -> None:
    shared_store.audit("ann", "promote", "conversion_lead/2")

    line = shared_store.audit_log().iloc[-1].drop("id").to_dict()
    assert line == {
        "at": NOW,
        "actor": "ann",
        "role": None,
        "action": "promote",
        "subject": "conversion_lead/2",
        "request_id": None,
    }


def test_audit_log_is_read_by_time_actor_and_page(shared_store: SqlStore) -> None:
    lines = [AuditLine(NOW + timedelta(days=day), f"key {day % 2}", "read", f"L-{day}") for day in range(10, 16)]
    shared_store.append_audit(lines)

    def subjects(**asked: Any) -> list[str]:
        return list(shared_store.audit_log(since=NOW + timedelta(days=11), **asked)["subject"])

    newest = shared_store.audit_log(actor="key 1", last=1)

    assert subjects(actor="key 1") == ["L-11", "L-13", "L-15"]
    assert subjects(last=2) == ["L-14", "L-15"]
    assert subjects(before_id=int(newest["id"].iloc[0]), last=2) == ["L-13", "L-14"]
    assert subjects(first=2) == ["L-11", "L-12"]
    assert subjects(after_id=int(newest["id"].iloc[0]) - 2, first=1) == ["L-14"]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log", "DELETE FROM audit_log WHERE id = 1"],
)
def test_database_refuses_to_rewrite_the_audit_log(shared_store: SqlStore, statement: str) -> None:
    shared_store.audit("ann", "promote", "x")
    before = shared_store.audit_log()

    with pytest.raises(sa.exc.DBAPIError, match="append-only"), shared_store._writing() as con:
        con.execute(sa.text(statement))

    assert shared_store.audit_log().equals(before)


def test_postgresql_refuses_to_empty_the_audit_log(shared_store: SqlStore) -> None:
    if shared_store.url.get_backend_name() == "postgresql":
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), shared_store._writing() as con:
            con.execute(sa.text("TRUNCATE audit_log"))
