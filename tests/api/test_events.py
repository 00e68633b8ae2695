"""Facts over HTTP: taken or refused whole, by whom; and what open pages hear afterwards."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.change_stream import MAX_OF_CALLER, ChangeStreams
from api.errors import Refused
from api.event_view import EventView
from api.lifespan import Stopping
from api.rights import Caller
from forecast.workspace import Workspace

ClientOf = Callable[..., TestClient]


def call(number: int, **about: Any) -> dict[str, Any]:
    row = {"interaction_id": f"I-{number}", "at": "2025-12-31T09:00:00Z", "channel": "phone", **about}
    return {"id": f"e-{number}", "table": "interactions", "row": row}


def test_one_event_and_many_are_taken_and_wait(client: ClientOf, workspace: Workspace) -> None:
    waiting = workspace.event_backlog().deliveries
    operations = client("operations")

    one = operations.post("/v1/events", json=call(1))
    many = operations.post("/v1/events", json={"events": [call(2), call(3)]})

    assert (one.status_code, one.json()) == (202, {"accepted": ["e-1"]})
    assert (many.status_code, many.json()) == (202, {"accepted": ["e-2", "e-3"]})
    assert workspace.event_backlog().deliveries == waiting + 2
    assert operations.get("/v1/events/dead").json()["waiting"] == waiting + 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"events": [call(1), call(2, channel="fax")]}, "Event 'e-2': interactions.channel: 'fax' is none of"),
        (call(1) | {"table": "leds"}, "did you mean 'leads'?"),
        (
            call(1) | {"recorded_at": "2030-01-01T00:00:00Z"},
            "interactions.recorded_at: 2030-01-01 00:00:00 lies in the",
        ),
        (call(1) | {"recorded_at": "2025-01-01T00:00:00"}, "recorded_at"),
        (call(1, text={"a": 1}), "row.text"),
        ([], "Input should be"),
    ],
)
def test_a_broken_event_refuses_the_request_and_nothing_waits(
    client: ClientOf, workspace: Workspace, body: dict[str, Any], said: str
) -> None:
    waiting = workspace.event_backlog().deliveries

    answer = client("admin").post("/v1/events", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert said in answer.json()["detail"]
    assert workspace.event_backlog().deliveries == waiting


@pytest.mark.parametrize(("role", "user"), [("rep", "U000001"), ("manager", "U000009"), ("engineer", None)])
def test_who_sells_sends_no_facts(client: ClientOf, role: str, user: str | None) -> None:
    assert client(role, user).post("/v1/events", json=call(1)).status_code == 403
    assert client(role, user).get("/v1/events/dead").status_code == 403


def test_who_has_no_rows_hears_of_no_change(client: ClientOf) -> None:
    assert client("operations").get("/v1/changes").status_code == 403
    assert client("engineer").get("/v1/changes/stream").status_code == 403


@pytest.mark.slow
def test_a_rep_hears_of_own_rows_alone_whether_polling_or_listening(
    own_workspace: Workspace, clients_of: Callable[[Workspace], ClientOf]
) -> None:
    own_workspace.score(save=True)
    client = clients_of(own_workspace)
    scores = own_workspace.store.latest_scores("lead").drop_duplicates("owner_id").iloc[:2]
    (mine, theirs), me = scores["entity_id"].tolist(), scores["owner_id"].iloc[0]
    start = client("rep", me).get("/v1/changes").json()["until"]
    events = [call(1, lead_id=mine), call(2, lead_id=theirs), call(3, opportunity_id=None) | {"id": "e-1"}]
    assert client("admin").post("/v1/events", json={"events": events}).status_code == 202

    with own_workspace.event_queue.consuming(threading.Event()) as consumer:
        assert consumer is not None
        own_workspace.event_worker().turn(consumer)

    def heard(role: str, user: str | None) -> set[str]:
        body = client(role, user).get("/v1/changes", params={"since": start}).json()
        assert body["reset"] is False
        return {change["id"] for change in body["changes"]}

    assert mine in heard("rep", me)
    assert theirs not in heard("rep", me)
    assert heard("rep", "U999999") == set()
    assert heard("admin", None) >= {mine, theirs}
    first, told = asyncio.run(_listen(own_workspace, Caller("me", "rep", me), start))
    assert first.endswith(f"id: {start}\n\n")
    assert {change["id"] for change in json.loads(told.split("data: ")[1])["changes"]} == heard("rep", me)

    dead = client("operations").get("/v1/events/dead").json()
    assert [(one["id"], one["reason"][:30]) for one in dead["dead"]] == [("e-1", "the id was used before for som")]
    assert client("operations").post("/v1/events/dead/retry", json={}).json() == {"retried": 1}
    assert own_workspace.event_backlog().deliveries == 1


async def _listen(workspace: Workspace, caller: Caller, since: str) -> tuple[str, str]:
    """The first two messages of a stream."""
    service = create_app(workspace).state.service
    stream = ChangeStreams(workspace, Stopping()).follow(EventView(service, caller), "me", since)
    messages = [await anext(stream), await anext(stream)]
    await stream.aclose()
    return messages[0], messages[1]


def test_streams_of_one_caller_are_few_and_end_with_the_process(workspace: Workspace) -> None:
    stopping = Stopping()
    streams = ChangeStreams(workspace, stopping)
    view = EventView(create_app(workspace).state.service, Caller("a", "admin", None))

    async def listen() -> None:
        opened = [streams.follow(view, "me", None) for _ in range(MAX_OF_CALLER)]
        for one in opened:
            await anext(one)
        with pytest.raises(Refused, match="At most 10 streams"):
            streams.admit("me")
        streams.admit("somebody else")
        stopping.is_set = True
        assert [message async for message in opened[0]] == []
        streams.admit("me")

    asyncio.run(listen())
