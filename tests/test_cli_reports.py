"""``forecast report`` and ``forecast reports`` on a small company."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from forecast.datasets import make_company
from forecast.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("company")
    company = make_company(n_opportunities=40, n_leads=20, n_accounts=20, months=6, start=date(2025, 1, 1))
    workspace = Workspace.init(place / "workspace", reporting_currency="EUR")
    workspace.ingest(company.write(place / "export"))
    return workspace.path


def test_own_definition_is_written_in_every_format(folder: Path, tmp_path: Path, answer: Callable[..., Any]) -> None:
    spec = tmp_path / "wins.yaml"
    spec.write_text("title: 赢单\nmeasures: [won, revenue]\ndimensions: [team]\nchart: {kind: bar}\n", encoding="utf-8")

    told = answer("report", spec, "--period", "2025Q2", "--lang", "zh", "--out", tmp_path / "new", "-w", folder)

    assert [Path(one["file"]).name for one in told["files"]] == [
        f"wins-2025Q2.{end}" for end in ("html", "pdf", "xlsx", "csv")
    ]
    assert all(Path(one["file"]).stat().st_size == one["bytes"] > 100 for one in told["files"])
    assert "赢单" in (tmp_path / "new" / "wins-2025Q2.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", [("--format", "csv"), ()])
def test_one_format_goes_to_the_file_that_is_named_and_its_ending_says_which(
    folder: Path, tmp_path: Path, forecast: Callable[..., int], form: tuple[str, ...]
) -> None:
    file = tmp_path / "q2.csv"
    spec = tmp_path / "wins.yml"
    spec.write_text("title: Wins\nmeasures: [won]\ndimensions: [month]\n", encoding="utf-8")

    assert forecast("report", spec, "--period", "2025Q2", *form, "--out", file, "-w", folder) == 0
    assert file.read_text(encoding="utf-8-sig").startswith("Month,Won,Period,")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonsense",), "There is no report 'nonsense'; there are sales-performance, "),
        (("missing.yaml",), "missing.yaml cannot be read"),
        (("market-analysis", "--period", "soon"), "A period must look like 2026-03"),
        (("market-analysis", "--period", "2025Q2", "--format", "doc"), "must be one of html, pdf, xlsx, csv"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_two(
    folder: Path,
    forecast: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    words: str,
) -> None:
    assert forecast("report", *arguments, "-w", folder) == 2
    assert words in capsys.readouterr().err


def test_ready_reports_are_listed_and_nothing_is_due(folder: Path, answer: Callable[..., Any]) -> None:
    assert [one["name"] for one in answer("reports", "list", "-w", folder)][:2] == [
        "sales-performance",
        "customer-satisfaction",
    ]
    assert answer("reports", "send", "-w", folder) == []
    assert answer("reports", "schedules", "-w", folder) == {"schedules": [], "deliveries": []}
