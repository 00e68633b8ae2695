"""What lists show beside a score, from what was known."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from forecast.settings import Settings
from forecast.usecases.listed import with_facts

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_lead_without_an_account_goes_by_its_company(frame_lake: Callable[..., Any]) -> None:
    known = pd.Timestamp("2026-02-01", tz="UTC")
    leads = pd.DataFrame(
        {
            "lead_id": ["L1", "L2", "L3"],
            "account_id": [None, "A1", None],
            "created_at": known,
            "recorded_at": known,
            "attributes": ['{"Company": "Nord Ltd"}', "{}", '{"公司名称": "北方公司"}'],
            "batch": 1,
            "row": range(3),
        }
    )
    accounts = pd.DataFrame(
        {"account_id": ["A1"], "name": ["South"], "created_at": known, "recorded_at": known, "batch": 1, "row": [0]}
    )
    scores = pd.DataFrame({"entity_id": ["L1", "L2", "L3"], "probability": 0.5})

    with frame_lake({"leads": leads, "accounts": accounts}).connect() as con:
        listed = with_facts(con, scores, "lead", Settings(), AS_OF)

    assert listed["title"].tolist() == ["Nord Ltd", "South", "北方公司"]
