"""`forecast customers` as a user meets it."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from forecast.datasets import make_company


@pytest.mark.slow
def test_customers_are_trained_foretold_and_explained(
    forecast: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "company"
    mapping = make_company(n_opportunities=500, n_accounts=250, months=18, random_state=5).write(tmp_path / "export")
    assert forecast("init", folder, "--timezone", "Europe/Amsterdam") == 0
    assert forecast("ingest", mapping, "-w", folder) == 0
    at = ("--as-of", "2026-05-01", "-w", folder)
    capsys.readouterr()

    assert forecast("train", "customers", *at, "--json") == 0
    (trained,) = json.loads(capsys.readouterr().out)
    assert trained["model_version"] == "customers/2"
    assert {row["model"] for row in trained["metrics"]} == {"own_past_rate", "blend"}

    assert forecast("customers", "--model", "customers/2", "--out", tmp_path / "customers.csv", *at) == 0
    scores = pd.read_csv(tmp_path / "customers.csv")
    assert scores["p_buys"].between(0, 1).all()
    capsys.readouterr()

    account = scores["account_id"].iloc[0]
    assert forecast("customers", "--model", "customers/2", "--why", account, "--lang", "zh", *at, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["base"] + sum(reason["points"] for reason in answer["reasons"]) == pytest.approx(answer["p_buys"])

    assert forecast("customers", "--model", "customers/2", "--why", account, "--lang", "zh", *at) == 0
    assert "其余原因合计" in capsys.readouterr().out

    assert forecast("customers", "--why", "nobody", *at) == 2
    assert "No account 'nobody' had ordered" in capsys.readouterr().err
