"""Replay on real data: a score of a past day is the same to the byte, whatever arrives or is tidied up later."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from forecast.adapters.exports import write_frame
from forecast.datasets import mapping_path
from forecast.workspace import Workspace

AS_OF, MODEL, BATCH = "2011-11-15", "conversion_opportunity/2", 1
SMALL = {"max_trees": 40, "n_folds": 2}


def _take_part(events: pd.DataFrame, folder: Path, name: str, workspace: Workspace) -> None:
    """Ingest a part of the log as an export of its own."""
    (folder / name).mkdir()
    events.to_parquet(folder / name / "events.parquet")
    workspace.ingest(mapping_path("loan-applications"), data=folder / name)


def _bytes(workspace: Workspace, folder: Path, key: str) -> tuple[bytes, bytes]:
    """The scores as a file, and the first page of them as an HTTP body."""
    write_frame(workspace.score(AS_OF, MODEL, BATCH), folder / "scores.parquet")
    with TestClient(create_app(workspace)) as client:
        answer = client.get(
            "/v1/opportunities",
            params={"as_of": AS_OF, "model": MODEL, "batch": BATCH, "limit": 200},
            headers={"Authorization": f"Bearer {key}"},
        )
    assert answer.status_code == 200, answer.text
    return (folder / "scores.parquet").read_bytes(), answer.content


@pytest.mark.slow
@pytest.mark.shared
def test_loan_scores_are_the_same_bytes_after_all_that_may_happen(shared_data: Path, tmp_path: Path) -> None:
    log = pd.read_parquet(shared_data / "loan-applications" / "events.parquet")
    log = log[log["case:concept:name"].astype(int) % 4 == 0]  # every fourth application is enough to train on
    early = log["time:timestamp"] < pd.Timestamp("2011-11-20", tz="UTC")
    withheld = log["case:concept:name"].astype(int) % 20 == 8
    path = tmp_path / "bank"
    workspace = Workspace.init(path, timezone="Europe/Amsterdam", conversion_horizon_days=30)
    _take_part(log[early & ~withheld], tmp_path, "early", workspace)
    workspace.train("conversion", AS_OF, params=SMALL)
    key = workspace.store.create_key("replay", "admin")
    first = _bytes(workspace, tmp_path, key)

    events: dict[str, Callable[[], object]] = {
        "later data": lambda: _take_part(log[~early & ~withheld], tmp_path, "later", workspace),
        "a backfill of earlier data": lambda: _take_part(log[early & withheld], tmp_path, "backfill", workspace),
        "compaction": lambda: workspace.lake.compact(),
        "vacuum": lambda: workspace.lake.vacuum(retention_hours=0),
        "a newer model": lambda: workspace.train("conversion", "2011-11-29", params=SMALL),
    }
    for name, happen in events.items():
        happen()
        assert _bytes(Workspace(path), tmp_path, key) == first, f"changed by {name}"

    assert workspace.lake.head() == 3
