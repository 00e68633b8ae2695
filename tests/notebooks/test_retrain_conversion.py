from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from forecast.datasets import make_company
from forecast.workspace import Workspace

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "retrain_conversion.ipynb"


def test_the_notebook_is_stored_without_output() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells

    assert [cell for cell in cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)] == []


@pytest.mark.slow
def test_an_engineer_retrains_compares_and_registers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace.init(tmp_path / "company", conversion_horizon_days=60)
    company = make_company(n_reps=4, n_accounts=80, n_opportunities=150, n_leads=250, months=20, random_state=3)
    workspace.ingest(company.write(tmp_path / "export"))
    monkeypatch.setenv("FORECAST_WORKSPACE", str(tmp_path / "company"))
    monkeypatch.setenv("FORECAST_AS_OF", "2025-09-01")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    notebook = nbformat.read(NOTEBOOK, as_version=4)

    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()

    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "promoted –" in printed
    assert {model.name for model in workspace.registry.versions()} >= {"conversion_lead", "conversion_opportunity"}
