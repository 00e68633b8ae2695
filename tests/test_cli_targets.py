"""Targets on the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast.datasets import make_company

pytestmark = pytest.mark.slow

AT = ("--period", "2025Q3", "--as-of", "2025-07-01")


@pytest.fixture(scope="module")
def company_folder(forecast: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("targets")
    company = make_company(n_reps=6, n_opportunities=150, n_leads=150, n_accounts=40, months=20)
    assert forecast("init", made / "company") == 0
    assert forecast("ingest", company.write(made / "export"), "-w", made / "company") == 0
    return made / "company"


@pytest.fixture
def ask(answer: Callable[..., Any], company_folder: Path) -> Callable[..., Any]:
    """What a targets command says about one period at one moment."""
    return lambda command, *more: answer(
        "targets", command, *(AT[:2] if command == "show" else AT), *more, "-w", company_folder
    )


def users(lines: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(lines)
    return frame[frame["owner_kind"] == "user"].set_index("owner_id")


def test_options_and_a_file_constrain_a_proposal(ask: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "constraints.yaml"
    file.write_text("U000001: {ceiling: 30000}\nU000002: {floor: 1000.5}\n", encoding="utf-8")

    lines = users(ask("propose", "--target", "300000", "--fix", "U000003=12345.67", "--constraints", file))

    assert lines.loc["U000003", "amount"] == 12_345.67
    assert lines.loc["U000001", "amount"] <= 30_000
    assert round(lines["amount"].sum(), 2) == 300_000


def test_a_csv_file_of_constraints_is_read(ask: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "constraints.csv"
    file.write_text("owner_id,fixed,max_change\nU000003,500,\nU000004,,0.5\n", encoding="utf-8")

    assert users(ask("propose", "--target", "300000", "--constraints", file)).loc["U000003", "amount"] == 500


def test_levels_and_mix_come_with_a_proposal(ask: Callable[..., Any]) -> None:
    levels, mixed = ask("propose", "--levels"), ask("propose", "--target", "9000", "--mix", "a=2", "--mix", "b=1")

    assert {line["level"] for line in levels} == {"target", "stretch", "challenge"}
    company = {line["measure"]: line["amount"] for line in mixed if line["owner_kind"] == "company"}
    assert company == {"revenue": 9000, "revenue:a": 6000, "revenue:b": 3000}


def test_drag_says_what_it_does_to_the_others(ask: Callable[..., Any]) -> None:
    lines = users(ask("drag", "--target", "300000", "--owner", "U000003", "--amount", "1000"))

    assert lines.loc["U000003", "amount"] == 1000 < lines.loc["U000003", "amount_before"]
    assert (lines["odds"].drop("U000003") <= lines["odds_before"].drop("U000003")).all()


def test_pace_of_an_approved_version(ask: Callable[..., Any]) -> None:
    approved = ask(
        "approve",
        "--author",
        "ann",
        "--target",
        "300000",
        "--effective-from",
        "2025-07-01",
        "--mix",
        "a=1",
        "--mix",
        "b=1",
    )
    shown = [line for line in ask("show") if line["version"] == approved["version"] and line["owner_kind"] == "company"]

    stands = ask("pace", "--version", str(approved["version"]))

    company = next(line for line in stands["lines"] if line["owner_kind"] == "company")
    assert {line["measure"]: line["amount"] for line in shown} == {
        "revenue": 300_000, "revenue:a": 150_000, "revenue:b": 150_000,
    }  # fmt: skip
    assert company["target"] == company["remaining"] == 300_000
    assert approved["basis"].startswith("equal odds on the outlook of territories as of 2025-0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fix", "U000003"), "must look like U3=120000, got 'U000003'"),
        (("--floor", "nobody=1"), "'nobody': nobody of that name"),
        (("--constraints", "no-such-file.yaml"), "no-such-file.yaml cannot be read"),
        (("--measure", "happiness"), "must be one of revenue, margin, wins, units, activities, got 'happiness'"),
        (("--adjust",), "No company target of 2025Q3 is in force"),
    ],
)
def test_wrong_input_is_explained_in_one_line(
    forecast: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    company_folder: Path,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    code = forecast(
        "targets", "propose", "--period", "2025Q3", "--as-of", "2025-07-15", *arguments, "-w", company_folder
    )

    assert code == 2
    assert message in " ".join(capsys.readouterr().err.split())
