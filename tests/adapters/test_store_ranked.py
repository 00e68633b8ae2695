"""Pages of the latest scores, against the same pages made of the whole list in memory."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from forecast.adapters.clock import FixedClock
from forecast.adapters.store import SqlStore
from forecast.usecases.ranked import SORT_COLUMNS, RankedFilter, RankedPlace

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OWNERS = [f"u{number}" for number in range(5)]


def made(n: int = 80, *, as_of: datetime = NOW, batch: int = 1, seed: int = 0, **columns: Any) -> pd.DataFrame:
    """Scores with many ties and missing values."""
    rng = np.random.default_rng(seed)
    day = date(2026, 4, 1)
    frame = pd.DataFrame(
        {
            "entity": "opportunity",
            "entity_id": [f"O-{number:05d}" for number in rng.permutation(n)],
            "owner_id": rng.choice([*OWNERS, None], n),
            "as_of": as_of,
            "batch": batch,
            "model_version": "conversion_opportunity/3",
            "probability": rng.integers(0, 12, n) / 12,
            "low": 0.0,
            "high": 1.0,
            "p_30d": 0.1,
            "percentile": 50.0,
            "grade": rng.choice(["A", "B", "C"], n),
            "base": 0.2,
            "reasons": "[]",
            "backdated": False,
            "title": rng.choice(["Pump for Acme", "上海美的冰箱 订单", "100% renewal", "pumpkin soup"], n),
            "account_name": rng.choice(["Acme Inc.", "Zenith GmbH"], n),
            "stage": rng.choice(["proposal", "negotiation"], n),
            "amount_reporting": rng.choice([100.0, 200.0, 350.5, np.nan], n),
            "expected_value": rng.choice([10.0, 20.0, np.nan], n),
            "created_at": [NOW - timedelta(days=int(days)) for days in rng.integers(1, 50, n)],
            "expected_close_date": [
                None if days == 9 else day + timedelta(days=int(days)) for days in rng.integers(0, 10, n)
            ],
            "previous_probability": rng.choice([0.25, 0.5, np.nan], n),
            "previous_as_of": NOW - timedelta(days=7),
        }
    )
    return frame.assign(**columns)


@pytest.fixture(scope="module")
def store(new_store: Callable[[], SqlStore]) -> SqlStore:
    """Holds `made()`; the tests of this module that change it put it back."""
    store = new_store()
    store.save_scores(made())
    return store


def _paged(store: SqlStore, limit: int, sort: str, **asked: Any) -> list[str]:
    """Ids of all pages."""
    ids: list[str] = []
    after = None
    while True:
        rows = store.ranked_scores("opportunity", sort=sort, after=after, limit=limit, **asked)
        ids.extend(rows["entity_id"])
        if len(rows) < limit:
            return ids
        value = rows[SORT_COLUMNS[sort]].iloc[-1]
        after = RankedPlace(None if pd.isna(value) else value, rows["entity_id"].iloc[-1])


def _expected(sort: str, descending: bool, rows: pd.DataFrame) -> list[str]:
    """The same list by pandas: by value, missing last, ties by id."""
    rows = rows.assign(change=(rows["probability"] - rows["previous_probability"]).round(9))
    by = [SORT_COLUMNS[sort], "entity_id"]
    return list(rows.sort_values(by, ascending=[not descending, descending], na_position="last")["entity_id"])


@pytest.mark.slow
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", sorted(SORT_COLUMNS))
def test_pages_together_are_the_list(store: SqlStore, sort: str, descending: bool) -> None:
    for limit, owners in [(11, None), (7, ["u1", "u3"]), (200, ["u1"])]:
        rows = made() if owners is None else made()[made()["owner_id"].isin(owners)]

        paged = _paged(store, limit, sort, descending=descending, owner_ids=owners)

        assert paged == _expected(sort, descending, rows), (limit, owners)


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        (RankedFilter(stages=("proposal",)), lambda row: row["stage"] == "proposal"),
        (RankedFilter(grades=("A", "C")), lambda row: row["grade"] in ("A", "C")),
        (RankedFilter(min_probability=0.5), lambda row: row["probability"] >= 0.5),
        (RankedFilter(min_amount=200, max_amount=300), lambda row: row["amount_reporting"] == 200),
        (
            RankedFilter(closes_from=date(2026, 4, 3), closes_before=date(2026, 4, 5)),
            lambda row: row["expected_close_date"] in (date(2026, 4, 3), date(2026, 4, 4)),
        ),
        (RankedFilter(created_from=NOW - timedelta(days=5)), lambda row: row["created_at"] >= NOW - timedelta(days=5)),
        (RankedFilter(created_before=NOW - timedelta(days=5)), lambda row: row["created_at"] < NOW - timedelta(days=5)),
    ],
    ids=["stage", "grade", "probability", "amount", "closes", "created from", "created before"],
)
def test_filters_keep_what_they_say(store: SqlStore, where: RankedFilter, kept: Any) -> None:
    expected = [row["entity_id"] for row in made().to_dict("records") if kept(row)]

    for owners in (None, OWNERS):
        mine = made().set_index("entity_id")["owner_id"].notna() if owners else None
        found = _paged(store, 50, "probability", where=where, owner_ids=owners)
        assert sorted(found) == sorted(one for one in expected if mine is None or mine[one])
        assert 0 < len(expected) < len(made())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "has"),
    [
        ("acme", lambda text: "Acme" in text),
        ("PUMP zen", lambda text: "ump" in text and "Zenith" in text),
        ("美的", lambda text: "美的" in text),
        ("美的冰箱", lambda text: "美的冰箱" in text),
        ("订", lambda text: "订" in text),
        ("冰美", lambda text: False),
        ("o-0000", lambda text: "O-0000" in text),
        ("77", lambda text: "O-00077" in text),
        ("100%", lambda text: "100" in text),
        ("_", lambda text: False),
        ("negot", lambda text: "negotiation" in text),
    ],
)
@pytest.mark.parametrize("few_hits", [500, 1])
def test_search_finds_beginnings_of_words(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, few_hits: int, query: str, has: Any
) -> None:
    monkeypatch.setattr("forecast.adapters.store_ranked._FEW_HITS", few_hits)  # both ways to search
    texts = made().set_index("entity_id")[["title", "account_name", "stage"]].agg(" ".join, axis=1)
    expected = sorted(one for one, text in texts.items() if has(f"{one} {text}"))

    assert sorted(_paged(store, 50, "probability", search=query)) == expected


def test_no_owner_sees_nothing(store: SqlStore) -> None:
    assert store.ranked_scores("opportunity", owner_ids=[]).empty
    assert store.ranked_scores("lead").empty


def test_row_is_whole_and_of_one_entity(store: SqlStore) -> None:
    expected = made().set_index("entity_id").loc["O-00007"]

    (row,) = store.score_row("opportunity", "O-00007").to_dict("records")

    assert (row["title"], row["p_30d"], row["reasons"]) == (expected["title"], 0.1, "[]")
    assert row["created_at"] == expected["created_at"]
    assert store.score_row("opportunity", "O-77777").empty


def test_many_owners_are_read_in_order_too(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = made()[made()["owner_id"].isin(OWNERS[:4])]
    monkeypatch.setattr("forecast.adapters.store_ranked._MERGED_OWNERS", 3)

    assert _paged(store, 7, "amount", owner_ids=OWNERS[:4]) == _expected("amount", True, rows)


@pytest.fixture
def again(store: SqlStore) -> Iterator[SqlStore]:
    """The store of a test that changes it, and put back."""
    yield store
    store.clock.moment += timedelta(minutes=1)
    for kind in ("lead", "opportunity"):
        with store._writing() as con:
            con.execute(sa.text(f"DELETE FROM score_states WHERE entity = '{kind}'"))
            con.execute(sa.text(f"DELETE FROM score_closings WHERE entity = '{kind}'"))
            con.execute(sa.text(f"DELETE FROM latest_scores WHERE entity = '{kind}'"))
    store.save_scores(made())


def _ids(store: SqlStore, **asked: Any) -> set[str]:
    return set(store.ranked_scores("opportunity", limit=1000, **asked)["entity_id"])


def test_update_replaces_just_these_rows_and_their_words(again: SqlStore) -> None:
    later = NOW + timedelta(hours=1)
    known = made().dropna(subset=["previous_probability"]).iloc[0]
    changed = (
        made()
        .iloc[[0, 1]]
        .assign(as_of=later, batch=2, probability=0.99, title="Turbine", entity_id=[known["entity_id"], "new"])
    )
    before = again.score_state("opportunity")

    again.update_scores(changed.drop(columns=["previous_probability", "previous_as_of"]), "opportunity", ["O-00008"])

    assert _ids(again) == {*made()["entity_id"], "new"} - {"O-00008"}
    assert (
        _ids(again, search="turbine")
        == _ids(again, where=RankedFilter(min_probability=0.95))
        == {known["entity_id"], "new"}
    )
    assert _ids(again, search="O-00008") == set()
    shown = again.score_row("opportunity", known["entity_id"]).iloc[0]
    assert (shown["previous_probability"], shown["probability"]) == (known["previous_probability"], 0.99)
    state = again.score_state("opportunity")
    assert before is not None
    assert state is not None
    assert (state.as_of, state.batch, state.whole_as_of, state.version) == (later, 2, NOW, before.version + 1)


def test_whole_scores_of_an_earlier_moment_neither_undo_updates_nor_reopen_what_closed(again: SqlStore) -> None:
    later, midnight = NOW + timedelta(hours=9), NOW + timedelta(hours=1)
    changed = made().iloc[[0]].assign(as_of=later, batch=3, probability=0.99)
    again.update_scores(changed, "opportunity", ["O-00008"])

    assert again.save_scores(made(as_of=midnight, batch=2))

    assert _ids(again) == set(made()["entity_id"]) - {"O-00008"}
    assert again.score_row("opportunity", changed["entity_id"].iloc[0])["probability"].iloc[0] == 0.99
    assert len(again.score_row("opportunity", made()["entity_id"].iloc[1])) == 1
    again.save_scores(made(as_of=later, batch=4))
    assert "O-00008" in _ids(again)


def test_update_without_rows_says_up_to_where_scores_know(again: SqlStore) -> None:
    again.update_scores(made().iloc[:0], "opportunity", as_of=NOW + timedelta(seconds=2), batch=9)

    state = again.score_state("opportunity")
    assert state is not None
    assert (state.batch, state.as_of, state.whole_batch) == (9, NOW + timedelta(seconds=2), 1)


def test_share_below_counts_ties_by_half(store: SqlStore) -> None:
    probabilities = made()["probability"]

    expected = (probabilities < 0.5).mean() + (probabilities == 0.5).mean() / 2

    assert store.share_below("opportunity", 0.5) == pytest.approx(expected)
    assert store.share_below("lead", 0.5) is None


@pytest.mark.parametrize("owners", [None, ["u1"], ["u1", "u3"]], ids=str)
def test_pages_are_read_through_an_index_in_order(tmp_path: Path, owners: list[str] | None) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'store.db'}", FixedClock(NOW))
    store.migrate()
    store.save_scores(made(2000))
    asked: list[tuple[str, Any]] = []
    sa.event.listen(store._engine, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))

    for sort in ("probability", "expected_value", "amount", "expected_close_date", "change"):
        for descending, after in itertools.product([True, False], [None, RankedPlace(None, "O-00007")]):
            store.ranked_scores("opportunity", owner_ids=owners, sort=sort, descending=descending, after=after)

    pages = [(text, values) for text, values in asked if "FROM listed_scores" in text and "LIMIT" in text]
    assert len(pages) >= 10
    with store.reading() as con:
        for text, values in pages:
            plan = [row[-1] for row in con.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
            read = [step for step in plan if "listed_scores" in step]
            assert all("USING INDEX listed_scores_by_" in step or "USING COVERING INDEX" in step for step in read), plan
            assert not any("SCAN listed_scores" in step for step in plan), plan
            # Merged rows of owners, at most a page of each, are sorted; nothing else is.
            assert owners is not None or not any("TEMP B-TREE" in step for step in plan), plan
    store.close()
