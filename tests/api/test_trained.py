"""The way of a number from training to the API, with models from MLflow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace

ClientOf = Callable[..., TestClient]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(make_workspace: Callable[..., Workspace], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = make_workspace(tmp_path_factory.mktemp("trained"), n=300)
    workspace.train("conversion", as_of="2025-10-01", params={"max_trees": 40, "n_folds": 2})
    return workspace


@pytest.fixture(scope="module")
def admin_of_trained(trained: Workspace, clients_of: Callable[[Workspace], ClientOf]) -> TestClient:
    return clients_of(trained)("admin")


def _blend(client: TestClient) -> str:
    """The newest model of opportunities, whether it was promoted or not."""
    models = [model for model in client.get("/v1/models").json()["items"] if model["name"] == "conversion_opportunity"]
    assert models[-1]["kind"] == "blend"
    return f"conversion_opportunity/{models[-1]['version']}"


def test_lists_come_from_the_champion(admin_of_trained: TestClient) -> None:
    models = admin_of_trained.get("/v1/models").json()["items"]
    champions = {model["name"]: f"{model['name']}/{model['version']}" for model in models if model["champion"]}

    body = admin_of_trained.get("/v1/opportunities", params={"as_of": "2025-12-01"}).json()

    assert body["model_version"] == champions["conversion_opportunity"]
    assert body["backdated"] is False


def test_reasons_of_every_row_add_up_to_its_probability(admin_of_trained: TestClient) -> None:
    asked = {"as_of": "2025-12-01", "model": _blend(admin_of_trained)}
    items: list[dict[str, Any]] = admin_of_trained.get("/v1/opportunities", params=asked | {"limit": "200"}).json()[
        "items"
    ]

    assert len(items) > 20
    assert len({item["probability"] for item in items}) > 10
    for item in items:
        shown = item["base"] + sum(reason["points"] for reason in item["reasons"]) + item["rest"]
        assert abs(shown - item["probability"]) < 1e-6
    for item in items[::10]:
        url = f"/v1/opportunities/{item['entity_id']}/explanation"
        every = admin_of_trained.get(url, params=asked).json()
        total = every["base"] + sum(reason["points"] for reason in every["reasons"])
        assert abs(total - item["probability"]) < 1e-6
        least = 0.02 * item["base"] * (1 - item["base"])
        *named, remainder = every["reasons"]
        worth_telling = [reason for reason in named if abs(reason["points"]) >= least]
        assert item["reasons"] == (worth_telling[:3] or [remainder])


def test_next_step_of_a_trained_model_is_an_action_with_its_effect_or_the_reason_why_not(
    admin_of_trained: TestClient,
) -> None:
    asked = {"as_of": "2025-12-01", "model": _blend(admin_of_trained)}
    items = admin_of_trained.get("/v1/opportunities", params=asked | {"limit": "10"}).json()["items"]

    urls = [f"/v1/opportunities/{item['entity_id']}/explanation" for item in items]
    answers = [admin_of_trained.get(url, params=asked) for url in urls]

    for answer in answers:
        step = answer.json()["next_step"]
        assert (step["action"] is None) == (step["reason"] is not None)
        assert step["reason"] != "no_model"
        assert step["action"] is None or 0 < step["low"] < step["effect"] < step["high"] < 1
    assert admin_of_trained.get(urls[0], params=asked).content == answers[0].content


def test_score_of_a_day_before_training_says_that_it_was_not_given_then(admin_of_trained: TestClient) -> None:
    body = admin_of_trained.get(
        "/v1/opportunities", params={"as_of": "2025-08-01", "model": _blend(admin_of_trained)}
    ).json()

    assert body["backdated"] is True


def test_posted_record_is_scored_by_a_named_model(admin_of_trained: TestClient) -> None:
    record = {"stage": "proposal", "amount": 12000, "currency": "EUR", "created_at": "2025-11-03T10:00:00Z"}
    model = _blend(admin_of_trained)

    body = admin_of_trained.post(
        "/v1/scores", json={"entity": "opportunity", "record": record, "as_of": "2025-12-01", "model": model}
    ).json()

    assert body["model_version"] == model
    assert body["base"] + sum(reason["points"] for reason in body["reasons"]) == pytest.approx(body["probability"])


def test_service_goes_on_without_the_tracking_server(
    trained: Workspace, clients_of: Callable[[Workspace], ClientOf], admin_of_trained: TestClient, tmp_path: Path
) -> None:
    asked = {"as_of": "2025-12-01"}
    before = admin_of_trained.get("/v1/opportunities", params=asked).content
    database = trained.path / "models" / "mlflow.db"
    database.rename(tmp_path / "mlflow.db")
    try:
        client = clients_of(Workspace(trained.path, trained.clock))("admin")

        assert client.get("/ready").status_code == 200
        assert client.get("/v1/opportunities", params=asked).content == before
        assert not database.exists()
    finally:
        (tmp_path / "mlflow.db").rename(database)
