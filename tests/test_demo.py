"""The main job, on bundled real data: what `make demo` prints holds."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast.demo import BANK_SCORED, CRM_AS_OF, run_demo
from forecast.errors import InvalidInput
from forecast.outlook.moved import STEPS
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
    cents = (targets["amount"] * 100).round().set_axis(targets["owner_id"])
    below = cents.groupby(targets.set_index("owner_id")["parent"]).sum().drop("", errors="ignore")
    assert len(below) == 10  # the company, three regions, six teams
    assert (below == cents[below.index]).all()


@pytest.mark.slow
def test_the_demo_shows_a_manager_what_moved_what_was_forecast_and_who_is_above_expectation(
    demo: tuple[Path, dict[str, Any]],
) -> None:
    shown = demo[1]["targets"]
    moved = pd.DataFrame(shown["moved"])
    cents = (moved[["before", *STEPS, "after"]] * 100).round().astype("int64")
    snapshots = pd.DataFrame(shown["record"])
    people = pd.DataFrame(shown["performance"])

    assert (cents["before"] + cents[list(STEPS)].sum(axis=1) == cents["after"]).all()
    assert (moved["before"] != moved["after"]).all()
    assert len(snapshots) == 2
    assert (snapshots["mean"] - snapshots["actual"] - snapshots["error"]).abs().max() < 0.01
    assert snapshots["actual"].gt(0).all()
    assert people["wins_above"].notna().all()
    assert [row["naive_of_entered"] < row["converted"] for row in shown["funnel"]] == [True]


@pytest.mark.slow
def test_where_nothing_can_be_told_the_group_rate_stays_champion(demo: tuple[Path, dict[str, Any]]) -> None:
    assert demo[1]["targets"]["at_engagement"]["group_rate_stays_champion"]


def test_the_demo_overwrites_nothing_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")

    with pytest.raises(InvalidInput, match="no demo"):
        run_demo(tmp_path, Terminal(as_json=True))

    assert (tmp_path / "thesis.txt").read_text() == "ten years of work"
