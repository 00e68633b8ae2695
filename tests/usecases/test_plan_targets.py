from contextlib import contextmanager
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.datasets import make_company
from forecast.errors import InvalidInput
from forecast.history import connect_tables, in_force
from forecast.periods import parse_period
from forecast.settings import Settings
from forecast.targets import ConstraintConflict
from forecast.targets.constraints import Constraint
from forecast.usecases.attainment import attainment
from forecast.usecases.outlook import outlook
from forecast.usecases.plan_targets import Wish, plan_targets, target_outlook, target_rate
from forecast.usecases.target_history import last_targets, previous_periods, targets_in_force

pytestmark = pytest.mark.slow

SETTINGS, Q4, Q3 = Settings(), parse_period("2025Q4"), parse_period("2025Q3")
BEFORE, DURING = datetime(2025, 10, 1, tzinfo=UTC), datetime(2025, 11, 15, tzinfo=UTC)


class FrameLake:
    """A lake of frames, without files."""

    def __init__(self, tables):
        self.tables = tables

    def head(self):
        return 1

    @contextmanager
    def connect(self, batch=None):
        with connect_tables(self.tables, batch=batch) as con:
            yield con

    def table(self, name, as_of=None, batch=None):
        with connect_tables({name: self.tables.get(name)}, batch=batch) as con:
            return con.sql(f"SELECT * FROM {in_force(name, as_of or datetime(2030, 1, 1, tzinfo=UTC))}").df()


@pytest.fixture(scope="module")
def lake():
    return FrameLake(make_company(n_opportunities=400, n_leads=500, months=18, start=date(2024, 7, 1)).tables)


@pytest.fixture(scope="module")
def bare(lake):
    """Without the targets that the CRM had."""
    return FrameLake(lake.tables | {"targets": None})


@pytest.fixture
def store(tmp_path):
    made = SqlStore(f"sqlite:///{tmp_path / 'store.db'}", clock=FixedClock(BEFORE))
    made.migrate()
    return made


def made_at(lake, store, as_of, **more):
    return target_outlook(lake, InMemoryRegistry(), store, SETTINGS, Q4, as_of, **more)


@pytest.fixture(scope="module")
def before(lake, tmp_path_factory):
    return made_at(lake, _store(tmp_path_factory), BEFORE)


@pytest.fixture(scope="module")
def during(lake, tmp_path_factory):
    return made_at(lake, _store(tmp_path_factory), DURING)


def _store(factory):
    made = SqlStore(f"sqlite:///{factory.mktemp('store') / 'store.db'}", clock=FixedClock(BEFORE))
    made.migrate()
    return made


def plan(lake, store, made, **wish):
    return plan_targets(lake, store, SETTINGS, made, Wish(**wish))


def approve(store, proposal, **more):
    return store.approve_targets("2025Q4", proposal.to_frame(), author="ann", basis=proposal.basis, **more)


def test_a_rep_who_types_later_dates_and_other_categories_keeps_the_own_target(lake, store, before):
    owner = before.owners[0]
    deals = lake.tables["opportunities"].copy()
    mine = deals["owner_id"] == owner
    later = pd.to_datetime(deals.loc[mine, "expected_close_date"]) + pd.Timedelta(days=120)
    deals.loc[mine, "expected_close_date"] = later.dt.date
    deals.loc[mine, "forecast_category"] = "omitted"

    typed = made_at(FrameLake(lake.tables | {"opportunities": deals}), store, BEFORE)

    np.testing.assert_array_equal(typed.paths, before.paths)


def test_children_sum_to_their_parent_at_every_node(lake, store, before):
    frame = plan(lake, store, before, company_target=500_000.01).to_frame()

    amounts = frame.set_index("owner_id")["amount"]
    for parent, children in frame[frame["parent"] != ""].groupby("parent"):
        assert round(children["amount"].sum(), 2) == amounts[parent]
    assert amounts["company"] == 500_000.01


def test_the_basis_says_what_a_proposal_rests_on(lake, store, before):
    assert plan(lake, store, before).basis == (
        "equal odds on the outlook of territories as of 2025-10-01T00:00:00Z, batch 1"
    )


