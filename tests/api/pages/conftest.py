"""A scored company behind the pages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from forecast.workspace import Workspace

REP, MANAGER, OTHER = "U000001", "U000009", "U000000"


@dataclass(frozen=True)
class Scored:
    """A workspace whose leads and deals were scored twice, a week apart, and browsers of its people."""

    workspace: Workspace
    browser: Callable[..., TestClient]

    def rows(self, entity: str, owner: str | None = None) -> list[dict[str, object]]:
        """The latest scores of a kind, of one owner or all; the oracle of what pages show."""
        found = self.workspace.store.ranked_scores(entity, owner_ids=None if owner is None else [owner], limit=500)
        return [{str(name): value for name, value in row.items()} for row in found.to_dict("records")]


@pytest.fixture(scope="session")
def scored(make_workspace: Callable[..., Workspace], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scored]:
    workspace = make_workspace(tmp_path_factory.mktemp("scored"))
    workspace.settings = workspace.settings.model_copy(update={"frame_ancestors": ("https://crm.example.com",)})
    for day in ("2025-12-25", None):
        workspace.score(day, save=True)
    app = create_app(workspace)

    def browser(role: str, user_id: str | None = None) -> TestClient:
        key = workspace.store.create_key(f"{role} {user_id}", role, user_id)
        return TestClient(app, headers={"Authorization": f"Bearer {key}", "Accept": "text/html"})

    yield Scored(workspace, browser)
    workspace.store.close()
