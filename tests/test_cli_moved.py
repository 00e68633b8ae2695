"""`forecast moved` as a user meets it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast.datasets import make_company
from forecast.outlook.moved import STEPS

AT = ("--period", "2025Q3", "--since", "2025-07-15", "--as-of", "2025-08-15")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(forecast: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("moved")
    mapping = make_company(n_opportunities=100, n_leads=1, n_accounts=30, months=21, random_state=5).write(
        path / "export"
    )
    assert forecast("init", path / "company", "--timezone", "Europe/Amsterdam") == 0
    assert forecast("ingest", mapping, "-w", path / "company") == 0
    return path / "company"


def test_steps_add_up_and_name_the_deals_that_moved_most(answer: Callable[..., Any], folder: Path) -> None:
    told = answer("moved", *AT, "--deals", "2", "-w", folder)

    lines, deals = pd.DataFrame(told["lines"]), pd.DataFrame(told["deals"])
    cents = (lines[["before", *STEPS, "after"]] * 100).round().astype(int)
    assert (cents["before"] + cents[list(STEPS)].sum(axis=1) == cents["after"]).all()
    outlook = pd.DataFrame(answer("outlook", "--period", "2025Q3", "--as-of", "2025-08-15", "-w", folder))
    assert lines["after"].iloc[0] == outlook["mean"].iloc[0]
    assert deals.groupby("step").size().max() == 2


def test_a_person_is_told_in_its_language(
    forecast: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str], answer: Callable[..., Any]
) -> None:
    person = next(line["id"] for line in answer("moved", *AT, "-w", folder)["lines"] if line["level"] == "rep")

    assert forecast("moved", *AT, "--of", person, "--lang", "zh", "-w", folder) == 0

    said = capsys.readouterr().out
    assert f"2025Q3, {person}: 原预期" in said
    assert "时间推移" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--since", "soon"), "got 'soon'"),
        (("--since", "2025-09-01"), "must not be after the later one"),
        (("--of", "nobody"), "'nobody'"),
        (("--lang", "fr"), "got 'fr'"),
        (("--since-batch", "9"), "`from_batch` must not be after `to_batch`, got 9 and 1"),
    ],
)
def test_a_wrong_input_is_one_line_and_exit_code_2(
    forecast: Callable[..., int],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, ...],
    message: str,
) -> None:
    capsys.readouterr()

    code = forecast("moved", *AT, *change, "-w", folder)

    said = [line for line in capsys.readouterr().err.strip().splitlines() if " s  " not in line[:12]]
    assert (code, len(said)) == (2, 1), said
    assert message in said[0]
