from datetime import UTC, datetime

import pandas as pd
import pytest

from forecast.history import connect_tables
from forecast.performance.attainment import read_targets
from forecast.periods import parse_period
from forecast.settings import Settings

AS_OF = datetime(2025, 2, 15, tzinfo=UTC)
EARLY, LATE = datetime(2025, 1, 20, tzinfo=UTC), datetime(2025, 2, 20, tzinfo=UTC)
MEMBERS = pd.DataFrame(
    [("user", "ann", "ann"), ("user", "bob", "bob"), ("team", "T", "ann"), ("team", "T", "bob"),
     ("company", "company", "ann"), ("company", "company", "bob")],
    columns=["level", "id", "owner_id"],
)  # fmt: skip


def target(owner, amount, *, kind="user", measure="revenue", period="2025-02", since=EARLY, currency="EUR"):
    return {
        "owner_kind": kind, "owner_id": owner, "period": period, "measure": measure, "amount": amount,
        "currency": currency, "version": 1, "effective_from": since, "recorded_at": since,
    }  # fmt: skip


def approval(owner, amount, version, *, approved=EARLY, kind="user"):
    return target(owner, amount, kind=kind) | {"version": version, "approved_at": approved, "effective_from": EARLY}


def targets(*imported, approved=(), rates=()):
    tables = {"targets": pd.DataFrame(imported)} if imported else {}
    if rates:
        tables["fx_rates"] = pd.DataFrame(rates, columns=["currency", "date", "rate"]).assign(recorded_at=EARLY)
    con = connect_tables(tables)
    found = read_targets(
        con, parse_period("2025-02"), AS_OF, Settings(), MEMBERS, pd.DataFrame(approved) if approved else None
    )
    return dict(zip(found["id"], found["target"], strict=True))


def test_a_team_without_a_target_has_the_sum_of_its_peoples():
    assert targets(target("ann", 100), target("bob", 50)) == {"ann": 100, "bob": 50, "T": 150, "company": 150}


def test_a_teams_own_target_goes_before_the_sum():
    found = targets(target("ann", 100), target("T", 90, kind="team"), target("acme", 500, kind="company"))

    assert found == {"ann": 100, "T": 90, "company": 500}


@pytest.mark.parametrize("other", [{"measure": "units"}, {"period": "2025-03"}, {"since": LATE}])
def test_targets_of_other_measures_periods_and_later_days_do_not_count(other):
    assert targets(target("ann", 100, **other)) == {}


def test_the_last_approval_that_held_goes_before_what_was_imported():
    approved = [approval("ann", 110, 1), approval("ann", 120, 2), approval("ann", 999, 3, approved=LATE)]

    assert targets(target("ann", 100), target("bob", 50), approved=approved) == {
        "ann": 120, "bob": 50, "T": 170, "company": 170,
    }  # fmt: skip


def test_a_target_in_another_currency_is_converted_at_the_rate_of_the_periods_first_day():
    rates = [("USD", pd.Timestamp("2025-01-01"), 0.5), ("USD", pd.Timestamp("2025-02-10"), 0.9)]

    assert targets(target("ann", 100, currency="USD"), rates=rates)["ann"] == 50


def test_without_any_target_there_is_none():
    assert targets() == {}
