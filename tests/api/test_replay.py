"""The same (as_of, model, batch) gives the same bytes, whatever happened since."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from forecast.datasets import make_company
from forecast.workspace import Workspace

pytestmark = pytest.mark.slow  # each test makes its own workspace

Serve = Callable[[Workspace], TestClient]
AS_OF = "2025-11-01"


def _bodies(client: TestClient, *nouns: str, **identity: str) -> list[bytes]:
    """A page of each list and some explanations."""
    bodies = []
    for noun in nouns or ("leads", "opportunities"):
        answer = client.get(f"/v1/{noun}", params={"as_of": AS_OF, "limit": 20, "team_id": "R-north", **identity})
        assert answer.status_code == 200, answer.text
        bodies.append(answer.content)
        for item in answer.json()["items"][:3]:
            url = f"/v1/{noun}/{item['entity_id']}/explanation"
            bodies.append(client.get(url, params={"as_of": AS_OF, **identity}).content)
    return bodies


def _ingest_more(workspace: Workspace, folder: Path) -> None:
    """Two months later another company's rows arrive: later ones, and a backfill of earlier ones."""
    workspace.clock.moment += timedelta(days=60)  # type: ignore[attr-defined]
    other = make_company(
        n_opportunities=60, n_leads=60, n_accounts=60, months=14, start=date(2024, 12, 1), random_state=5
    )
    workspace.ingest(other.write(folder))


def test_body_is_the_same_from_memory_and_from_a_new_process(own_workspace: Workspace, serve: Serve) -> None:
    client = serve(own_workspace)
    first = _bodies(client)

    assert _bodies(client) == first
    assert _bodies(serve(own_workspace)) == first


def test_body_is_the_same_after_later_data_and_a_backfill(
    own_workspace: Workspace, serve: Serve, tmp_path: Path
) -> None:
    client = serve(own_workspace)
    first = _bodies(client, batch="1")

    _ingest_more(own_workspace, tmp_path / "more")

    assert own_workspace.lake.head() == 2
    assert _bodies(client, batch="1") == first
    assert _bodies(serve(own_workspace), batch="1") == first
    assert _bodies(client) != first  # the backfill is there for who does not name a batch


def test_body_is_the_same_after_compaction_and_vacuum(own_workspace: Workspace, serve: Serve, tmp_path: Path) -> None:
    first = _bodies(serve(own_workspace), batch="1")
    _ingest_more(own_workspace, tmp_path / "more")

    own_workspace.lake.compact()
    own_workspace.lake.vacuum(retention_hours=0)

    assert _bodies(serve(own_workspace), batch="1") == first


def test_pages_stay_together_when_data_arrives_in_between(
    own_workspace: Workspace, serve: Serve, tmp_path: Path
) -> None:
    client = serve(own_workspace)
    asked = {"as_of": AS_OF, "limit": "5"}
    whole = client.get("/v1/opportunities", params=asked | {"limit": "200"}).json()["items"]

    page = client.get("/v1/opportunities", params=asked).json()
    _ingest_more(own_workspace, tmp_path / "more")
    items = page["items"]
    while page["next_cursor"]:
        page = client.get("/v1/opportunities", params=asked | {"cursor": page["next_cursor"]}).json()
        items += page["items"]

    assert items == whole


def test_body_of_a_named_model_is_the_same_after_a_newer_champion(
    own_workspace: Workspace, serve: Serve, crown: Callable[[Workspace, date], str]
) -> None:
    client = serve(own_workspace)
    old = crown(own_workspace, date(2025, 8, 1))
    first = _bodies(client, "leads")
    assert json.loads(first[0])["model_version"] == old

    new = crown(own_workspace, date(2025, 10, 20))

    assert json.loads(_bodies(client, "leads")[0])["model_version"] == new
    assert _bodies(client, "leads", model=old) == first
    assert _bodies(serve(own_workspace), "leads", model=old) == first
