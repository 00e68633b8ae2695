from pathlib import Path

import pytest
import yaml

from forecast.datasets import make_company
from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.workspace import Workspace


@pytest.fixture
def without_orders(tmp_path: Path) -> Workspace:
    """A company that sells, but whose orders nobody brought in."""
    company = make_company(n_opportunities=120, n_leads=150, n_accounts=60, months=20, random_state=3)
    file = company.write(tmp_path / "export")
    mapping = yaml.safe_load(file.read_text(encoding="utf-8"))
    mapping["tables"] = {name: query for name, query in mapping["tables"].items() if "order" not in name}
    file.write_text(yaml.safe_dump(mapping), encoding="utf-8")
    workspace = Workspace.init(tmp_path / "company", conversion_horizon_days=30)
    workspace.ingest(file)
    return workspace


@pytest.mark.slow
def test_training_all_leaves_out_what_lacks_history_and_says_so(without_orders: Workspace) -> None:
    said: list[str] = []

    results = without_orders.train("all", "2025-06-01", progress=said.append)

    assert {result.model.name for result in results} == {"conversion_lead", "conversion_opportunity"}
    assert any("No sale" in line for line in said)


@pytest.mark.slow
def test_training_fails_when_nothing_has_history(without_orders: Workspace) -> None:
    with pytest.raises(NotEnoughHistory, match=r"Too little history to train.*No sale"):
        without_orders.train("all", "2024-01-25")


def test_init_refuses_a_wrong_setting_and_leaves_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="fiscal_year_start"):
        Workspace.init(tmp_path / "company", fiscal_year_start=13)

    assert not (tmp_path / "company" / "forecast.toml").exists()
