from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from forecast.datasets import Company
from forecast.errors import DataUnavailable
from forecast.funnel import Visits, read_visits
from forecast.history import connect_tables

START = pd.Timestamp("2025-01-01", tz="UTC")
StaysOf = Callable[..., Visits]
Deal = Callable[..., list[dict[str, Any]]]


def told(visits: Visits) -> list[tuple[Any, ...]]:
    columns = ["case_id", "stage", "days", "ending"]
    return [(row[0], row[1], round(row[2], 6), row[3]) for row in visits.frame[columns].itertuples(index=False)]


def test_stays_follow_the_versions_skips_and_returns_included(stays_of: StaysOf, deal: Deal) -> None:
    found = stays_of(
        deal("a", (0, "new"), (10, "offer"), (15, "close"), closed=(18, "won"))
        + deal("b", (0, "new"), (7, "close"), (9, "offer"), closed=(20, "lost"))  # skips, then falls back
        + deal("c", (50, "new")),
        stages=["new", "offer", "close"],
    )

    assert told(found) == [
        ("a", "new", 10, "advance"),
        ("a", "offer", 5, "advance"),
        ("a", "close", 3, "won"),
        ("b", "new", 7, "advance"),
        ("b", "close", 2, "back"),
        ("b", "offer", 11, "lost"),
        ("c", "new", 101, ""),
    ]
    assert found.frame["next_position"].tolist() == [1, 2, -1, 2, 1, -1, -1]
    assert found.won[["case_id", "amount"]].to_numpy().tolist() == [["a", 100.0]]


def test_closing_that_was_taken_back_does_not_end_the_stay(stays_of: StaysOf, deal: Deal) -> None:
    reopened = deal("a", (0, "new"), closed=(10, "lost")) + deal("a", (30, "new"), closed=(40, "won"))[0:2]
    reopened = [row | {"created_at": START} for row in reopened]

    assert told(stays_of(reopened)) == [("a", "new", 40, "won")]
    # as it was known before the reopening, the deal was lost
    assert told(stays_of(reopened, (START + timedelta(days=20)).to_pydatetime())) == [("a", "new", 10, "lost")]


def test_version_without_a_new_stage_and_one_after_the_end_change_nothing(stays_of: StaysOf, deal: Deal) -> None:
    rows = deal("a", (0, "new"), (5, "new"), closed=(9, "won"))
    paperwork = rows[-1] | {"recorded_at": START + timedelta(days=30), "amount": 70.0}

    found = stays_of([*rows, paperwork])

    assert told(found) == [("a", "new", 9, "won")]
    assert found.won["amount"].tolist() == [70.0]


def test_late_record_of_a_closing_counts_at_its_own_moment(stays_of: StaysOf, deal: Deal) -> None:
    rows = deal("a", (0, "new"), closed=(10, "won"))
    rows[-1]["recorded_at"] = START + timedelta(days=25)

    assert told(stays_of(rows)) == [("a", "new", 10, "won")]
    assert told(stays_of(rows, (START + timedelta(days=20)).to_pydatetime())) == [("a", "new", 20, "")]
    # with a delay of 15 days what happened up to day 11 counts
    delayed = stays_of(rows, (START + timedelta(days=26)).to_pydatetime(), reporting_delay_days=15)
    assert told(delayed) == [("a", "new", 10, "won")]


def test_deleted_deal_is_followed_until_then(stays_of: StaysOf, deal: Deal) -> None:
    rows = deal("a", (0, "new"))
    gone = START + timedelta(days=12)

    assert told(stays_of([*rows, rows[0] | {"recorded_at": gone, "deleted_at": gone}])) == [("a", "new", 12, "")]


def test_stay_whose_beginning_was_not_seen_is_left_out_and_counted(stays_of: StaysOf, deal: Deal) -> None:
    late = deal("a", (30, "offer"), (40, "close"), created_at=START)  # known 30 days after its creation
    blank = deal("b", (0, None), (30, "offer"), (40, "close"))  # its stage is first known at an import
    closed = deal("c", (0, "new"), closed=(9, "won"))[1:]  # known only with its end

    found = stays_of(late + blank + closed + deal("d", (0, "offer")))

    assert told(found) == [("a", "close", 111, ""), ("b", "close", 111, ""), ("d", "offer", 151, "")]
    assert found.n_unwatched == 3


