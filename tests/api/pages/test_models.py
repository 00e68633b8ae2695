"""The models' pages and routes: evidence, the live record, promotion by hand."""

import re
from collections.abc import Callable
from html import unescape

import numpy as np
import pytest
from fastapi.testclient import TestClient

from forecast.usecases.champion import fit_group_rate
from forecast.usecases.evidence import RELIABILITY, kept_predictions
from forecast.usecases.models import CARD
from forecast.workspace import Workspace

ClientOf = Callable[..., TestClient]

pytestmark = pytest.mark.slow


def _register(workspace: Workspace, day: str) -> str:
    """A group rate of leads with predictions of 200 later cases, half of them won where .5 was said."""
    moment = workspace.moment(day)
    with workspace.lake.connect() as con:
        scorer = fit_group_rate(con, "lead", moment, workspace.settings)
    assert scorer is not None
    y = np.tile([0.0, 1.0], 100)
    moments = np.full(200, np.datetime64("2025-09-05"))
    kept = kept_predictions(np.arange(200), moments, y, np.full(200, 0.5), np.full(200, 0.4), {})
    run = {
        "cutoff": moment,
        "batch": 1,
        "metrics": {"log_loss": 0.69},
        "tags": {"kind": "group_rate", "gate": "refused"},
    }
    files = scorer.to_files() | {RELIABILITY: kept, CARD: b"# conversion_lead <script>"}
    return workspace.registry.register("conversion_lead", files, run).label


@pytest.fixture(scope="module")
def modelled(
    make_workspace: Callable[..., Workspace],
    clients_of: Callable[[Workspace], ClientOf],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Workspace, ClientOf]:
    """Two versions of one model, the first of them champion, and scores given every month of the summer."""
    workspace = make_workspace(tmp_path_factory.mktemp("modelled"))
    first, _ = _register(workspace, "2025-06-01"), _register(workspace, "2025-08-01")
    workspace.promote(first, author="ann", reason="the first")
    for month in (7, 8, 9):
        workspace.score(f"2025-{month:02d}-02", save=True)
    return workspace, clients_of(workspace)


def _words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_engineer_sees_who_serves_and_who_was_refused(modelled: tuple[Workspace, ClientOf]) -> None:
    words = _words(modelled[1]("engineer").get("/models").text)

    assert "Champion: version 1" in words
    assert "refused" in words
    assert "conversion_lead/1 ann the first" in words


def test_version_shows_its_reliability_and_a_card_that_is_only_text(modelled: tuple[Workspace, ClientOf]) -> None:
    engineer = modelled[1]("engineer")
    curve = engineer.get("/v1/models/conversion_lead/2/reliability").json()["curve"]

    page = engineer.get("/models/conversion_lead/2?by=month&group=2025-09")

    assert [(point["predicted"], point["observed"], point["n_cases"]) for point in curve] == [(0.5, 0.5, 200)]
    assert "2025-09 200 50.0% 50.0% as said" in _words(page.text)
    assert "<script>" not in page.text
    assert "<h3>conversion_lead &lt;script&gt;" in page.text
    assert engineer.get("/models/conversion_lead/9").status_code == 404


def test_live_record_counts_what_came_of_what_was_given(modelled: tuple[Workspace, ClientOf]) -> None:
    workspace, client = modelled
    given = workspace.given_scores("lead", 30)

    record = client("engineer").get("/v1/models/record", params={"entity": "lead", "horizon": 30}).json()
    words = _words(client("engineer").get("/models/record?entity=lead&horizon=30").text)

    assert [month["month"] for month in record["months"]] == ["all", "2025-09", "2025-08", "2025-07"]
    assert record["months"][0]["expected"] == pytest.approx(given["probability"].sum(), abs=1e-5)
    assert record["months"][0]["came"] == given["came"].sum() > 0
    assert f"{record['months'][0]['expected']:,.1f}" in words
    assert client("engineer").get("/v1/models/record", params={"horizon": 31}).status_code == 422


def test_promotion_by_hand_needs_a_reason_and_is_kept_with_its_author(modelled: tuple[Workspace, ClientOf]) -> None:
    _, client = modelled
    admin = client("admin")
    assert admin.post("/models/promote", data={"model": "conversion_lead/2"}).status_code == 422

    made = admin.post("/models/promote", data={"model": "conversion_lead/2", "reason": "newer"}, follow_redirects=False)
    back = admin.post("/v1/models/rollbacks", json={"name": "conversion_lead", "reason": "worse"})

    assert (made.status_code, made.headers["Location"]) == (303, "/models/conversion_lead/2")
    assert back.json() == {"champion": "conversion_lead/1"}
    ledger = admin.get("/v1/models/ledger").json()["items"]
    assert [line["reason"] for line in ledger[:2]] == ["rollback from conversion_lead/2: worse", "newer"]
    assert {line["author"] for line in ledger[:2]} == {"admin None"}


@pytest.mark.parametrize("role", ["rep", "manager", "operations"])
def test_models_are_for_engineers_and_admins(modelled: tuple[Workspace, ClientOf], role: str) -> None:
    caller = modelled[1](role, "U000001")

    for path in ("/models", "/models/record", "/models/conversion_lead/1", "/v1/models/ledger"):
        assert caller.get(path).status_code == 403
    assert caller.post("/v1/models/promotions", json={"model": "conversion_lead/2", "reason": "x"}).status_code == 403
    assert caller.post("/models/rollback", data={"name": "conversion_lead", "reason": "x"}).status_code == 403


def test_link_into_mlflow_is_there_where_its_address_is_set(modelled: tuple[Workspace, ClientOf]) -> None:
    workspace, client = modelled
    assert "MLflow" not in client("engineer").get("/models/conversion_lead/1").text

    workspace.settings = workspace.settings.model_copy(update={"mlflow_ui_url": "https://mlflow.example/"})

    page = client("engineer").get("/models/conversion_lead/1").text
    assert 'href="https://mlflow.example/#/models/conversion_lead/versions/1"' in page
