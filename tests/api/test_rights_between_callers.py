"""What one caller got opens nothing to another: cursors, ETags, idempotency keys; and who hears of which change."""

import asyncio
import io
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.change_stream import ChangeStreams
from api.event_view import EventView
from api.lifespan import Stopping
from api.rights import Caller
from forecast.workspace import Workspace
from tests.api.conftest import NOW
from tests.api.test_rights import CALLERS, MANAGER, REP

pytestmark = pytest.mark.slow

ClientOf = Callable[..., TestClient]
BOTH = pytest.mark.parametrize(("role", "user_id", "owners"), CALLERS)

#: Pages of two rows: of the latest scores, and of those of a moment.
LISTS = (
    *("/v1/leads?limit=2", "/v1/opportunities?limit=2&sort=expected_value", "/v1/leads?limit=2&as_of=2025-12-20"),
    *("/v1/opportunities?limit=2&as_of=2025-12-20&batch=1", "/v1/customers?limit=2&as_of=2025-12-20&batch=1"),
)
#: Answers with an ETag of their own, or of their bytes.
TAGGED = (
    *("/v1/leads", "/v1/opportunities?sort=expected_value", "/v1/leads?as_of=2025-12-20", "/v1/reports"),
    *("/v1/customers?as_of=2025-12-20&batch=1", "/v1/performance?period=2025Q4&as_of=2025-12-20&batch=1"),
    *("/v1/outlook?period=2025Q4&as_of=2025-12-20&batch=1", "/v1/funnel?as_of=2025-12-20&batch=1"),
)


@BOTH
@pytest.mark.parametrize("address", LISTS)
def test_cursor_of_an_admin_shows_the_callers_own_rows(
    scored_client: ClientOf, address: str, role: str, user_id: str, owners: set[str]
) -> None:
    admin, caller = scored_client("admin"), scored_client(role, user_id)
    cursor, seen = admin.get(address).json()["next_cursor"], []

    for _ in range(5):
        page = caller.get(f"{address}&cursor={cursor}").json()
        seen += page["items"]
        cursor = admin.get(f"{address}&cursor={cursor}").json()["next_cursor"]

    assert {row["owner_id"] for row in seen} <= owners


@BOTH
@pytest.mark.parametrize("address", TAGGED)
def test_etag_of_an_admin_answers_nobody_else(
    scored_client: ClientOf, address: str, role: str, user_id: str, owners: set[str]
) -> None:
    theirs, caller = scored_client("admin").get(address), scored_client(role, user_id)

    own = caller.get(address)
    asked = caller.get(address, headers={"If-None-Match": theirs.headers["ETag"]})

    assert own.status_code == 200
    assert (own.headers["ETag"] == theirs.headers["ETag"]) == (own.content == theirs.content)
    assert asked.status_code == (304 if own.content == theirs.content else 200)
    assert address == "/v1/reports" or own.content != theirs.content


@BOTH
@pytest.mark.parametrize("latest", ["false", "true"])
def test_export_holds_the_rows_of_visible_owners_in_both_formats(
    scored_client: ClientOf, role: str, user_id: str, owners: set[str], latest: str
) -> None:
    def exported(client: TestClient) -> list[tuple[str, str]]:
        answer = client.get("/v1/scores/export", params={"latest": latest, "format": "parquet"})
        table = pq.read_table(io.BytesIO(answer.content)).to_pydict()
        owner_of = zip(table["entity_id"], table.get("owner_id", ()), strict=True)
        return sorted((one, owner or "") for one, owner in owner_of)

    every, seen = exported(scored_client("admin")), exported(scored_client(role, user_id))
    text = scored_client(role, user_id).get("/v1/scores/export", params={"latest": latest}).text

    assert seen == [row for row in every if row[1] in owners]
    assert len(text.splitlines()) == 1 + len(seen)


def test_idempotency_key_of_another_gives_no_answer_of_theirs(scored_client: ClientOf) -> None:
    record = {"entity": "lead", "record": {"status": "new", "owner_id": "U000000"}, "as_of": "2025-12-20"}
    key = {"Idempotency-Key": "one-for-all"}
    first = scored_client("admin").post("/v1/scores", json=record, headers=key)

    others = [
        scored_client(role, user).post("/v1/scores", json=record, headers=key)
        for role, user in (("rep", REP), ("manager", MANAGER), ("operations", None))
    ]

    assert first.status_code == 200, first.text
    assert [answer.status_code for answer in others] == [403] * 3
    assert all("Idempotency-Replayed" not in answer.headers for answer in others)
    again = scored_client("admin").post("/v1/scores", json=record, headers=key)
    assert (again.headers["Idempotency-Replayed"], again.content) == ("true", first.content)


@pytest.fixture(scope="module")
def moved(make_workspace: Callable[..., Workspace], tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str]:
    """A workspace in which every open case was scored anew, each on its own, and the mark of changes before that."""
    workspace = make_workspace(tmp_path_factory.mktemp("moved"), n=60)
    workspace.score(NOW - timedelta(hours=2), save=True)
    before = create_app(workspace).state.service.marks.mark(workspace.last_score_change())
    for entity in ("lead", "opportunity"):
        workspace.store.update_scores(workspace.store.latest_scores(entity).assign(as_of=NOW), entity)
    return workspace, before


@pytest.fixture(scope="module")
def moved_client(moved: tuple[Workspace, str], clients_of: Callable[[Workspace], ClientOf]) -> ClientOf:
    return clients_of(moved[0])


@BOTH
def test_changes_are_those_of_visible_owners_whether_polled_or_streamed(
    moved: tuple[Workspace, str], moved_client: ClientOf, role: str, user_id: str, owners: set[str]
) -> None:
    workspace, since = moved
    scores = [workspace.store.latest_scores(entity) for entity in ("lead", "opportunity")]
    own = sorted(one for found in scores for one in found.loc[found["owner_id"].isin(owners), "entity_id"])

    polled = moved_client(role, user_id).get("/v1/changes", params={"since": since}).json()
    streamed = asyncio.run(_heard(workspace, Caller("a test", role, user_id), since))

    assert sorted(change["id"] for change in polled["changes"]) == own
    assert polled["reset"] is False
    assert [sorted(change["id"] for change in told["changes"]) for told in streamed] == ([own] if own else [])


async def _heard(workspace: Workspace, caller: Caller, since: str) -> list[dict[str, list[dict[str, str]]]]:
    """The events of the first moments of a stream: none where nothing of the caller's changed."""
    view = EventView(create_app(workspace).state.service, caller)
    stream = ChangeStreams(workspace, Stopping()).follow(view, "me", since)
    messages: list[str] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(1.5):
            while True:
                messages.append(await anext(stream))
    return [json.loads(message.split("data: ")[1]) for message in messages if "data: " in message]
