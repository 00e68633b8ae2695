"""The store, on SQLite and on a real PostgreSQL."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from forecast.adapters.clock import FixedClock
from forecast.adapters.store import SqlStore
from forecast.adapters.store_tables import metadata
from forecast.errors import DataUnavailable, InvalidInput
from forecast.ports import Promotion

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def scores(as_of: datetime = NOW, batch: int = 1, **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "entity": ["lead", "opportunity", "opportunity"],
            "entity_id": ["L1", "O1", "O2"],
            "owner_id": ["u1", "u1", None],
            "as_of": as_of,
            "batch": batch,
            "model_version": "group_rate",
            "probability": [0.1, 0.25, 0.5],
            "low": 0.05,
            "high": 0.6,
            "p_14d": 0.01,
            "p_30d": 0.02,
            "p_60d": 0.03,
            "predicted_close_date": [date(2026, 4, 1), None, date(2026, 5, 1)],
            "predicted_close_low": [date(2026, 3, 5), None, date(2026, 3, 9)],
            "predicted_close_high": [date(2026, 8, 1), None, date(2026, 9, 1)],
            "slip_probability": [0.25, float("nan"), 0.5],
            "amount_if_won": [900.0, float("nan"), 100.0],
            "amount_low": [800.0, float("nan"), 90.0],
            "amount_high": [1000.0, float("nan"), 120.0],
            "percentile": 50.0,
            "grade": "C",
            "base": 0.2,
            "reasons": '[{"code":"prior_only","points":0.05}]',
            "backdated": False,
        }
    )
    return frame.assign(**columns)


def test_migrations_make_the_tables_that_the_code_expects(store: SqlStore) -> None:
    with store.reading() as con:
        assert compare_metadata(MigrationContext.configure(con), metadata) == []


def test_migrate_can_be_repeated_and_run_by_two_at_once(empty_url: str) -> None:
    stores = [SqlStore(empty_url, FixedClock(NOW)) for _ in range(3)]
    failures: list[BaseException] = []

    def migrate(store: SqlStore) -> None:
        try:
            store.migrate()
        except BaseException as error:  # reported below, in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=migrate, args=[store]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stores[0].migrate()

    assert failures == []
    stores[0].check()
    for store in stores:
        store.close()


def test_store_without_tables_names_the_command_that_makes_them(empty_url: str) -> None:
    store = SqlStore(empty_url, FixedClock(NOW))

    with pytest.raises(DataUnavailable, match="has no tables yet; run `forecast db migrate`"):
        store.check()
    store.close()


def test_latest_scores_come_back_as_saved_likeliest_first(store: SqlStore) -> None:
    assert store.save_scores(scores())

    latest = store.latest_scores()

    assert list(latest.columns) == list(scores().columns)
    assert latest["entity_id"].tolist() == ["L1", "O2", "O1"]
    assert latest["p_14d"].tolist() == [0.01, 0.01, 0.01]
    assert latest["predicted_close_date"].tolist() == [date(2026, 4, 1), date(2026, 5, 1), None]
    assert latest["as_of"].dtype == "datetime64[us, UTC]"
    assert store.latest_scores("opportunity", owner_ids=["u1"])["entity_id"].tolist() == ["O1"]


def test_save_scores_replaces_the_former_but_never_by_older_ones(store: SqlStore) -> None:
    store.save_scores(scores(batch=2))

    assert not store.save_scores(scores(as_of=NOW - timedelta(days=1), batch=9))
    assert not store.save_scores(scores(batch=1))
    assert store.save_scores(scores(batch=3).iloc[:2])

    assert store.latest_scores()["batch"].tolist() == [3, 3]


def test_save_scores_of_one_kind_leaves_the_other(store: SqlStore) -> None:
    store.save_scores(scores())

    store.save_scores(scores(batch=2).query("entity == 'lead'"), entity="lead")

    assert store.latest_scores()["batch"].tolist() == [2, 1, 1]


def test_promotions_are_kept_in_order(store: SqlStore) -> None:
    first = Promotion("conversion_lead", "1", NOW - timedelta(days=3), NOW, "first champion", "gate")
    second = Promotion("conversion_lead", "2", NOW - timedelta(days=1), NOW, "log loss better by 0.01", "gate")
    other = Promotion("demand", "1", NOW, NOW, "first champion", "gate")
    for promotion in (first, second, other):
        store.promote(promotion)

    assert store.promotions("conversion_lead") == [first, second]
    assert store.promotions() == [first, second, other]


def test_approved_targets_keep_every_version_to_the_cent(store: SqlStore) -> None:
    targets = pd.DataFrame(
        {
            "owner_kind": "user",
            "owner_id": ["u1", "u2"],
            "measure": "bookings",
            "amount": [100.1, 7.3],
            "currency": "EUR",
        }
    )

    assert store.approve_targets("2026Q1", targets, author="ann") == 1
    assert store.approve_targets("2026Q1", targets.assign(amount=[90.0, 17.4]), author="bob") == 2
    assert store.approve_targets("2026Q2", targets, author="ann", effective_from=NOW + timedelta(days=30)) == 1

    both = store.approved_targets("2026Q1")
    assert both["amount"].tolist() == [Decimal("100.1"), Decimal("7.3"), Decimal("90"), Decimal("17.4")]
    assert both["author"].tolist() == ["ann", "ann", "bob", "bob"]
    assert store.approved_targets("2026Q1", version=2)["amount"].sum() == Decimal("107.4")
    assert store.approved_targets("2026Q2")["effective_from"].tolist() == [NOW + timedelta(days=30)] * 2


def test_approve_targets_names_what_is_missing(store: SqlStore) -> None:
    with pytest.raises(InvalidInput, match=r"missing \['currency', 'measure'\]"):
        store.approve_targets(
            "2026Q1", pd.DataFrame({"owner_kind": ["user"], "owner_id": ["u"], "amount": [1]}), author="a"
        )


def test_two_writers_take_turns(store: SqlStore) -> None:
    other = SqlStore(store.url.render_as_string(hide_password=False), store.clock)
    targets = pd.DataFrame(
        {"owner_kind": ["user"], "owner_id": ["u1"], "measure": ["bookings"], "amount": [1.0], "currency": ["EUR"]}
    )
    versions: list[int] = []

    def approve(one: SqlStore) -> None:
        versions.extend(one.approve_targets("2026Q1", targets, author="a") for _ in range(10))

    threads = [threading.Thread(target=approve, args=[one]) for one in (store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(versions) == list(range(1, 21))
    other.close()


@pytest.mark.parametrize(
    "url",
    ["sqlite:////nowhere/at/all/store.db", "postgresql://ann:secret@127.0.0.1:1/forecast"],
)
def test_unreachable_database_is_one_line_without_the_password(url: str) -> None:
    store = SqlStore(url, FixedClock(NOW))

    with pytest.raises(DataUnavailable, match="cannot be used") as caught:
        store.promotions()

    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    store.close()


@pytest.mark.parametrize(
    ("url", "message"), [("store.db", "must look like sqlite"), ("mysql://a/b", "SQLite or PostgreSQL, got 'mysql'")]
)
def test_store_url_of_another_kind_is_refused(url: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        SqlStore(url, FixedClock(NOW))


def test_moment_without_zone_is_refused(store: SqlStore) -> None:
    with pytest.raises(sa.exc.StatementError, match="needs its zone"):
        store.create_key("k", "admin", expires_at=datetime(2026, 1, 1))
