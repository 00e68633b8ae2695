"""The command line as a user meets it: results on stdout, one line on stderr and exit code 2 for a wrong input."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast.datasets import make_company

pytestmark = pytest.mark.slow

AS_OF = "2025-09-01"


@pytest.fixture(scope="module")
def company_folder(forecast: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a simulated company, brought in by the commands themselves."""
    folder = tmp_path_factory.mktemp("cli")
    mapping = make_company(n_opportunities=300, n_leads=300, n_accounts=120, random_state=5).write(folder / "export")
    assert forecast("init", folder / "company", "--timezone", "Europe/Amsterdam") == 0
    assert forecast("ingest", mapping, "-w", folder / "company") == 0
    return folder / "company"


def test_ingesting_the_same_files_again_changes_nothing(answer: Callable[..., Any], company_folder: Path) -> None:
    counts = answer("ingest", company_folder.parent / "export" / "mapping.yaml", "-w", company_folder)

    assert counts["opportunities"]["read"] == counts["opportunities"]["unchanged"] > 0
    assert sum(table["new"] + table["changed"] + table["quarantined"] for table in counts.values()) == 0


def test_a_dry_run_writes_a_page_and_changes_nothing(
    forecast: Callable[..., int], company_folder: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"

    code = forecast(
        "ingest", company_folder.parent / "export" / "mapping.yaml", "--check", "--page", page, "-w", company_folder
    )

    assert code == 0
    assert "opportunities" in page.read_text(encoding="utf-8")


def test_scores_in_a_file_are_the_contract_s_columns_and_the_same_bytes_again(
    forecast: Callable[..., int], company_folder: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"

    assert forecast("score", "--as-of", AS_OF, "--out", first, "-w", company_folder) == 0
    assert forecast("score", "--as-of", AS_OF, "--out", second, "-w", company_folder) == 0

    scores = pd.read_parquet(first)
    assert first.read_bytes() == second.read_bytes()
    assert list(scores.columns[:23]) == [
        "entity", "entity_id", "owner_id", "as_of", "batch", "model_version", "probability", "low", "high",
        "p_30d", "p_60d", "p_90d", "predicted_close_date", "predicted_close_low", "predicted_close_high",
        "slip_probability", "amount_if_won", "amount_low", "amount_high", "percentile", "grade", "base", "reasons",
    ]  # fmt: skip
    assert scores["probability"].between(0, 1).all()
    assert (scores["low"] <= scores["probability"]).all()
    assert (scores["probability"] <= scores["high"]).all()


def test_explain_adds_up_and_draws(answer: Callable[..., Any], company_folder: Path, tmp_path: Path) -> None:
    score, plot = answer("score", "--as-of", AS_OF, "-w", company_folder)[0], tmp_path / "why.png"
    options = ("--as-of", AS_OF, "--lang", "zh", "--plot", plot, "--raising", "-w", company_folder)
    explanation = answer("explain", score["entity_id"], *options)

    total = explanation["base"] + sum(reason["points"] for reason in explanation["reasons"]) + explanation["rest"]
    assert total == pytest.approx(explanation["probability"], abs=1e-6)
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert explanation["raising"]["note"]
    assert explanation["next_step"]["text"] == "下一步未知：当前使用的模型未学习任何行动的效果"  # by the group rate


def test_explain_tells_people_points_that_add_up_as_printed(
    answer: Callable[..., Any], forecast: Callable[..., int], company_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score = answer("score", "--as-of", AS_OF, "-w", company_folder)[0]

    assert forecast("explain", score["entity_id"], "--as-of", AS_OF, "--lang", "zh", "-w", company_folder) == 0

    said = capsys.readouterr().out
    ((probability, base),) = re.findall(r": ([\d.]+)% \(base ([\d.]+)%", said)
    points = [float(number) for number in re.findall(r"([+-][\d.]+)%", said)]
    assert points
    assert float(base) + sum(points) == pytest.approx(float(probability))


def test_outlook_adds_up_from_reps_to_the_company(answer: Callable[..., Any], company_folder: Path) -> None:
    rows = pd.DataFrame(answer("outlook", "--period", "2025Q3", "--as-of", AS_OF, "-w", company_folder))

    means = rows.groupby("level")["mean"].sum()
    assert means["rep"] == pytest.approx(means["company"], abs=0.005)


def test_targets_sum_to_the_cent_and_every_approval_is_kept(answer: Callable[..., Any], company_folder: Path) -> None:
    arguments = ("--period", "2025Q3", "--as-of", AS_OF, "-w", company_folder)
    outlook = pd.DataFrame(answer("outlook", *arguments))
    company_mean = round(float(outlook.loc[outlook["level"] == "company", "mean"].iloc[0]), 2)

    proposal = pd.DataFrame(answer("targets", "propose", "--target", str(company_mean), *arguments))
    approvals = [
        answer("targets", "approve", "--author", "ann", "--target", str(company_mean), *arguments)["version"]
        for _ in range(2)
    ]

    reps = proposal[proposal["owner_kind"] == "user"]
    assert round(reps["amount"].sum() * 100) == round(company_mean * 100)
    assert approvals == [1, 2]


def test_keys_are_shown_once_and_can_be_revoked(answer: Callable[..., Any], company_folder: Path) -> None:
    key = answer("keys", "create", "panel", "--role", "admin", "-w", company_folder)["key"]
    (listed,) = answer("keys", "list", "-w", company_folder)

    assert key not in json.dumps(listed)
    assert answer("keys", "revoke", str(listed["id"]), "-w", company_folder) == {"revoked": listed["id"]}


def test_doctor_and_backup_find_a_well_workspace(
    answer: Callable[..., Any], company_folder: Path, tmp_path: Path
) -> None:
    findings = answer("doctor", "-w", company_folder)
    size = answer("backup", tmp_path / "all.tar.gz", "-w", company_folder)["bytes"]

    well = [finding["part"] for finding in findings if finding["ok"]]
    assert well == ["store", "lake", "models", "disk", "settings", "nights"]
    assert size > 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("score", "--as-of", "31.03.2026"), "must look like 2026-03-31"),
        (("score", "--as-of", "1990-01-01"), "1989-12-31 23:00"),
        (("score", "--model", "conversion_lead/99"), "conversion_lead/99"),
        (("score", "--as-of", AS_OF, "--out", "scores.docx"), ".parquet or .csv"),
        (("explain", "nobody", "--as-of", AS_OF), "'nobody'"),
        (("outlook", "--period", "2026Q9"), "2026-03, 2026Q1, FY2026 or 2026-W07"),
        (("train", "everything"), "conversion, demand, customers or all"),
        (("ingest", "no-such-file.yaml"), "no-such-file.yaml"),
        (("models", "promote", "conversion_lead", "--author", "a", "--reason", "b"), "conversion_lead"),
        (("keys", "create", "x", "--role", "boss"), "boss"),
        (("backtest", "conversion", "--by", "step"), "are for demand, got 'conversion'"),
        (("backtest", "demand", "--by", "colour"), "['step', 'class'], got 'colour'"),
        (("backtest", "demand", "--plot", "fans.svg"), "fans.svg"),
    ],
)
def test_a_wrong_input_is_one_line_and_exit_code_2(
    forecast: Callable[..., int],
    company_folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    capsys.readouterr()

    code = forecast(*arguments, "-w", company_folder)

    said = [line for line in capsys.readouterr().err.strip().splitlines() if " s  " not in line[:12]]
    assert (code, len(said)) == (2, 1), said
    assert message in said[0]


def test_a_folder_that_is_no_workspace_says_how_to_make_one(
    forecast: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert forecast("score", "-w", tmp_path) == 2
    assert "forecast init" in capsys.readouterr().err


def test_definitions_are_a_page_of_its_own_and_need_no_workspace(
    answer: Callable[..., Any], forecast: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    records = answer("definitions", "--lang", "zh", "--out", "numbers.html")

    assert {"probability", "calibration_error_floor"} <= {record["name"] for record in records}
    assert '<html lang="zh">' in Path("numbers.html").read_text(encoding="utf-8")
    assert forecast("definitions", "--out", "numbers.pdf") == 2
