from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from forecast.errors import InvalidInput
from forecast.features import open_entities, outcomes, snapshot_spine
from forecast.features.spine import snapshot_moments
from forecast.history import connect_tables


def day(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def deal(name, known, **columns):
    return {"opportunity_id": name, "created_at": "2024-01-01", "recorded_at": known} | columns


DEALS = [
    deal("open", "2024-01-02"),
    deal("won", "2024-01-02"),
    deal("won", "2024-02-01", outcome="won", closed_at="2024-02-01"),
    deal("late", "2024-01-02"),
    deal("late", "2024-02-20", outcome="lost", closed_at="2024-01-20"),
    deal("deleted", "2024-01-02"),
    deal("deleted", "2024-01-25", deleted_at="2024-01-25"),
    deal("merged", "2024-01-02"),
    deal("merged", "2024-01-28", merged_into="open"),
    deal("reopened", "2024-01-02"),
    deal("reopened", "2024-01-20", outcome="lost", closed_at="2024-01-20"),
    deal("reopened", "2024-02-05"),
    deal("reopened", "2024-02-25", outcome="won", closed_at="2024-02-24"),
]


@pytest.fixture
def con():
    return connect_tables({"opportunities": pd.DataFrame(DEALS)})


def test_open_entities_are_those_known_and_neither_closed_nor_removed(con):
    def names(text):
        return open_entities(con, "opportunity", day(text))["entity_id"].tolist()

    assert names("2024-01-02") == []  # known from a moment on means after it
    assert names("2024-01-03") == ["deleted", "late", "merged", "open", "reopened", "won"]
    assert names("2024-02-02") == ["late", "open"]
    assert names("2024-02-06") == ["late", "open", "reopened"]
    assert names("2024-03-01") == ["open"]


def test_outcomes_are_those_known_before_the_cutoff(con):
    spine = open_entities(con, "opportunity", day("2024-01-11"))

    def fate(cutoff):
        found = outcomes(con, spine, "opportunity", day(cutoff))
        return {row.entity_id: (row.event, row.days) for row in found.itertuples()}

    assert fate("2024-02-20") == {
        "open": ("", 40.0),
        "won": ("won", 21.0),
        "late": ("", 40.0),  # its loss is recorded at the cutoff: not before it
        "deleted": ("", 14.0),
        "merged": ("", 17.0),
        "reopened": ("", 40.0),
    }
    assert fate("2024-03-01")["late"] == ("lost", 9.0)
    assert fate("2024-03-01")["reopened"] == ("won", 44.0)
    assert fate("2024-02-01")["reopened"] == ("lost", 9.0)


def test_an_event_before_as_of_that_became_known_later_has_no_days(con):
    spine = pd.DataFrame({"entity_id": ["late"], "as_of": [day("2024-02-01")]})

    assert outcomes(con, spine, "opportunity", day("2024-03-01"))[["event", "days"]].iloc[0].tolist() == ["lost", 0.0]


def test_a_closing_announced_for_later_counts_when_it_is_known():
    con = connect_tables(
        {
            "opportunities": pd.DataFrame(
                [deal("O1", "2024-01-02"), deal("O1", "2024-01-09", outcome="won", closed_at="2024-06-01")]
            )
        }
    )
    spine = pd.DataFrame({"entity_id": ["O1"], "as_of": [day("2024-01-04")]})

    assert outcomes(con, spine, "opportunity", day("2024-03-01"))["days"].tolist() == [5.0]


def test_a_deal_closed_without_an_outcome_is_followed_until_then():
    con = connect_tables(
        {"opportunities": pd.DataFrame([deal("O1", "2024-01-02"), deal("O1", "2024-01-09", closed_at="2024-01-08")])}
    )
    spine = pd.DataFrame({"entity_id": ["O1"], "as_of": [day("2024-01-04")]})

    assert outcomes(con, spine, "opportunity", day("2024-03-01"))[["event", "days"]].iloc[0].tolist() == ["", 4.0]
    assert open_entities(con, "opportunity", day("2024-03-01")).empty


def test_a_lead_is_won_when_converted_and_lost_when_closed_without():
    lead = {"created_at": "2024-01-01"}
    leads = [
        lead | {"lead_id": "L1", "recorded_at": "2024-01-01"},
        lead | {"lead_id": "L1", "converted_at": "2024-01-11", "closed_at": "2024-01-11", "recorded_at": "2024-01-11"},
        lead | {"lead_id": "L2", "recorded_at": "2024-01-01"},
        lead | {"lead_id": "L2", "closed_at": "2024-01-12", "recorded_at": "2024-01-12"},
        lead | {"lead_id": "L3", "recorded_at": "2024-01-01"},
    ]
    con = connect_tables({"leads": pd.DataFrame(leads)})

    spine = open_entities(con, "lead", day("2024-01-02"))
    found = outcomes(con, spine, "lead", day("2024-01-31"))

    assert found["event"].tolist() == ["won", "lost", ""]
    assert found["days"].tolist() == [9.0, 10.0, 29.0]


def test_snapshot_spine_has_everything_at_risk_at_each_moment(con):
    spine = snapshot_spine(con, "opportunity", first=day("2024-01-15"), cutoff=day("2024-01-29"), step_days=7, zone=UTC)

    assert [(row.entity_id, row.as_of.day) for row in spine.itertuples()] == [
        ("deleted", 22), ("late", 22), ("merged", 22), ("open", 22), ("won", 22),
        ("late", 29), ("open", 29), ("won", 29),
    ]  # fmt: skip


def test_snapshot_moments_are_midnights_of_the_zone_across_a_change_of_clocks():
    zone = ZoneInfo("Europe/Amsterdam")

    moments = snapshot_moments(day("2024-03-24"), day("2024-04-07T22:00"), 7, zone)

    assert [moment.isoformat() for moment in moments] == [
        "2024-03-24T23:00:00+00:00", "2024-03-31T22:00:00+00:00", "2024-04-07T22:00:00+00:00",
    ]  # fmt: skip


def test_snapshot_moments_of_a_later_cutoff_contain_those_of_an_earlier_one():
    early = snapshot_moments(day("2024-01-01"), day("2024-02-01"), 5, UTC)
    late = snapshot_moments(day("2024-01-01"), day("2024-02-03"), 5, UTC)

    assert late[: len(early)] == early


def test_snapshot_moments_refuse_a_step_below_a_day():
    with pytest.raises(InvalidInput, match=r"step_days.*got 0"):
        snapshot_moments(day("2024-01-01"), day("2024-02-01"), 0, UTC)
