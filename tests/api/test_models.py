from collections.abc import Callable
from datetime import date

import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace

pytestmark = pytest.mark.slow  # each test makes its own workspace


def test_models_are_listed_with_who_serves(
    own_workspace: Workspace,
    clients_of: Callable[[Workspace], Callable[..., TestClient]],
    crown: Callable[[Workspace, date], str],
) -> None:
    for month in (8, 10):
        crown(own_workspace, date(2025, month, 1))

    items = clients_of(own_workspace)("engineer").get("/v1/models").json()["items"]

    assert [(item["name"], item["version"], item["champion"]) for item in items] == [
        ("conversion_lead", "1", False),
        ("conversion_lead", "2", True),
    ]
    assert items[1]["cutoff"] == "2025-10-01T00:00:00+00:00"
    assert (items[1]["log_loss"], items[1]["reason"]) == (0.5, "for the test")


def test_workspace_without_models_lists_none(client: Callable[..., TestClient]) -> None:
    assert client("engineer").get("/v1/models").json() == {"items": [], "next_cursor": None}
