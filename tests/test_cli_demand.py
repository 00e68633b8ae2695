"""`forecast demand …` as a user meets it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forecast.datasets import make_company

AT = ("--as-of", "2025-12-01")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(forecast: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demand")
    mapping = make_company(n_opportunities=200, n_leads=200, n_accounts=60, months=12, random_state=5).write(
        path / "export"
    )
    assert forecast("init", path / "company", "--timezone", "Europe/Amsterdam") == 0
    assert forecast("ingest", mapping, "-w", path / "company") == 0
    return path / "company"


@pytest.fixture(scope="module")
def series(folder: Path) -> str:
    from forecast.workspace import Workspace

    return str(Workspace(folder).forecast_demand("2025-12-01")["unique_id"].iloc[0])


def test_a_forecast_is_explained_and_drawn(
    answer: Callable[..., Any],
    forecast: Callable[..., int],
    folder: Path,
    series: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plot = tmp_path / "parts.png"

    told = answer("demand", "explain", series, *AT, "-w", folder, "--lang", "zh", "--plot", plot)

    for point in told["points"]:
        assert sum(part["points"] for part in point["parts"]) == pytest.approx(point["mean"])
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert forecast("demand", "explain", series, *AT, "-w", folder) == 0
    assert "Usual level" in capsys.readouterr().out


def test_the_country_of_a_new_workspace_is_kept(forecast: Callable[..., int], tmp_path: Path) -> None:
    from forecast.workspace import Workspace

    assert forecast("init", tmp_path / "company", "--country", "CN") == 0

    assert Workspace(tmp_path / "company").settings.country == "CN"
    assert forecast("init", tmp_path / "other", "--country", "China") == 2


def test_sums_are_those_of_the_series(answer: Callable[..., Any], forecast: Callable[..., int], folder: Path) -> None:
    from forecast.workspace import Workspace

    told = answer("demand", "sums", *AT, "-w", folder)

    series = Workspace(folder).forecast_demand("2025-12-01")
    total = told["items"][0]
    assert (total["level"], total["n_series"]) == ("total", series["unique_id"].nunique())
    assert total["mean"] == pytest.approx(series["mean"].sum(), abs=1e-6)
    assert total["q0.1"] < total["mean"] < total["q0.9"]
    assert told["reconciliation"] == "bottom_up"
    assert forecast("demand", "sums", "--level", "planet", *AT, "-w", folder) == 2


def test_a_new_item_is_forecast(answer: Callable[..., Any], folder: Path) -> None:
    told = answer("demand", "new", "--ahead", "3", *AT, "-w", folder)

    assert [point["step"] for point in told["points"]] == [1, 2, 3]
    assert told["n_siblings"] >= 5


def test_without_drivers_nothing_can_be_asked(
    answer: Callable[..., Any],
    forecast: Callable[..., int],
    folder: Path,
    series: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert answer("demand", "effects", *AT, "-w", folder) == []
    assert forecast("demand", "what-if", series, "--set", "price=*1.1", *AT, "-w", folder) == 2
    assert "knows no names to set, got 'price=*1.1'" in capsys.readouterr().err
    assert forecast("demand", "explain", "nothing", *AT, "-w", folder) == 2
    assert "no series 'nothing'" in capsys.readouterr().err
