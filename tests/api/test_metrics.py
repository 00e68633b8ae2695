from collections.abc import Callable
from datetime import timedelta

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from forecast.workspace import Workspace

Samples = dict[tuple[str, tuple[str, ...]], float]


def _samples(client: TestClient) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, tuple(v for k, v in sorted(sample.labels.items()) if k != "le")): sample.value
        for family in families
        for sample in family.samples
    }


def test_requests_are_counted_by_route_and_status(admin: TestClient) -> None:
    leads = ("forecast_http_request_duration_seconds_count", ("GET", "/v1/leads/{lead_id}/explanation", "422"))
    before = _samples(admin).get(leads, 0)

    admin.get("/v1/leads/L1/explanation?as_of=soon")
    admin.get("/v1/leads/L2/explanation?as_of=soon")

    assert _samples(admin)[leads] == before + 2


def test_strangers_and_reps_read_no_metrics(admin: TestClient, client: Callable[..., TestClient]) -> None:
    assert TestClient(admin.app).get("/metrics").status_code == 401
    assert client("rep", "U000001").get("/metrics").status_code == 403


def test_state_of_the_workspace_is_told(own_workspace: Workspace, serve: Callable[[Workspace], TestClient]) -> None:
    client = serve(own_workspace)
    own_workspace.nightly()
    own_workspace.clock.moment += timedelta(hours=2)

    samples = _samples(client)

    assert samples["forecast_lake_batch", ()] == 1
    assert samples["forecast_scores_age_seconds", ("lead",)] == 14 * 3600  # as known when the day began
    assert samples["forecast_heartbeat_age_seconds", ("nightly scores",)] == 7200
    assert samples["forecast_heartbeat_well", ("nightly scores",)] == 1
    assert samples["forecast_store_connections", ("in_use",)] >= 0
    assert sum(value for (name, _), value in samples.items() if name.endswith("resident_memory_bytes")) > 10**8
