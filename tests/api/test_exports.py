import csv
import io
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace
from tests.api.conftest import NOW, ClientOf

KEY = ["entity", "entity_id", "as_of"]


def _exported(client: TestClient, **asked: Any) -> pd.DataFrame:
    answer = client.get("/v1/scores/export", params={"format": "parquet", **asked})
    assert answer.status_code == 200, answer.text
    return pd.read_parquet(io.BytesIO(answer.content)).sort_values(KEY, ignore_index=True)


def test_export_holds_every_score_ever_given(scored_client: ClientOf, scored: Workspace) -> None:
    given = scored.lake.scores().sort_values(KEY, ignore_index=True)

    exported = _exported(scored_client("admin"))

    assert exported["as_of"].nunique() == 2
    pd.testing.assert_frame_equal(exported[KEY], given[KEY], check_dtype=False)
    for name in ("owner_id", "batch", "model_version", "probability", "reasons", "predicted_close_date"):
        assert exported[name].tolist() == given[name].tolist(), name


def test_csv_says_the_same_as_parquet(scored_client: ClientOf) -> None:
    admin = scored_client("admin")
    answer = admin.get("/v1/scores/export", params={"entity": "lead"})

    rows = list(csv.DictReader(io.StringIO(answer.text)))

    parquet = _exported(admin, entity="lead")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="scores.csv"' in answer.headers["Content-Disposition"]
    assert sorted((row["entity_id"], float(row["probability"])) for row in rows) == sorted(
        zip(parquet["entity_id"], parquet["probability"], strict=True)
    )


def test_since_and_until_choose_moments(scored_client: ClientOf) -> None:
    admin, middle = scored_client("admin"), (NOW - timedelta(days=3)).isoformat()

    early, late = _exported(admin, until=middle), _exported(admin, since=middle)

    assert early["as_of"].unique().tolist() == [pd.Timestamp(NOW - timedelta(days=7))]
    assert late["as_of"].unique().tolist() == [pd.Timestamp(NOW - timedelta(hours=1))]


def test_rep_exports_only_what_was_its_own_when_scored(own_workspace: Workspace, clients_of: Any) -> None:
    scores = own_workspace.score(NOW - timedelta(days=2), save=True)
    mine = scores[scores["owner_id"] == "U000001"].iloc[[0]]
    own_workspace.lake.append_scores(mine.assign(owner_id="U000002", as_of=NOW - timedelta(days=1)))

    client = clients_of(own_workspace)
    exported, theirs = _exported(client("rep", "U000001")), _exported(client("rep", "U000002"))

    assert set(exported["owner_id"]) == {"U000001"}
    assert len(exported) == (scores["owner_id"] == "U000001").sum()
    assert (theirs["entity_id"] == mine["entity_id"].iloc[0]).sum() == 1
    assert _exported(client("rep", "U000001"), owner_id="U000002").empty


def test_latest_export_is_the_list_with_its_filters(scored_client: ClientOf) -> None:
    for client in (scored_client("admin"), scored_client("rep", "U000001")):
        listed = client.get("/v1/opportunities", params={"limit": 200, "min_probability": 0.1}).json()["items"]

        exported = _exported(client, latest=True, entity="opportunity", min_probability=0.1).set_index("entity_id")

        assert sorted(exported.index) == sorted(item["entity_id"] for item in listed)
        for item in listed[:5]:
            row = exported.loc[item["entity_id"]]
            assert [row["probability"], row["title"], row["expected_value"]] == [
                item["probability"], item["title"], item["expected_value"],
            ]  # fmt: skip


def test_latest_export_of_what_was_never_scored_is_computed(admin: TestClient) -> None:
    listed = admin.get("/v1/leads", params={"limit": 200}).json()["items"]

    exported = _exported(admin, latest=True, entity="lead")

    assert sorted(exported["entity_id"]) == sorted(item["entity_id"] for item in listed)


def test_export_of_nothing_is_a_file_without_rows(scored_client: ClientOf) -> None:
    nobody = scored_client("rep", "nobody")

    assert _exported(nobody).empty
    assert nobody.get("/v1/scores/export").text.count("\n") == 1
    assert nobody.get("/v1/scores/export", params={"latest": True}).text.count("\n") == 1


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"q": "acme"}, "has no q"),
        ({"latest": True, "since": "2025-01-01"}, "`since` and `until`"),
        ({"format": "xls"}, "format"),
    ],
)
def test_export_says_what_does_not_go_together(scored_client: ClientOf, asked: dict[str, Any], told: str) -> None:
    answer = scored_client("admin").get("/v1/scores/export", params=asked)

    assert answer.status_code == 422
    assert told in answer.json()["detail"]
