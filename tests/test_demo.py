"""The main job, on bundled real data: what `make demo` prints holds."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast.demo import BANK_SCORED, CRM_AS_OF, run_demo
from forecast.errors import InvalidInput
from forecast.terminal import Terminal
from forecast.workspace import Workspace


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Folder of the three workspaces, and what was shown."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    return folder, run_demo(folder, Terminal(as_json=True))


@pytest.mark.slow
def test_reasons_and_base_add_up_to_the_score_of_every_row(demo: tuple[Path, dict[str, Any]]) -> None:
    scores = pd.concat(
        [Workspace(demo[0] / name).score(as_of) for name, as_of in (("bank", BANK_SCORED), ("crm", CRM_AS_OF))]
    )

    points = scores["reasons"].map(lambda text: sum(reason["points"] for reason in json.loads(text)))

    assert len(scores) > 1000
    assert (scores["base"] + points - scores["probability"]).abs().max() < 1e-6
    assert scores[["probability", "low", "high", "p_30d", "p_60d", "p_90d"]].notna().all(axis=None)
    assert (scores["p_30d"] <= scores["p_60d"]).all()
    assert (scores["p_60d"] <= scores["p_90d"]).all()


@pytest.mark.slow
def test_the_demo_shows_leads_demand_and_targets(demo: tuple[Path, dict[str, Any]]) -> None:
    shown = demo[1]

    assert len(shown["leads"]["shown"]) == 6
    assert all(lead["reasons"] for lead in shown["leads"]["shown"])
    forecast, naive = shown["demand"]["accuracy"]
    assert (forecast["model"], naive["model"]) == ("forecast", "seasonal_naive")
    targets = pd.DataFrame(shown["targets"]["targets"])
    amounts = (targets["amount"] * 100).round().groupby(targets["owner_kind"]).sum()
    assert amounts["user"] == amounts["team"] == amounts["company"]


@pytest.mark.slow
def test_where_nothing_can_be_told_the_group_rate_stays_champion(demo: tuple[Path, dict[str, Any]]) -> None:
    assert demo[1]["targets"]["at_engagement"]["group_rate_stays_champion"]


def test_the_demo_overwrites_nothing_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")

    with pytest.raises(InvalidInput, match="no demo"):
        run_demo(tmp_path, Terminal(as_json=True))

    assert (tmp_path / "thesis.txt").read_text() == "ten years of work"
