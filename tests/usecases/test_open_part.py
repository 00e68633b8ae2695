"""The deals behind the open part of an outlook; by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import numpy as np
import pandas as pd

from forecast.outlook import PARTS, UNASSIGNED, Outlook
from forecast.periods import parse_period
from forecast.ports import Lake
from forecast.usecases.open_part import open_part

OPPORTUNITIES = pd.DataFrame(
    {
        "opportunity_id": ["d1", "d2", "d3", "d4"],
        "owner_id": ["ada", "ada", None, "bob"],
        "amount": [100.0, 300.0, 50.0, 80.0],
        "currency": "EUR",
        "stage": "quoted",
    }
)


@dataclass
class OneTable:
    """A lake that has opportunities."""

    def table(self, name: str, as_of: datetime | None = None, batch: int | None = None) -> pd.DataFrame:
        return OPPORTUNITIES


def _deals() -> pd.DataFrame:
    expected = pd.DataFrame(
        {
            "entity_id": ["d1", "d2", "d3", "d4"],
            "chance": [0.5, 0.25, 1.0, 0.0],
            "mean": [100.01, 300.02, 50.0, 80.0],
            "value": [5001, 7501, 5000, 0],  # cents
        }
    )
    made = Outlook(
        parse_period("2026Q1"), datetime(2026, 2, 1, tzinfo=UTC), "EUR", (), (), dict.fromkeys(PARTS, np.zeros(0)),
        np.zeros((1, 0)), open_deals=expected,
    )  # fmt: skip
    return open_part(cast("Lake", OneTable()), made)


def test_deals_come_by_what_they_are_expected_to_bring_and_add_up_per_owner() -> None:
    deals = _deals()

    assert deals["opportunity_id"].tolist() == ["d2", "d1", "d3"]  # d4 cannot be won in the period
    assert deals["value"].tolist() == [75.01, 50.01, 50.0]
    assert deals.groupby("owner_id")["value"].sum().round(2).to_dict() == {"ada": 125.02, UNASSIGNED: 50.0}


def test_what_the_source_does_not_say_is_empty() -> None:
    first = _deals().iloc[0]

    assert (first["amount"], first["if_won"], first["chance"]) == (300.0, 300.02, 0.25)
    assert pd.isna(first["expected_close_date"])
    assert pd.isna(first["name"])
