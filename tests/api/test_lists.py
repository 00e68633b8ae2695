"""Lists that are made as a whole: every one of them has pages, orders and filters, by one way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from api.lists import Listing, containing, kept, of_team
from api.organisation import Organisation
from api.queries import ListQuery
from api.service import Snapshot
from forecast.errors import InvalidInput
from forecast.ports import DeadEvent
from forecast.workspace import Workspace

AS_OF = "2025-12-01"
AT = {"as_of": AS_OF}
PERIOD = AT | {"period": "2025Q4"}
MOVED = PERIOD | {"since": "2025-11-01"}

#: Each list with what it is asked for, where its rows stand, what names a row, and an order of numbers.
LISTS: list[tuple[str, dict[str, str], str, tuple[str, ...], str]] = [
    ("/v1/outlook", PERIOD, "lines", ("level", "id"), "mean"),
    ("/v1/outlook/accuracy", AT, "lines", ("level", "id", "horizon", "forecaster"), "wape"),
    ("/v1/outlook/against-actual", PERIOD, "lines", ("as_of", "level", "id"), "mean"),
    ("/v1/outlook/moved", MOVED, "lines", ("level", "id"), "after"),
    ("/v1/outlook/moved/deals", MOVED, "items", ("opportunity_id", "owner_id", "step", "text"), "amount"),
    ("/v1/outlook/overrides", {"period": "2025Q4"}, "overrides", ("number",), "amount"),
    ("/v1/performance", PERIOD, "lines", ("level", "id"), "revenue"),
    ("/v1/targets", PERIOD, "lines", ("owner_kind", "owner_id"), "amount"),
    ("/v1/targets/levels", PERIOD, "lines", ("level", "owner_kind", "owner_id"), "amount"),
    ("/v1/targets/approvals", {"period": "2025Q4"}, "lines", ("owner_kind", "owner_id"), "amount"),
    ("/v1/targets/attainment", PERIOD, "lines", ("owner_kind", "owner_id"), "target"),
    ("/v1/models", {}, "items", ("name", "version"), "cutoff"),
    ("/v1/models/ledger", {}, "items", ("name", "version", "promoted_at"), "promoted_at"),
    ("/v1/data/quarantine", {}, "rows", ("rejected_id",), "batch"),
    ("/v1/events/dead", {}, "dead", ("id",), "failed_at"),
    ("/v1/reports", {}, "items", ("name",), "name"),
    ("/v1/report-schedules", {}, "schedules", ("id",), "created_at"),
    ("/v1/report-schedules/deliveries", {}, "items", ("schedule_id", "due_at"), "attempts"),
    ("/v1/users", {}, "items", ("id",), "last_login_at"),
]


@pytest.fixture(scope="module")
def filled(
    make_workspace: Callable[..., Workspace],
    tmp_path_factory: pytest.TempPathFactory,
    clients_of: Callable[[Workspace], Callable[..., TestClient]],
) -> TestClient:
    """An admin's client of a workspace that has something in its lists."""
    workspace = make_workspace(tmp_path_factory.mktemp("lists"), n=80)
    store, admin = workspace.store, clients_of(workspace)("admin")
    for name, role in (("ann", "rep"), ("ben", "manager"), ("cid", "operations")):
        store.add_login(name, role, "a password long enough", None if role == "operations" else "U000001")
    for amount in (7, 9, 8):
        store_override = {"period": "2025Q4", "level": "rep", "id": "U000001", "amount": amount, "reason": "a test"}
        assert admin.post("/v1/outlook/overrides", json=store_override).status_code == 201
    approval = {"period": "2025Q4", "as_of": AS_OF, "batch": 1}
    assert admin.post("/v1/targets/approvals", json=approval).status_code == 201
    at, tables = datetime(2025, 12, 1, tzinfo=UTC), ("users", "leads")
    failed = [(number, at + timedelta(hours=number // 2)) for number in range(5)]
    store.bury_events([DeadEvent(f"e{n}", tables[n % 2], at, then, "x", {"row": {}}) for n, then in failed])
    return admin


def _pages(client: TestClient, path: str, params: dict[str, Any], rows: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        answer = client.get(path, params=params | cursor)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += body[rows]
        if body["next_cursor"] is None:
            return found
        assert len(body[rows]) == params["limit"]
        cursor = {"cursor": body["next_cursor"]}


@pytest.mark.slow
@pytest.mark.parametrize(("path", "params", "rows", "key", "sort"), LISTS, ids=[one[0] for one in LISTS])
def test_pages_of_a_list_together_are_the_list(
    filled: TestClient, path: str, params: dict[str, str], rows: str, key: tuple[str, ...], sort: str
) -> None:
    for asked in ({}, {"sort": sort}):
        whole = filled.get(path, params=params | asked).json()[rows]

        paged = _pages(filled, path, params | asked | {"limit": 5}, rows)

        assert paged == whole
        assert len({tuple(row[name] for name in key) for row in whole}) == len(whole)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "params", "rows", "key", "sort"), LISTS, ids=[one[0] for one in LISTS])
def test_list_is_sorted_as_asked(
    filled: TestClient, path: str, params: dict[str, str], rows: str, key: tuple[str, ...], sort: str
) -> None:
    for order, is_reversed in (("asc", False), ("desc", True)):
        shown = filled.get(path, params=params | {"sort": sort, "order": order}).json()[rows]

        values = [row[sort] for row in shown]
        known = [value for value in values if value is not None]
        assert known == sorted(known, reverse=is_reversed)
        assert values[len(known) :] == [None] * (len(values) - len(known))


@pytest.mark.slow
@pytest.mark.parametrize(("path", "params", "rows", "key", "sort"), LISTS, ids=[one[0] for one in LISTS])
def test_list_refuses_what_it_does_not_know(
    filled: TestClient, path: str, params: dict[str, str], rows: str, key: tuple[str, ...], sort: str
) -> None:
    for wrong in ({"sort": "no-such-order"}, {"order": "up"}, {"limit": 0}, {"cursor": "abc"}, {"misspelt": "1"}):
        answer = filled.get(path, params=params | wrong)

        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), (wrong, answer.text)


@pytest.mark.slow
def test_cursor_of_another_filter_is_refused(filled: TestClient) -> None:
    cursor = filled.get("/v1/performance", params=PERIOD | {"limit": 1}).json()["next_cursor"]

    answer = filled.get("/v1/performance", params=PERIOD | {"limit": 1, "level": "team", "cursor": cursor})

    assert answer.status_code == 422
    assert "`cursor` is not one that this list gave" in answer.json()["detail"]


@pytest.mark.slow
def test_lines_can_be_chosen_by_level_id_and_team(filled: TestClient) -> None:
    def ids(**asked: Any) -> set[str]:
        return {line["id"] for line in filled.get("/v1/performance", params=PERIOD | asked).json()["lines"]}

    team = ids(team_id="T000001")
    assert {"T000001", "U000001", "U000003"} <= team
    assert not {"company", "U000002"} & team
    assert ids(level="company") == {"company"}
    assert ids(id=["U000002", "U000003"]) == {"U000002", "U000003"}


@pytest.mark.slow
def test_moved_deals_are_all_of_those_named_beside_the_lines(filled: TestClient) -> None:
    named = filled.get("/v1/outlook/moved", params=MOVED | {"deals": 100}).json()["deals"]

    every = _pages(filled, "/v1/outlook/moved/deals", MOVED | {"limit": 7}, "items")
    won = _pages(filled, "/v1/outlook/moved/deals", MOVED | {"limit": 7, "step": "won"}, "items")

    assert named
    assert sorted(map(str, every)) == sorted(map(str, named))
    assert won == [deal for deal in every if deal["step"] == "won"]
    distances = [abs(deal["amount"]) for deal in every]
    assert distances == sorted(distances, reverse=True)


@pytest.mark.slow
def test_dead_events_of_a_table(filled: TestClient) -> None:
    assert [one["id"] for one in _pages(filled, "/v1/events/dead", {"table": "users", "limit": 1}, "dead")] == [
        "e0",
        "e2",
        "e4",
    ]


@pytest.mark.slow
def test_people_are_found_by_role_and_name(filled: TestClient) -> None:
    def names(**asked: Any) -> list[str]:
        return [user["name"] for user in filled.get("/v1/users", params=asked).json()["items"]]

    assert names() == ["ann", "ben", "cid"]
    assert names(role=["rep", "operations"]) == ["ann", "cid"]
    assert names(q="u0000") == ["ann", "ben"]
    assert names(disabled=True) == []


class _Query(ListQuery):
    pass


ROWS = pd.DataFrame({"id": ["a", "b", "c", "d"], "level": ["team", "rep", "rep", "rep"], "name": ["x", None, "Y", "z"]})


@given(
    st.lists(st.sampled_from(["x", "Y", "é", "", None]), max_size=12),
    st.integers(1, 5),
    st.sampled_from(["asc", "desc"]),
)
def test_pages_by_text_together_are_the_list(names: list[str | None], limit: int, order: Any) -> None:
    rows = pd.DataFrame({"id": [f"i{n}" for n in range(len(names))], "name": pd.Series(names, dtype=object)})
    whole = Listing("x", _Query(sort="name", order=order)).page(rows, ["id"]).rows

    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        shown = Listing("x", _Query(sort="name", order=order, limit=limit, cursor=cursor)).page(
            rows.sample(frac=1, random_state=limit), ["id"]
        )
        found += shown.rows
        cursor = shown.next_cursor
        if cursor is None:
            break

    assert found == whole


def test_cursor_keeps_the_snapshot_of_its_first_page() -> None:
    snapshot = Snapshot(datetime(2026, 3, 31, tzinfo=UTC), 7)
    first = Listing("x", _Query(limit=1)).page(ROWS, ["id"], snapshot)

    later = Listing("x", _Query(limit=1, cursor=first.next_cursor))

    assert later.moment(None, None) == ("2026-03-31T00:00:00+00:00", 7)
    assert Listing("x", _Query()).moment("2026-01-01", None) == ("2026-01-01", None)


def test_cursor_of_another_list_is_refused() -> None:
    cursor = Listing("x", _Query(limit=1)).page(ROWS, ["id"]).next_cursor

    with pytest.raises(InvalidInput, match="`cursor` is not one that this list gave"):
        Listing("y", _Query(limit=1, cursor=cursor))


def test_rows_are_kept_by_any_of_the_values() -> None:
    assert kept(ROWS, level=["rep"], id=["a", "b"])["id"].tolist() == ["b"]
    assert kept(ROWS, level=[], id=None)["id"].tolist() == ["a", "b", "c", "d"]
    assert containing(ROWS, "y", "id", "name")["id"].tolist() == ["c"]


def test_lines_of_a_team_are_those_of_its_sub_teams_and_people() -> None:
    organisation = Organisation({"U1": "north", "U2": "east", "U3": "south"}, {"east": "north"}, {})
    lines = pd.DataFrame(
        {
            "level": ["company", "team", "team", "team", "rep", "rep", "rep"],
            "id": ["company", "north", "east", "south", "U1", "U2", "U3"],
        }
    )

    assert of_team(lines, "north", organisation)["id"].tolist() == ["north", "east", "U1", "U2"]
