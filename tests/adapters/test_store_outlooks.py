"""Outlook snapshots and overrides in the store, on SQLite and on a real PostgreSQL."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files

import pandas as pd
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from forecast.adapters.clock import FixedClock
from forecast.adapters.store import SqlStore

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NUMBERS = pd.DataFrame({"level": ["company", "rep"], "id": ["company", "u1"], "mean": [10.5, 4.0], "q0.5": [10.0, 3.0]})


def test_snapshots_are_kept_once(store: SqlStore) -> None:
    saved = [
        store.save_snapshot("2026Q1", NOW, 3, "conversion_opportunity/1", numbers)
        for numbers in (NUMBERS, NUMBERS.assign(mean=0.0))
    ]

    kept = store.snapshots("2026Q1")
    assert store.has_snapshot("2026Q1", NOW, 3, "conversion_opportunity/1")
    assert not store.has_snapshot("2026Q1", NOW, 4, "conversion_opportunity/1")
    assert saved == [True, False]
    assert kept["mean"].tolist() == [10.5, 4.0]
    assert kept.columns.tolist() == [
        "period", "as_of", "batch", "model_version", "measure", "level", "id", "saved_at", "mean", "q0.5"
    ]  # fmt: skip
    assert kept["saved_at"].tolist() == [NOW, NOW]
    assert store.snapshots("2026Q2").empty


def test_snapshots_of_another_batch_or_model_stand_beside(store: SqlStore) -> None:
    store.save_snapshot("2026Q1", NOW, 3, "group_rate", NUMBERS)
    store.save_snapshot("2026Q1", NOW, 4, "group_rate", NUMBERS)
    store.save_snapshot("2026Q1", NOW, 4, "conversion_opportunity/1", NUMBERS)

    assert len(store.snapshots("2026Q1")) == 6
    assert store.snapshot_moments().to_numpy().tolist() == [
        ["2026Q1", NOW, 3, "group_rate", NOW],
        ["2026Q1", NOW, 4, "conversion_opportunity/1", NOW],
        ["2026Q1", NOW, 4, "group_rate", NOW],
    ]


def test_snapshots_of_another_measure_stand_apart(store: SqlStore) -> None:
    asked = ("2026Q1", NOW, 3, "group_rate")
    saved = [store.save_snapshot(*asked, NUMBERS.assign(mean=[2.0, 1.0]), measure="wins") for _ in range(2)]

    assert saved == [True, False]
    assert store.has_snapshot(*asked, measure="wins")
    assert not store.has_snapshot(*asked)
    assert store.snapshots().empty
    assert store.snapshot_moments().empty
    assert store.snapshots(measure="wins")["mean"].tolist() == [2.0, 1.0]
    assert len(store.snapshot_moments(measure="wins")) == 1


def test_snapshots_of_an_older_release_are_of_revenue(empty_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(files("forecast.adapters") / "migrations"))
    with closing(SqlStore(empty_url, FixedClock(NOW))) as store:
        with sa.create_engine(empty_url, poolclass=sa.NullPool).begin() as con:
            config.attributes["connection"] = con
            command.upgrade(config, "0010")
            con.execute(
                sa.text(
                    "INSERT INTO outlook_snapshots (period, as_of, batch, model_version, level, id, numbers) "
                    "VALUES ('2026Q1', '2026-03-02 09:30:00', 3, 'group_rate', 'rep', 'u1', '{\"mean\": 4.5}')"
                )
            )
        store.migrate()

        (kept,) = store.snapshots().to_dict("records")

    assert (kept["measure"], kept["level"], kept["id"], kept["mean"]) == ("revenue", "rep", "u1", 4.5)


def test_snapshots_of_some_moments(store: SqlStore) -> None:
    days = [NOW + timedelta(days=day) for day in range(3)]
    for day in days:
        store.save_snapshot("2026Q1", day, 3, "group_rate", NUMBERS)

    assert store.snapshots("2026Q1", as_of=days[1:])["as_of"].tolist() == [days[1], days[1], days[2], days[2]]
    assert store.snapshot_moments(before=NOW).empty


def test_snapshots_saved_later_can_be_left_out(store: SqlStore) -> None:
    store.save_snapshot("2026Q1", NOW, 3, "group_rate", NUMBERS)

    assert store.snapshots("2026Q1", before=NOW).empty
    assert len(store.snapshots("2026Q1", before=NOW + timedelta(seconds=1))) == 2


def test_overrides_only_grow_and_keep_the_cent(store: SqlStore) -> None:
    said = {"author": "ann", "reason": "the tender was cancelled"}
    first = store.save_override("2026Q1", "team", "t1", 100.1, "EUR", **said)
    store.clock = FixedClock(NOW + timedelta(days=1))
    second = store.save_override("2026Q1", "team", "t1", 90.05, "EUR", **said)
    store.save_override("2026Q2", "company", "company", 1.0, "EUR", **said)

    both = store.overrides("2026Q1")
    assert both["number"].tolist() == [first, second]
    assert both["amount"].tolist() == [Decimal("100.1"), Decimal("90.05")]
    assert both["made_at"].tolist() == [NOW, NOW + timedelta(days=1)]
    assert set(both["reason"]) == {"the tender was cancelled"}
    assert store.overrides("2026Q1", before=NOW + timedelta(hours=1))["number"].tolist() == [first]
    assert len(store.overrides()) == 3
