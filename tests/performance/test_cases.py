import pandas as pd
import pytest

from forecast.history import connect_tables
from forecast.performance.cases import create_holdings, create_stage_holdings, stage_order

TODAY = 100.0


@pytest.fixture
def held(on_day):
    """Holdings as (case, owner, got, until, event, ended) with days of the year 2025, from 0 on."""

    def read(*deals, as_of=TODAY, entity="opportunity", table="opportunities"):
        con = connect_tables({table: pd.concat(deals)})
        create_holdings(con, entity, on_day(as_of).to_pydatetime())
        rows = con.sql("SELECT case_id, owner_id, got_at, until, event, ended_at FROM holdings").fetchall()
        return [
            (case, owner, *(None if at is None else days(at, on_day) for at in (got, until)), event,
             None if ended is None else days(ended, on_day))
            for case, owner, got, until, event, ended in rows
        ]  # fmt: skip

    return read


def days(moment, on_day):
    return (pd.Timestamp(moment, tz="UTC") - on_day(0)) / pd.Timedelta(days=1)


def test_an_open_case_is_held_until_now(held, deal):
    assert held(deal("D", (10, "ann", "new", None))) == [("D", "ann", 10, TODAY, "", None)]


def test_a_won_case_could_have_gone_on_until_now(held, deal):
    found = held(deal("D", (10, "ann", "new", None), (40, "ann", "won", "won")))

    assert found == [("D", "ann", 10, TODAY, "won", 39.5)]


def test_a_case_handed_on_is_held_by_each_in_turn_and_the_last_has_the_outcome(held, deal):
    found = held(deal("D", (10, "ann", "new", None), (30, "bob", "new", None), (40, "bob", "lost", "lost")))

    assert found == [("D", "ann", 10, 30, "", None), ("D", "bob", 30, TODAY, "lost", 39.5)]


def test_who_gets_a_case_back_holds_it_twice(held, deal):
    found = held(deal("D", (10, "ann", "a", None), (20, "bob", "a", None), (30, "ann", "b", None)))

    assert [row[1:4] for row in found] == [("ann", 10, 20), ("bob", 20, 30), ("ann", 30, TODAY)]


def test_a_case_lost_and_reopened_counts_by_its_last_version(held, deal):
    found = held(
        deal(
            "D",
            (10, "ann", "new", None),
            (20, "ann", "lost", "lost"),
            (30, "ann", "new", None),
            (50, "ann", "w", "won"),
        )
    )

    assert found == [("D", "ann", 10, TODAY, "won", 49.5)]


def test_a_case_that_came_closed_was_nobodys_to_win(held, deal):
    assert held(deal("D", (10, "ann", "won", "won"))) == []


def test_a_case_of_nobody_belongs_to_no_person(held, deal):
    assert held(deal("D", (10, None, "new", None), (30, "bob", "new", None))) == [("D", "bob", 30, TODAY, "", None)]


def test_a_removed_case_is_held_until_it_was_removed(held, deal, on_day):
    rows = deal("D", (10, "ann", "new", None), (30, "ann", "new", None))
    rows["deleted_at"] = pd.to_datetime([pd.NaT, on_day(30)], utc=True)

    assert held(rows) == [("D", "ann", 10, 30, "", None)]


def test_an_outcome_that_became_known_late_is_not_known_before(held, deal):
    versions = deal("D", (10, "ann", "new", None), (40, "ann", "won", "won"))

    assert held(versions, as_of=40) == [("D", "ann", 10, 40, "", None)]


def test_an_ending_before_the_hand_over_was_known_comes_right_after_it(held, deal, on_day):
    versions = deal("D", (10, "ann", "new", None), (30, "bob", "new", None), (40, "bob", "won", "won"))
    versions["closed_at"] = pd.to_datetime([pd.NaT, pd.NaT, on_day(25)], utc=True)

    (_, ann, bob) = (None, *held(versions))

    assert ann[4] == ""
    assert bob[1:5] == ("bob", 30, TODAY, "won")
    assert bob[5] == pytest.approx(30, abs=1e-4)


def test_leads_are_held_until_they_convert(held, on_day):
    lead = pd.DataFrame(
        {
            "lead_id": "L", "owner_id": "ann", "status": ["new", "done"], "created_at": on_day(5),
            "converted_at": pd.to_datetime([pd.NaT, on_day(20)], utc=True), "recorded_at": [on_day(5), on_day(21)],
        }
    )  # fmt: skip

    assert held(lead, entity="lead", table="leads") == [("L", "ann", 5, TODAY, "won", 20)]


def test_stages_are_ordered_as_deals_went_through_them(deal, on_day):
    deals = [
        *(deal(f"D{i}", (1, "a", "zeta", None), (2, "a", "mid", None), (3, "a", "alpha", None)) for i in range(3)),
        deal("X", (1, "a", "zeta", None), (2, "a", "alpha", None)),
        deal("Y", (1, "a", "mid", None)),
    ]
    con = connect_tables({"opportunities": pd.concat(deals)})

    assert stage_order(con, on_day(50).to_pydatetime()) == ["zeta", "mid", "alpha"]
    assert stage_order(con, on_day(1.5).to_pydatetime()) == ["mid", "zeta"]  # nothing else was known


@pytest.fixture
def steps(on_day):
    """Steps as (owner, step, got, event, ended)."""

    def read(*deals, stages=("a", "b", "c")):
        con = connect_tables({"opportunities": pd.concat(deals)})
        as_of = on_day(TODAY).to_pydatetime()
        create_holdings(con, "opportunity", as_of)
        create_stage_holdings(con, as_of, list(stages), holdings="holdings")
        rows = con.sql("SELECT owner_id, step, got_at, event, ended_at FROM stage_holdings ORDER BY step, got_at")
        return [
            (owner, step, days(got, on_day), event, None if ended is None else days(ended, on_day))
            for owner, step, got, event, ended in rows.fetchall()
        ]

    return read


def test_each_step_succeeds_by_going_on_and_the_last_by_the_win(steps, deal):
    found = steps(
        deal("D", (1, "ann", "a", None), (10, "ann", "b", None), (20, "ann", "c", None), (31, "ann", "w", "won"))
    )

    assert found == [("ann", 0, 1, "won", 10), ("ann", 1, 10, "won", 20), ("ann", 2, 20, "won", 30.5)]


def test_a_loss_fails_the_step_that_was_reached(steps, deal):
    found = steps(deal("D", (1, "ann", "a", None), (10, "ann", "b", None), (31, "ann", "l", "lost")))

    assert found == [("ann", 0, 1, "won", 10), ("ann", 1, 10, "lost", 30.5)]


def test_falling_back_leaves_no_step_and_begins_none(steps, deal):
    found = steps(
        deal("D", (1, "ann", "a", None), (10, "ann", "b", None), (20, "ann", "a", None), (31, "ann", "w", "won"))
    )

    assert found == [("ann", 0, 1, "won", 10), ("ann", 1, 10, "won", 30.5)]


def test_a_stage_that_was_skipped_is_no_step_of_the_case(steps, deal):
    found = steps(deal("D", (1, "ann", "a", None), (10, "ann", "c", None)))

    assert found == [("ann", 0, 1, "won", 10), ("ann", 2, 10, "", None)]


def test_a_step_handed_on_succeeds_with_who_has_it_then(steps, deal):
    found = steps(deal("D", (1, "ann", "a", None), (5, "bob", "a", None), (10, "bob", "b", None)))

    assert found == [("ann", 0, 1, "", None), ("bob", 0, 5, "won", 10), ("bob", 1, 10, "", None)]
