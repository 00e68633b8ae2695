"""What other rooms say, under rights: made outlooks and tables, sums by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.outlook import Outlook
from forecast.periods import Period
from forecast.reports import EVERYBODY, ReportTable, Viewer

Make = Callable[..., ReportTable]
OWNERS = ("ann", "bob", "cid")
PATHS = np.array([[10.0, 1.0, 400.0], [20.0, 3.0, 100.0], [30.0, 2.0, 100.0]])
REP = Viewer(frozenset({"ann"}), frozenset(), sees_demand=False, sees_overrides=False)


class MadeRooms:
    """Rooms with three owners, three paths and few rows."""

    def outlook(self, period: str, by: str) -> Outlook:
        quarter = Period(period, date(2026, 1, 1), date(2026, 3, 31))
        mean = PATHS.mean(axis=0)
        parts = {"booked": mean / 2, "open": mean / 2, "arriving": np.zeros(3), "repeat": np.zeros(3)}
        as_of = datetime(2026, 4, 1, tzinfo=UTC)
        return Outlook(quarter, as_of, "EUR", OWNERS, ("T1", "T1", "T2"), parts, PATHS, by=by)

    def outlook_version(self) -> str:
        return "conversion_opportunity/1"

    def targets(self, period: str) -> pd.DataFrame:
        kinds, ids = ["company", "team", "user", "user"], ["company", "T1", "ann", "bob"]
        return pd.DataFrame({"owner_kind": kinds, "owner_id": ids, "target": [1.0, 1.0, 20.0, 2.0]})

    def accuracy(self) -> pd.DataFrame:
        row = {"horizon": "0-7", "n": 3, "bias": 1.0, "bias_share": 0.1, "wape": 0.2}
        nodes = [("company", "company"), ("team", "T1"), ("rep", "ann"), ("rep", "cid")]
        said = ("model", "override")
        return pd.DataFrame(
            [row | {"level": level, "id": node, "forecaster": who} for level, node in nodes for who in said]
        )

    def customers(self) -> pd.DataFrame:
        rows = {"account_id": ["a1", "a2", "a3"], "owner_id": ["ann", "ann", "cid"], "p_buys": [0.5, 0.25, 1.0]}
        return pd.DataFrame(rows | {"spend": [10.0, 20.0, 70.0], "model_version": "own_past_rate"})

    def demand(self) -> pd.DataFrame:
        return pd.DataFrame({"unique_id": ["x"], "ds": ["2026-04-06"], "mean": [7.0], "model_version": ["naive"]})

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


@pytest.fixture
def say(make: Make) -> Make:
    def said(viewer: Viewer = EVERYBODY, **section: Any) -> ReportTable:
        return make(viewer, MadeRooms(), **section)

    return said


def test_range_of_a_sum_comes_from_its_own_paths_and_means_add_up(say: Make) -> None:
    table = say(measures=["outlook", "outlook_low", "outlook_high"], dimensions=["team"])

    rows = table.rows.set_index("team")
    low, high = np.quantile([11.0, 23.0, 32.0], (0.1, 0.9)).round(2)
    assert rows.loc["T1"].tolist() == [22.0, low, high]
    assert rows["outlook"].sum() == table.totals["outlook"] == 222.0
    assert table.totals["outlook_high"] < rows["outlook_high"].sum()  # not everybody is lucky at once
    assert table.model_version == "conversion_opportunity/1"


def test_outlook_of_a_rep_is_the_own_one_and_not_that_of_a_region(say: Make) -> None:
    own, region = say(REP, measures=["outlook"]), say(REP, measures=["outlook"], dimensions=["region"])

    assert own.rows["outlook"].tolist() == [20.0]
    assert region.rows.empty
    assert "rights" in region.note.en


def test_odds_are_of_the_sum_of_the_targets(say: Make) -> None:
    table = say(measures=["target", "attainment", "odds"], dimensions=["team"])

    # Ann and Bob bring 11, 23 and 32 against 22; Cid has no target.
    assert table.rows.round(4).to_dict("records")[0] == {
        "team": "T1",
        "target": 22.0,
        "attainment": 0.5,
        "odds": 0.6667,
    }
    assert table.totals["target"] == 22.0


def test_errors_are_those_of_nodes_that_may_be_seen_and_overrides_are_no_rep_s(say: Make) -> None:
    asked = {"measures": ["forecasts"], "dimensions": ["forecaster", "horizon"]}

    assert say(**asked).rows["forecaster"].tolist() == ["model", "override"]
    assert say(REP, **asked).rows["forecaster"].tolist() == ["model"]
    assert say(REP, measures=["bias"], dimensions=["rep", "horizon"]).rows["rep"].tolist() == ["ann"]


def test_customers_and_demand_keep_to_the_rights(say: Make) -> None:
    everybody = say(measures=["customers", "expected_buyers", "expected_spend"], dimensions=["region"])
    own = say(REP, measures=["expected_spend"], dimensions=["account"])

    assert dict(zip(everybody.rows["region"], everybody.rows["expected_spend"], strict=True)) == {
        "South": 90,
        "North": 10,
    }
    assert own.totals["expected_spend"] == 30.0
    assert say(measures=["demand"]).rows["demand"].tolist() == [7.0]
    assert say(REP, measures=["demand"]).rows.empty