def test_changes_are_of_the_last_target(bare, store, before):
    first = plan(bare, store, before, company_target=500_000)
    store.approve_targets("2025Q3", first.to_frame(), author="ann", effective_from=datetime(2025, 7, 1, tzinfo=UTC))
    limits = (Constraint("*", "max_change", 0.10), Constraint("*", "min_change", -0.10))

    frame = plan(bare, store, before, company_target=520_000, constraints=limits).to_frame()

    users = frame["owner_kind"] == "user"
    change = frame["amount"][users] / first.to_frame()["amount"][users] - 1
    assert np.all(np.abs(change) <= 0.1 + 1e-6), change


def test_changes_that_cannot_reach_the_company_target_are_in_conflict(bare, store, before):
    first = plan(bare, store, before, company_target=500_000)
    store.approve_targets("2025Q3", first.to_frame(), author="ann", effective_from=datetime(2025, 7, 1, tzinfo=UTC))

    with pytest.raises(ConstraintConflict, match=r"\+10\.0% on .* EUR\)"):
        plan(bare, store, before, company_target=560_000, constraints=(Constraint("*", "max_change", 0.10),))


def test_who_has_no_last_target_is_told(bare, store, before):
    owner = before.owners[0]

    proposal = plan(bare, store, before, constraints=(Constraint(owner, "max_change", 0.1),))

    assert proposal.without_last == (owner,)


def test_a_newcomer_ramps_up_by_months(lake, store, before):
    users = lake.tables["users"].copy()
    new = users["user_id"] == before.owners[0]
    users.loc[new, "active_from"] = pd.Timestamp("2025-10-01", tz="UTC")
    users.loc[~new, "active_from"] = pd.Timestamp("2020-01-01", tz="UTC")

    proposal = plan(FrameLake(lake.tables | {"users": users}), store, before, company_target=500_000, ramp_months=6)

    full = proposal.proposer.propose_at(proposal.ambition)
    assert proposal.proposal.held == ("ramp", *[""] * (len(before.owners) - 1))
    # the middle of the quarter is 1.5 months after the first day
    assert proposal.proposal.targets[0] == pytest.approx(full.targets[0] * 1.512 / 6, rel=0.01)


def test_drag_shows_the_odds_before_and_after(lake, store, before):
    proposal = plan(lake, store, before, company_target=500_000)

    frame = proposal.drag_frame(before.owners[1], 90_000).set_index("owner_id")

    assert frame.loc[before.owners[1], "amount"] == 90_000
    assert frame.loc["company", "odds"] == frame.loc["company", "odds_before"] == proposal.company_odds
    others = frame[(frame["owner_kind"] == "user") & (frame.index != before.owners[1])]
    raised = frame.loc[before.owners[1], "amount_before"] < 90_000
    assert ((others["odds"] >= others["odds_before"]) == raised).all()


def test_dragging_a_stranger_fails(lake, store, before):
    with pytest.raises(InvalidInput, match="name 'zoe'"):
        plan(lake, store, before).drag("zoe", 1)


def test_mix_adds_up_by_person_and_by_part(lake, store, before):
    proposal = plan(lake, store, before, company_target=500_000)

    mix = proposal.mix_frame({"software": 300_000.0, "services": 200_000.0})

    table = mix.pivot_table(index="owner_id", columns="measure", values="amount", sort=False)
    own = proposal.to_frame().set_index("owner_id")["amount"]
    np.testing.assert_allclose(table.sum(axis=1), own[table.index], atol=1e-6)
    assert table.loc["company"].to_dict() == {"revenue:services": 200_000.0, "revenue:software": 300_000.0}


def test_adjusted_targets_keep_the_company_target_and_say_so(lake, store, before, during):
    approve(store, plan(lake, store, before, company_target=500_000))

    adjusted = plan(lake, store, during, adjust=True)

    assert adjusted.company_target == 500_000
    assert adjusted.basis.startswith("adjusted during the period, from version 1; equal odds on the outlook of")
    booked = np.asarray(during.parts["booked"])
    free = np.array(adjusted.proposal.held) == ""
    assert np.all(adjusted.proposal.targets[free] >= booked[free] - 0.005)


def test_a_part_of_the_people_keeps_what_these_have_in_force(lake, store, before, during):
    whole = plan(lake, store, before, company_target=500_000)
    approve(store, whole)
    some = during.owners[:2]
    held = whole.to_frame().set_index("owner_id")["amount"]

    adjusted = plan(lake, store, during.among(some), adjust=True)

    assert adjusted.outlook.owners == some
    assert adjusted.company_target == pytest.approx(held[list(some)].sum())
    assert "of 2 people as of" in adjusted.basis


