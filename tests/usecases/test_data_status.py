"""How data came in, rejected rows by rule, what of them may be seen, and trying them again."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.usecases.data_status import MASKED, masked_rows, quarantine_reasons, source_status
from forecast.workspace import Workspace

MAPPING = """
source: crm
inputs:
  deals: {file: deals.csv}
tables:
  opportunities: |
    select id as opportunity_id, owner as owner_id, created as created_at, created as recorded_at, buyer from deals
personal: {opportunities: [buyer]}
quarantine: 1
"""
PEOPLE = """
source: hr
inputs:
  people: {file: people.csv}
tables:
  users: select id as user_id, '2026-01-01' as recorded_at from people
"""


def _workspace(folder: Path) -> Workspace:
    """A user ann, and deals of whom one is bob's, who is not known, and one has no date."""
    workspace = Workspace.init(folder / "w")
    for name, text in {
        "deals.yaml": MAPPING, "people.yaml": PEOPLE, "people.csv": "id\nann\n",
        "deals.csv": "id,owner,created,buyer\nA,ann,2026-01-02,Li Na\nB,bob,2026-01-02,Wang\nC,ann,yesterday,Zhao\n",
    }.items():  # fmt: skip
        (folder / name).write_text(text, encoding="utf-8")
    workspace.ingest(folder / "people.yaml")
    workspace.ingest(folder / "deals.yaml")
    return workspace


def test_rows_are_tried_again_without_their_export_once_what_they_refer_to_is_there(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path)
    (tmp_path / "deals.csv").unlink()
    (tmp_path / "people.csv").write_text("id\nann\nbob\n", encoding="utf-8")
    workspace.ingest(tmp_path / "people.yaml")

    result = workspace.retry_quarantine("deals.yaml")

    assert result.counts["opportunities"] | {"unchanged": 0} == {
        "read": 2, "new": 1, "changed": 0, "unchanged": 0, "quarantined": 1
    }  # fmt: skip
    assert set(workspace.table("opportunities")["opportunity_id"]) == {"A", "B"}
    assert workspace.quarantine()["content"].iloc[0]["opportunity_id"] == "C"
    sources = workspace.data_sources().set_index("mapping")
    assert sources.loc["deals.yaml", "batch"] == workspace.lake.head() == result.batch
    assert sources["tried_at"].notna().all()
    workspace.store.close()


def test_what_belongs_to_persons_is_masked_and_a_kept_mapping_has_no_inputs(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path)

    rows = workspace.quarantine()

    assert {content["buyer"] for content in rows["content"]} == {MASKED}
    assert {content["owner_id"] for content in rows["content"]} == {"ann", "bob"}
    assert {content["buyer"] for content in workspace.quarantine(masked=False)["content"]} == {"Wang", "Zhao"}
    assert "deals.csv" not in (workspace.path / "mappings" / "deals.yaml").read_text(encoding="utf-8")
    workspace.store.close()


def _row(**columns: Any) -> dict[str, Any]:
    content = {"opportunity_id": "A", "note": "call Li Na"}
    given = {"mapping": "m", "source": "s", "table_name": "opportunities", "reason": "", "content": json.dumps(content)}
    return given | columns


def test_of_an_unknown_mapping_only_columns_of_the_schema_are_shown() -> None:
    (row,) = masked_rows(pd.DataFrame([_row(reason="note: 'call Li Na' is none")]), None).to_dict("records")

    assert row["content"] == {"opportunity_id": "A", "note": MASKED}
    assert "Li Na" not in row["reason"]


def test_a_thousand_wrong_values_of_one_rule_are_one_line() -> None:
    reasons = [f"created_at: '{day}/12/2025' is no ISO time; correct it" for day in range(1, 31)]
    waiting = pd.DataFrame([_row(reason=reason) for reason in [*reasons, "amount: -5.0 is below the minimum of 0; x"]])

    counted = quarantine_reasons(waiting)

    assert counted["n"].tolist() == [30, 1]
    assert counted["rule"].iloc[0] == "created_at: … is no ISO time; correct it"


def test_the_last_commit_of_each_source_counts() -> None:
    def commit(batch: int, source: str, new: int) -> dict[str, Any]:
        counts = {"leads": {"read": new, "new": new, "changed": 0, "unchanged": 0, "quarantined": 0}}
        summary = {"source": source, "mapping": f"{source}.yaml", "counts": counts, "refused": False}
        return {"batch": batch, "committed_at": pd.Timestamp("2026-01-01", tz="UTC"), "summary": summary}

    found = source_status(pd.DataFrame([commit(1, "crm", 5), commit(2, "web", 7), commit(3, "crm", 2)]), {})

    assert found[["source", "batch", "new", "n_batches"]].to_numpy().tolist() == [["crm", 3, 2, 2], ["web", 2, 7, 1]]
