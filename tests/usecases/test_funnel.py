from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from forecast.datasets import Company
from forecast.errors import InvalidInput
from forecast.funnel import Funnel
from forecast.settings import Settings
from forecast.usecases.funnel import funnel

pytestmark = pytest.mark.slow

FRAMES = ("table", "whole", "segments", "bottlenecks", "changes", "reasons")


def assert_same(left: Funnel, right: Funnel) -> None:
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(left, name), getattr(right, name), check_exact=True)


def test_what_comes_later_changes_no_number(company: Company, frame_lake: Callable[..., Any]) -> None:
    as_of = company.end - timedelta(days=150)
    found = funnel(frame_lake(company.tables), Settings(), as_of, by="team")

    moments = {name: pd.to_datetime(frame["recorded_at"], utc=True) for name, frame in company.tables.items()}
    future = company.tables["opportunities"][moments["opportunities"] >= as_of]
    perturbed = future.assign(stage="closed_lost", outcome="lost", amount=9e6, owner_id="U000007", closed_at=as_of)
    changed = dict(company.tables)
    changed["opportunities"] = pd.concat([company.tables["opportunities"].drop(future.index), perturbed])
    changed["leads"] = company.tables["leads"][moments["leads"] < as_of]
    changed["users"] = company.tables["users"][moments["users"] < as_of]

    assert len(future) > 100
    assert_same(found, funnel(frame_lake(changed), Settings(), as_of, by="team"))


def test_later_batch_changes_no_number_of_an_earlier_one(company: Company, frame_lake: Callable[..., Any]) -> None:
    deals = company.tables["opportunities"].assign(batch=1)
    backfill = deals.iloc[:200].assign(batch=2, stage="negotiation", recorded_at=pd.Timestamp("2024-03-01", tz="UTC"))
    lake = frame_lake({**company.tables, "opportunities": deals})
    later = frame_lake({**company.tables, "opportunities": pd.concat([deals, backfill])})
    tables = [lake, later]
    for one in tables:
        one.tables = {
            name: frame if "batch" in frame else frame.assign(batch=1, row=range(len(frame)))
            for name, frame in one.tables.items()
        }

    found = [funnel(one, Settings(), company.end, batch=1) for one in tables]

    assert_same(*found)


def test_declared_order_and_owners_are_taken(company: Company, frame_lake: Callable[..., Any]) -> None:
    lake = frame_lake(company.tables)
    turned = ["negotiation", "proposal", "needs_analysis", "qualification"]

    assert funnel(lake, Settings(), company.end, stages=turned).stages == ("(lead)", *turned)
    own = funnel(lake, Settings(), company.end, by="owner", owners=["U000001"])
    assert set(own.segments["segment"]) == {"U000001"}
    assert funnel(lake, Settings(), company.end, owners=[]).n_cases == 0


def test_before_all_data_is_a_named_error(company: Company, frame_lake: Callable[..., Any]) -> None:
    with pytest.raises(InvalidInput, match="No lead and no opportunity was known at 2020-"):
        funnel(frame_lake(company.tables), Settings(), company.end.replace(year=2020))
