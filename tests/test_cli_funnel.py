"""`forecast funnel` as a user meets it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forecast.datasets import make_company

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(forecast: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("funnel")
    mapping = make_company(n_opportunities=400, n_leads=300, n_accounts=100, months=15).write(where / "export")
    assert forecast("init", where / "company") == 0
    assert forecast("ingest", mapping, "-w", where / "company") == 0
    return where / "company"


def test_stages_bottleneck_and_changes_are_told_and_drawn(
    forecast: Callable[..., int], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--as-of", "2025-04-01", "-w", folder)

    assert forecast("funnel", "--by", "team", "--plot", tmp_path / "funnel.png", *at) == 0

    said = capsys.readouterr().out
    assert "qualification" in said
    assert "T000001" in said
    assert "naive_of_entered" in said
    assert "the naive ratio says" in said
    assert (tmp_path / "funnel.png").read_bytes().startswith(b"\x89PNG")


def test_json_replays_to_the_byte(
    forecast: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = (
        "funnel",
        "--period",
        "2024Q4",
        "--lang",
        "zh",
        "--as-of",
        "2025-04-01",
        "--batch",
        "1",
        "-w",
        folder,
        "--json",
    )
    texts = []
    for _ in range(2):
        capsys.readouterr()
        assert forecast(*asked) == 0
        texts.append(capsys.readouterr().out)

    assert texts[0] == texts[1]
    document: dict[str, Any] = json.loads(texts[0])
    assert document["stages"][0] == "(lead)"
    assert {"table", "whole", "bottlenecks", "changes", "reasons", "texts"} <= set(document)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--by", "colour"], "`by` must be one of"),
        (["--period", "2024Q4", "--since", "2024-01-01"], "either `period` or `since` and `until`"),
        (["--as-of", "2001-01-01"], "No lead and no opportunity was known at 2001-01-01"),
        (["--since", "soon"], "got 'soon'"),
        (["--plot", "funnel.gif"], "the ending must be .png"),
    ],
)
def test_wrong_option_is_one_line_and_exit_code_2(
    forecast: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    capsys.readouterr()

    assert forecast("funnel", *options, *(() if "--as-of" in options else ("--as-of", "2025-04-01")), "-w", folder) == 2

    lines = [line for line in capsys.readouterr().err.splitlines() if not line.endswith("funnel: ")]
    assert message in " ".join(lines)
