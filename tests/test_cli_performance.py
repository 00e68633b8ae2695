"""`forecast performance` as a user meets it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forecast.datasets import make_company

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(forecast: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("performance")
    company = make_company(n_reps=4, n_opportunities=150, n_leads=60, n_accounts=40, months=12, random_state=1)
    assert forecast("init", made / "company") == 0
    assert forecast("ingest", company.write(made / "export"), "-w", made / "company") == 0
    return made / "company"


def test_performance_is_shown_per_company_team_and_person(
    forecast: Callable[..., int], answer: Callable[..., Any], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--period", "2024Q4", "--as-of", "2024-12-20", "-w", folder)

    rows = answer("performance", *at)

    assert [row["level"] for row in rows] == ["company"] + ["team"] * 4 + ["user"] * 4
    assert sum(row["won"] for row in rows if row["level"] == "user") == rows[0]["won"]
    assert forecast("performance", *at, "--lang", "zh") == 0
    assert "未被记录的线索质量差异仍然存在" in capsys.readouterr().out


def test_one_person_is_shown_with_steps(
    forecast: Callable[..., int], answer: Callable[..., Any], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--period", "2024Q4", "--as-of", "2024-12-20", "-w", folder)

    found = answer("performance", "--user", "U000001", *at)

    assert found["line"]["id"] == "U000001"
    assert found["steps"][0]["step"] == "win"
    assert forecast("performance", "--user", "U000001", *at) == 0
    assert "Winning deals" in capsys.readouterr().out
    assert forecast("performance", "--user", "nobody", *at) == 2
    assert "Nobody with the id 'nobody'" in capsys.readouterr().err


def test_a_period_ahead_is_explained(
    forecast: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert forecast("performance", "--period", "2026Q1", "--as-of", "2024-12-20", "-w", folder) == 2
    assert "2026Q1 had not begun" in capsys.readouterr().err