def test_company_without_stages_has_one(stays_of: StaysOf, deal: Deal) -> None:
    found = stays_of(deal("a", (0, None), closed=(4, "won")) + deal("b", (0, None)))

    assert told(found) == [("a", "open", 4, "won"), ("b", "open", 151, "")]


def lead(lead_id: str, day: float, ended: float | None = None, deal_id: str | None = None) -> list[dict[str, Any]]:
    at = START + timedelta(days=day)
    first = {"lead_id": lead_id, "owner_id": "ada", "channel": "web", "created_at": at, "recorded_at": at}
    if ended is None:
        return [first]
    end = START + timedelta(days=ended)
    fate = {"closed_at": end, "recorded_at": end, "opportunity_id": deal_id}
    return [first, first | fate | ({"converted_at": end} if deal_id else {})]


def test_lead_is_the_step_before_the_stages_of_its_deal(stays_of: StaysOf, deal: Deal) -> None:
    leads = pd.DataFrame(lead("l1", 0, 5, "a") + lead("l2", 1, 8) + lead("l3", 2))

    found = stays_of(deal("a", (5, "new"), closed=(9, "won")), tables={"leads": leads})

    assert found.stages == ("(lead)", "new")
    assert told(found) == [
        ("(lead)/l2", "(lead)", 7, "lost"),
        ("(lead)/l3", "(lead)", 149, ""),
        ("a", "(lead)", 5, "advance"),
        ("a", "new", 4, "won"),
    ]
    assert found.frame["channel"].tolist() == ["web"] * 4
    assert found.frame["born"].tolist() == [
        pd.Timestamp(START.tz_localize(None)) + timedelta(days=d) for d in (1, 2, 0, 0)
    ]


def test_converted_lead_is_won_where_there_are_no_deals(stays_of: StaysOf) -> None:
    found = stays_of([], tables={"leads": pd.DataFrame(lead("l1", 0, 5, "elsewhere") + lead("l2", 1))})

    assert told(found) == [("(lead)/l1", "(lead)", 5, "won"), ("(lead)/l2", "(lead)", 150, "")]


def test_only_deals_of_the_given_owners_are_read(stays_of: StaysOf, deal: Deal) -> None:
    moved = deal("b", (0, "new"), owner_id="ada") + deal("b", (3, "offer"), owner_id="bob", created_at=START)
    rows = deal("a", (0, "new"), closed=(4, "won")) + moved

    assert {row[0] for row in told(stays_of(rows, owners=["ada"]))} == {"a"}  # b belongs to bob now
    assert {row[0] for row in told(stays_of(rows, owners=["bob"]))} == {"b"}
    assert stays_of(rows, owners=["bob"]).won.empty
    assert told(stays_of(rows, owners=[])) == []


def test_won_amounts_need_a_rate(stays_of: StaysOf, deal: Deal) -> None:
    foreign = deal("a", (0, "new"), closed=(4, "won"), currency="USD")
    rate = pd.DataFrame({"currency": ["USD"], "date": [START.tz_localize(None)], "rate": [0.5], "recorded_at": [START]})

    assert stays_of(foreign, tables={"fx_rates": rate}).won["amount"].tolist() == [50.0]
    with pytest.raises(DataUnavailable, match="1 amounts in USD have no rate to EUR"):
        stays_of(foreign)


def test_stays_of_a_past_moment_do_not_know_the_future(company: Company) -> None:
    as_of = company.end - timedelta(days=200)
    past = {
        name: frame[pd.to_datetime(frame["recorded_at"], utc=True) < as_of] for name, frame in company.tables.items()
    }
    read = [
        _read(tables, as_of) for tables in (company.tables, {name: frame for name, frame in past.items() if len(frame)})
    ]

    assert len(read[0].frame) > 500
    assert_frame_equal(read[0].frame, read[1].frame)
    assert_frame_equal(read[0].won, read[1].won)
    assert (read[0].stages, read[0].n_unwatched) == (read[1].stages, read[1].n_unwatched)


def _read(tables: dict[str, pd.DataFrame], as_of: Any) -> Visits:
    from zoneinfo import ZoneInfo

    with connect_tables(tables) as con:
        return read_visits(con, as_of, zone=ZoneInfo("UTC"), reporting_currency="EUR")
