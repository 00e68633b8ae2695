"""The commands nightly, override, accuracy and backtest outlook, on a small simulated company."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from forecast.adapters.clock import FixedClock
from forecast.datasets import make_company
from forecast.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with a public snapshot of October and an override of it."""
    path = tmp_path_factory.mktemp("cli")
    company = make_company(n_opportunities=120, n_leads=40, n_accounts=40, months=12, start=date(2025, 1, 1))
    workspace = Workspace.init(path / "workspace", outlook_periods=("month",))
    workspace.ingest(company.write(path / "export"))
    for day, do in ((3, lambda: workspace.override("2025-10", "company", "company", 5000, author="ann", reason="so")),
                    (4, workspace.nightly)):  # fmt: skip
        workspace.clock = workspace.store.clock = FixedClock(datetime(2025, 10, day, 2, tzinfo=UTC))
        do()
    return workspace.path


def test_nightly_changes_nothing_when_it_is_run_again(folder: Path, answer: Callable[..., Any]) -> None:
    first = answer("nightly", "--as-of", "2025-10-20", "-w", folder)
    before = Workspace(folder).store.snapshots()
    second = answer("nightly", "--as-of", "2025-10-20", "-w", folder)

    assert [step["step"] for step in first] == ["scores", "outlooks", "demand", "reports"]
    assert first[1]["result"] == "saved 2025-10, 2025-11"
    assert second[1]["result"] == "kept already 2025-10, 2025-11"
    assert before.equals(Workspace(folder).store.snapshots())


def test_outlook_is_told_beside_baselines_override_and_record(
    folder: Path, answer: Callable[..., Any], forecast: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("outlook", "--period", "2025-10", "--as-of", "2025-10-05", "-w", folder)

    company = answer(*asked)[0]
    assert forecast(*asked) == 0

    assert company["override"] == 5000
    assert company["came_true"] is None
    assert {"weighted_pipeline", "category_commit", "category_best", "last_year"} <= set(company)
    told = capsys.readouterr().out
    assert "pipeline" in told
    assert "80%:" in told


@pytest.mark.parametrize("asked", [("--by", "region"), ("--measure", "wins")])
def test_outlook_by_region_and_of_wins_has_baselines_and_no_override(
    folder: Path, answer: Callable[..., Any], forecast: Callable[..., int], asked: tuple[str, ...]
) -> None:
    command = ("outlook", "--period", "2025-10", "--as-of", "2025-10-05", *asked, "-w", folder)

    assert forecast(*command) == 0
    found = answer(*command)
    assert {line["override"] for line in found} == {None}
    assert all(line["weighted_pipeline"] >= line["booked"] for line in found)


def test_accuracy_tells_the_record_and_one_period(
    folder: Path, answer: Callable[..., Any], forecast: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer("accuracy", "-w", folder)
    period = answer("accuracy", "--period", "2025-10", "--day", "2025-10-10", "-w", folder)
    assert forecast("accuracy", "-w", folder) == 0

    (company,) = [line for line in found["record"] if (line["level"], line["horizon"]) == ("company", "8-31")]
    assert company["of"] == 1
    line = next(line for line in period if line["level"] == "company")
    assert line["override"] == 5000
    assert line["error"] == pytest.approx(line["mean"] - line["actual"])
    held = line["q0.1"] <= line["actual"] <= line["q0.9"]
    assert f"80%: {int(held)} of 1" in capsys.readouterr().out


def test_override_of_a_team(folder: Path, answer: Callable[..., Any]) -> None:
    made = answer(
        "override", "--period", "2025-12", "--team", "T000001", "--amount", "12.5", "--author", "ann", "--reason", "so",
        "-w", folder,
    )  # fmt: skip

    kept = Workspace(folder).overrides("2025-12").iloc[-1]
    assert (kept["number"], kept["level"], kept["node_id"], float(kept["amount"])) == (
        made["number"], "team", "T000001", 12.5
    )  # fmt: skip


def test_override_of_two_at_once_is_refused(
    folder: Path, forecast: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    said = ("--amount", "1", "--author", "ann", "--reason", "why", "--team", "T000001", "--rep", "U000001")

    assert forecast("override", "--period", "2025-12", *said, "-w", folder) == 2
    assert "got both" in capsys.readouterr().err


def test_backtest_outlook_compares_methods(folder: Path, answer: Callable[..., Any], tmp_path: Path) -> None:
    out = tmp_path / "forecasts.csv"

    scores = answer("backtest", "outlook", "--folds", "1", "--as-of", "2026-01-01", "--out", out, "-w", folder)

    assert {row["model"] for row in scores} == {
        "outlook", "ets", "weighted_pipeline", "category_commit", "category_best", "last_year", "seasonal_naive"
    }  # fmt: skip
    assert sum(row["is_best"] for row in scores) == 3
    assert out.read_text(encoding="utf-8-sig").startswith("model,period")
