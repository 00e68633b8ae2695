from datetime import UTC, datetime

import pandas as pd

from forecast.history import connect_tables, in_force
from forecast.schema import TABLES


def day(number: int) -> pd.Timestamp:
    return pd.Timestamp(2026, 1, number, tz="UTC")


def as_of(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


def test_the_version_in_force_is_the_last_one_recorded_strictly_before() -> None:
    versions = pd.DataFrame(
        {
            "opportunity_id": ["a", "a", "a"],
            "stage": ["new", "quoted", "signed"],
            "recorded_at": [day(1), day(3), day(5)],
        }
    )

    with connect_tables({"opportunities": versions}) as con:
        seen = {
            number: con.execute(f"SELECT stage FROM {in_force('opportunities', as_of(number))}").fetchall()
            for number in (1, 2, 3, 4, 6)
        }

    assert seen == {1: [], 2: [("new",)], 3: [("new",)], 4: [("quoted",)], 6: [("signed",)]}


def test_of_versions_recorded_at_the_same_moment_the_later_batch_then_the_later_row_wins() -> None:
    versions = pd.DataFrame(
        {
            "account_id": ["a", "a", "a"],
            "name": ["second batch, first row", "first batch", "second batch, second row"],
            "recorded_at": [day(1)] * 3,
            "batch": [2, 1, 2],
            "row": [1, 1, 2],
        }
    )

    def name(batch: int | None) -> object:
        with connect_tables({"accounts": versions}, batch=batch) as con:
            return con.execute(f"SELECT name FROM {in_force('accounts', as_of(9))}").fetchall()[0][0]

    assert name(1) == "first batch"
    assert name(None) == "second batch, second row"


def test_deleted_and_merged_entities_are_gone_from_then_on_and_not_before() -> None:
    versions = pd.DataFrame(
        {
            "account_id": ["deleted", "deleted", "merged", "merged", "kept"],
            "recorded_at": [day(1), day(3), day(1), day(4), day(1)],
            "deleted_at": [None, day(3), None, None, None],
            "merged_into": [None, None, None, "kept", None],
        }
    )

    with connect_tables({"accounts": versions}) as con:
        ids = {
            number: {
                row[0]
                for row in con.execute(f"SELECT account_id FROM {in_force('accounts', as_of(number))}").fetchall()
            }
            for number in (2, 4, 5)
        }

    assert ids == {2: {"deleted", "merged", "kept"}, 4: {"merged", "kept"}, 5: {"kept"}}


def test_aliases_follow_chains_of_merges_from_the_moment_the_chain_was_known() -> None:
    versions = pd.DataFrame(
        {
            "account_id": ["a", "b", "c", "a", "b"],
            "recorded_at": [day(1), day(1), day(1), day(7), day(5)],
            "merged_into": [None, None, None, "b", "c"],
        }
    )

    with connect_tables({"accounts": versions}) as con:
        aliases = {
            (alias, survivor): known_from
            for alias, survivor, known_from in con.execute(
                "SELECT * FROM accounts_aliases WHERE alias_id <> survivor_id"
            ).fetchall()
        }

    assert aliases == {
        ("a", "b"): datetime(2026, 1, 7),
        ("b", "c"): datetime(2026, 1, 5),
        ("a", "c"): datetime(2026, 1, 7),
    }


def test_every_canonical_table_can_be_queried_when_nothing_was_ingested() -> None:
    with connect_tables({}) as con:
        counts = {name: con.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in TABLES}

    assert counts == dict.fromkeys(TABLES, 0)