def test_targets_are_adjusted_during_their_period_only(lake, bare, store, during):
    early = made_at(lake, store, datetime(2025, 9, 1, tzinfo=UTC))

    with pytest.raises(InvalidInput, match="2025-09-01 is not in 2025Q4"):
        plan(lake, store, early, adjust=True)
    with pytest.raises(InvalidInput, match="No company target of 2025Q4 is in force"):
        plan(bare, store, during, adjust=True)


def test_attainment_adds_up_and_replays(lake, store, before):
    approve(store, plan(lake, store, before, company_target=500_000))
    ordinary = outlook(lake, InMemoryRegistry(), store, SETTINGS, Q4, DURING)

    found = attainment(lake, store, SETTINGS, ordinary)

    table = found.table.set_index("owner_id")
    people = table[table["owner_kind"] == "user"]
    assert found.version == 1
    assert found.n_past_periods == 4  # of 2024Q3 the first days are not known
    assert round(people["booked"].sum(), 2) == table.loc["company", "booked"] > 0
    assert round(people["target"].sum(), 2) == 500_000
    assert 0 < table.loc["company", "usual_share"] < 1
    pd.testing.assert_frame_equal(attainment(lake, store, SETTINGS, ordinary).table, found.table)


def test_coverage_is_missing_when_nobody_says_when_deals_close(lake, store, before):
    undated = lake.tables["opportunities"].assign(expected_close_date=None)
    silent = FrameLake(lake.tables | {"opportunities": undated})
    approve(store, plan(lake, store, before, company_target=500_000))
    ordinary = outlook(silent, InMemoryRegistry(), store, SETTINGS, Q4, DURING)

    table = attainment(silent, store, SETTINGS, ordinary).table

    assert table[["pipeline", "pipeline_coverage"]].isna().all(axis=None)
    assert table["weighted_pipeline"].sum() > 0


def test_the_version_in_force_is_that_of_the_moment(lake, store, before):
    first, second = (plan(lake, store, before, company_target=total) for total in (500_000, 510_000))
    approve(store, first)
    store.clock.moment = datetime(2025, 10, 20, tzinfo=UTC)
    approve(store, second, effective_from=datetime(2025, 11, 1, tzinfo=UTC))

    def version(day):
        held = targets_in_force(lake, store, Q4, datetime(2025, *day, tzinfo=UTC), "revenue")
        return held.version, held.amounts["company", "company"]

    assert version((10, 2)) == (1, 500_000)
    assert version((10, 25)) == (1, 500_000)  # approved, not yet in effect
    assert version((11, 2)) == (2, 510_000)


def test_targets_of_the_crm_hold_where_nothing_was_approved(lake, store):
    held = targets_in_force(lake, store, Q3, datetime(2025, 9, 1, tzinfo=UTC), "revenue")

    stored = lake.tables["targets"]
    of_period = stored[(stored["period"] == "2025Q3") & (stored["measure"] == "bookings")]
    assert held.version is None
    assert len(held.amounts) == of_period[["owner_kind", "owner_id"]].drop_duplicates().shape[0] > 0
    assert last_targets(lake, store, Q4, BEFORE, "revenue", fiscal_year_start=1)


@pytest.mark.parametrize(
    ("label", "start", "expected"),
    [
        ("2025Q4", 1, ["2025Q3", "2025Q2"]),
        ("2025Q1", 4, ["2024Q4", "2024Q3"]),
        ("2026-01", 1, ["2025-12", "2025-11"]),
        ("FY2025", 7, ["FY2024", "FY2023"]),
        ("2026-W01", 1, ["2025-W52", "2025-W51"]),
    ],
)
def test_previous_periods_are_of_the_same_kind(label, start, expected):
    found = previous_periods(parse_period(label, fiscal_year_start=start), 2, fiscal_year_start=start)

    assert [period.label for period in found] == expected


def test_rate_is_the_last_one_known(lake):
    rates = lake.tables["fx_rates"]
    known = rates[(rates["currency"] == "USD") & (pd.to_datetime(rates["date"]) <= pd.Timestamp("2025-10-01"))]
    known = known[pd.to_datetime(known["recorded_at"], utc=True) < BEFORE]

    rate = target_rate(lake, SETTINGS, "USD", BEFORE, 1)

    assert rate == pytest.approx(1 / float(known.sort_values("date")["rate"].iloc[-1]))
