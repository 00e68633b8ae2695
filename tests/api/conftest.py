"""A simulated company behind the API, and one client per role."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from forecast.datasets import make_company
from forecast.usecases.champion import fit_group_rate
from forecast.workspace import Workspace

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class FixedClock:
    """A clock that stands still until it is set."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


MakeWorkspace = Callable[..., Workspace]


@pytest.fixture(scope="session")
def make_workspace(tmp_path_factory: pytest.TempPathFactory) -> MakeWorkspace:
    """Makes a workspace with a simulated company of last year: eight reps in two teams, each in a region.

    The first of a size is ingested and later ones are copies of it, which take a hundredth of the time.
    """

    @cache
    def ingested(n: int) -> Path:
        folder = tmp_path_factory.mktemp("ingested")
        company = make_company(n_opportunities=n, n_leads=n, n_accounts=60, months=12, start=date(2025, 1, 1))
        workspace = Workspace.init(folder / "workspace", FixedClock(), reporting_currency="EUR", requests_per_minute=0)
        workspace.ingest(company.write(folder / "export"))
        workspace.store.close()
        return workspace.path

    def make(folder: Path, *, n: int = 200) -> Workspace:
        return Workspace(shutil.copytree(ingested(n), folder / "workspace"), FixedClock())

    return make


@pytest.fixture(scope="session")
def workspace(make_workspace: MakeWorkspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Read by all tests; those that change something make their own."""
    return make_workspace(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="session")
def app(workspace: Workspace) -> FastAPI:
    return create_app(workspace)


ClientOf = Callable[..., TestClient]


def clients(app: FastAPI, workspace: Workspace) -> ClientOf:
    """A function from role and user to a client with a key of theirs."""
    made: dict[tuple[str, str | None], TestClient] = {}

    def client(role: str, user_id: str | None = None) -> TestClient:
        if (role, user_id) not in made:
            key = workspace.store.create_key(f"{role} {user_id}", role, user_id)
            made[role, user_id] = TestClient(app, headers={"Authorization": f"Bearer {key}"})
        return made[role, user_id]

    return client


@pytest.fixture(scope="session")
def client(app: FastAPI, workspace: Workspace) -> ClientOf:
    return clients(app, workspace)


@pytest.fixture(scope="session")
def admin(client: ClientOf) -> TestClient:
    return client("admin")


@pytest.fixture(scope="session")
def scored(make_workspace: MakeWorkspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace whose open leads and opportunities were scored a week ago, an hour ago and, as of then, kept."""
    workspace = make_workspace(tmp_path_factory.mktemp("scored"), n=120)
    for as_of in (NOW - timedelta(days=7), NOW - timedelta(hours=1)):
        workspace.score(as_of, save=True)
    return workspace


@pytest.fixture(scope="session")
def scored_client(scored: Workspace) -> ClientOf:
    """Clients of the service of `scored`, by role and user."""
    return clients(create_app(scored), scored)


@pytest.fixture
def own_workspace(make_workspace: MakeWorkspace, tmp_path: Path) -> Workspace:
    """A workspace that the test may change."""
    return make_workspace(tmp_path, n=60)


@pytest.fixture(scope="session")
def clients_of() -> Callable[[Workspace], ClientOf]:
    """A function from a workspace to the clients of a newly started service."""
    return lambda workspace: clients(create_app(workspace), workspace)


@pytest.fixture(scope="session")
def serve(clients_of: Callable[[Workspace], ClientOf]) -> Callable[[Workspace], TestClient]:
    """The same for the admin's client alone."""
    return lambda workspace: clients_of(workspace)("admin")


@pytest.fixture
def crown() -> Callable[[Workspace, date], str]:
    """A function that registers and promotes a group rate of leads that knows what came before a day."""

    def crown(workspace: Workspace, cutoff: date) -> str:
        moment = workspace.moment(cutoff)
        with workspace.lake.connect() as con:
            scorer = fit_group_rate(con, "lead", moment, workspace.settings)
        assert scorer is not None
        run = {"cutoff": moment, "batch": workspace.lake.head(), "metrics": {"log_loss": 0.5}}
        version = workspace.registry.register("conversion_lead", scorer.to_files(), run)
        workspace.promote(version.label, author="ann", reason="for the test")
        return version.label

    return crown
