"""The records of a simulated company: their laws, and what each switch does."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from forecast.datasets import make_company
from forecast.datasets.trade import order_rate
from forecast.errors import InvalidInput
from forecast.history import connect_tables
from forecast.schema import SYSTEM_COLUMNS, TABLES


def test_same_random_state_gives_the_same_company():
    one, other = make_company(random_state=11), make_company(random_state=11)

    for name, rows in one.exports.items():
        pd.testing.assert_frame_equal(rows, other.exports[name])
    for name, rows in one.truth.items():
        pd.testing.assert_frame_equal(rows, other.truth[name])


def test_other_random_state_gives_another_company(company):
    other = make_company(random_state=1)

    assert not company.exports["opportunities"].equals(other.exports["opportunities"])


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("n_opportunities", 0, "`n_opportunities` must be between 1 and 10000000, got 0"),
        ("months", 2, "`months` must be between 3 and 120, got 2"),
        ("censoring", 0.95, "`censoring` must be between 0.05 and 0.9, got 0.95"),
        ("signal", 1.5, "`signal` must be between 0 and 1, got 1.5"),
    ],
)
def test_argument_out_of_range_is_refused(argument, value, message):
    with pytest.raises(InvalidInput, match=message):
        make_company(**{argument: value})


def test_one_of_everything_is_a_company():
    company = make_company(n_reps=1, n_accounts=1, n_opportunities=1, n_leads=1, months=3)

    assert company.exports["opportunities"]["opportunity_id"].unique().tolist() == ["O000000"]


@settings(max_examples=10, deadline=None)
@given(
    random_state=st.integers(0, 10_000),
    late_records=st.sampled_from([0.0, 0.5]),
    leaks=st.booleans(),
    censoring=st.sampled_from([0.1, 0.4, 0.8]),
    common_shocks=st.sampled_from([0.0, 1.0]),
    removals=st.sampled_from([0.0, 0.1]),
)
def test_records_of_any_company_keep_the_laws_of_a_crm(
    random_state, late_records, leaks, censoring, common_shocks, removals
):
    company = make_company(
        n_reps=3, n_accounts=30, n_opportunities=60, n_leads=60, months=12, late_records=late_records, leaks=leaks,
        censoring=censoring, common_shocks=common_shocks, deletions=removals, merges=removals,
        random_state=random_state,
    )  # fmt: skip

    for name, rows in company.exports.items():
        assert rows["recorded_at"].is_monotonic_increasing, name
        assert (rows["recorded_at"] < company.end).all(), name
        assert not rows.duplicated([*TABLES[name].key, "recorded_at"]).any(), name
        assert not rows[list(TABLES[name].key)].isna().any(axis=None), name
    deals = company.exports["opportunities"]
    closed = deals["outcome"].notna() & deals["deleted_at"].isna()
    assert (deals.loc[closed, "recorded_at"] >= deals.loc[closed, "closed_at"]).all()
    assert (deals["closed_at"].notna() == deals["outcome"].notna()).all()
    assert (deals["closed_at"] > deals["created_at"])[deals["closed_at"].notna()].all()
    assert (deals["recorded_at"] >= deals["created_at"]).all()
    assert not reopened(deals).any()
    leads = company.exports["leads"]
    ended = leads["closed_at"].notna()
    assert (leads.loc[ended, "recorded_at"] >= leads.loc[ended, "closed_at"]).all()
    interactions = company.exports["interactions"]
    assert (interactions["recorded_at"] >= interactions["at"]).all()
    assert (interactions["lead_id"].notna() ^ interactions["opportunity_id"].notna()).all()
    for table, column, parent in REFERENCES:
        known = company.exports[parent][TABLES[parent].key[0]]
        assert company.exports[table][column].dropna().isin(known).all(), (table, column)


REFERENCES = (
    ("users", "team_id", "teams"),
    ("teams", "manager_id", "users"),
    ("teams", "parent_team_id", "teams"),
    ("accounts", "owner_id", "users"),
    ("contacts", "account_id", "accounts"),
    ("leads", "account_id", "accounts"),
    ("opportunities", "account_id", "accounts"),
    ("opportunities", "owner_id", "users"),
    ("opportunities", "product_id", "products"),
    ("interactions", "contact_id", "contacts"),
    ("interactions", "opportunity_id", "opportunities"),
    ("interactions", "lead_id", "leads"),
    ("interactions", "user_id", "users"),
    ("orders", "account_id", "accounts"),
    ("order_lines", "order_id", "orders"),
    ("order_lines", "product_id", "products"),
    ("feedback", "order_id", "orders"),
    ("targets", "owner_id", "users"),
    ("targets", "approved_by", "users"),
)


def reopened(deals: pd.DataFrame) -> pd.Series:
    """Open versions that come after a closed one of the same deal."""
    was_closed = deals["outcome"].notna().groupby(deals["opportunity_id"]).cummax()
    return was_closed & deals["outcome"].isna()


def test_stage_history_moves_by_one_stage_at_a_time(company):
    deals = company.exports["opportunities"]
    order = {"qualification": 0, "needs_analysis": 1, "proposal": 2, "negotiation": 3}
    stage = deals["stage"].map(order)

    steps = stage.groupby(deals["opportunity_id"]).diff().dropna()

    assert set(steps.unique()) == {-1.0, 0.0, 1.0}
    assert deals.drop_duplicates("opportunity_id")["stage"].eq("qualification").all()


def test_converted_leads_become_opportunities_at_the_same_moment():
    company = make_company(deletions=0.0)
    leads = company.exports["leads"].dropna(subset="opportunity_id")
    created = company.exports["opportunities"].drop_duplicates("opportunity_id").set_index("opportunity_id")

    assert len(leads) > 50
    assert (leads["opportunity_id"].map(created["created_at"]) == leads["converted_at"]).all()
    assert (leads["opportunity_id"].map(created["account_id"]) == leads["account_id"]).all()


def test_expected_close_dates_slip_while_a_deal_stays_open(company):
    deals = company.exports["opportunities"]
    in_force_until = deals.groupby("opportunity_id")["recorded_at"].shift(-1).fillna(company.end)
    overdue = in_force_until.dt.tz_localize(None) - deals["expected_close_date"]

    # A version with a passed date is replaced the morning after, at the latest.
    assert overdue[deals["outcome"].isna() & deals["deleted_at"].isna()].max() < pd.Timedelta(days=2)


def test_tables_have_schema_columns_only_and_attributes_as_json(company):
    for name, rows in company.tables.items():
        assert set(rows) <= {*TABLES[name].by_name, *SYSTEM_COLUMNS}, name
    with connect_tables(company.tables) as con:
        catalogue = con.sql("SELECT table_name, name, type FROM attribute_catalogue ORDER BY ALL").fetchall()
    assert catalogue == [
        ("leads", "newsletter", "boolean"),
        ("leads", "pages_viewed", "number"),
        ("opportunities", "has_competitor", "boolean"),
        ("opportunities", "lead_source", "text"),
        ("opportunities", "seats", "number"),
    ]


def test_late_records_come_a_day_or_more_after_the_fact():
    company = make_company(late_records=0.3)
    interactions = company.exports["interactions"]
    lateness = interactions["recorded_at"] - interactions["at"]

    is_late = lateness > pd.Timedelta(0)

    assert is_late.mean() == pytest.approx(0.3, abs=0.02)
    assert lateness[is_late].min() >= pd.Timedelta(days=1)
    closings = company.exports["opportunities"].dropna(subset="outcome")
    assert (closings["recorded_at"] > closings["closed_at"]).mean() == pytest.approx(0.3, abs=0.08)


def test_leaking_attributes_tell_the_outcome_afterwards_only():
    deals = make_company(leaks=True, deletions=0.0).exports["opportunities"]
    last = deals.drop_duplicates("opportunity_id", keep="last")

    assert (deals["outcome"].eq("won") | deals["contract_number"].isna()).all()
    assert (
        deals.loc[deals["contract_number"].notna(), "recorded_at"]
        .gt(deals.loc[deals["contract_number"].notna(), "closed_at"])
        .all()
    )
    # The column without history has one value per deal, known too early, that parts won from lost.
    values = deals.groupby("opportunity_id")["health_index"]
    assert (values.min() == values.max()).all()
    means = last.groupby("outcome")["health_index"].mean()
    assert means["won"] - means["lost"] > 20


def test_without_leaks_there_is_no_leaking_attribute(company):
    assert not {"contract_number", "survey_sent", "health_index"} & set(company.exports["opportunities"])


def test_deleted_deals_have_no_later_version():
    deals = make_company(n_opportunities=2000, deletions=0.1).exports["opportunities"]
    graves = deals.dropna(subset="deleted_at")

    assert len(graves) == pytest.approx(200, abs=50)
    assert (graves["deleted_at"] == graves["recorded_at"]).all()
    last = deals.drop_duplicates("opportunity_id", keep="last").set_index("opportunity_id")
    assert last["deleted_at"].reindex(graves["opportunity_id"]).notna().all()


def test_merged_accounts_point_to_one_that_was_there():
    accounts = make_company(n_accounts=500, merges=0.1).exports["accounts"]
    merged = accounts.dropna(subset="merged_into")
    first = accounts.drop_duplicates("account_id").set_index("account_id")["recorded_at"]

    assert len(merged) == pytest.approx(50, abs=8)  # those merged after a deletion are gone
    assert (merged["merged_into"].map(first) <= merged["recorded_at"]).all()
    assert not merged["merged_into"].isin(merged["account_id"]).any()


def test_common_shocks_are_heavy_tailed_and_told(company):
    shocked = make_company(common_shocks=1.0).truth["shocks"]

    assert company.truth["shocks"].empty
    assert shocked["log_factor"].abs().max() > 1
    assert shocked["team_id"].nunique() >= 2


def test_repeat_orders_follow_their_true_season(large_company):
    orders = large_company.exports["orders"]
    repeats = orders[orders["opportunity_id"].isna()]
    customers = orders.groupby("account_id")["ordered_at"].min()
    n_days = (large_company.last_day - large_company.first_day).days + 1
    days = np.arange(n_days) + 0.5
    since = (customers - pd.Timestamp(large_company.first_day, tz="UTC")) / pd.Timedelta(days=1)
    n_buyers = np.searchsorted(np.sort(since.to_numpy()), days)
    month = pd.DatetimeIndex(np.datetime64(large_company.first_day) + np.arange(n_days)).to_period("M")

    expected = pd.Series(order_rate(large_company.first_day, days) * n_buyers).groupby(month).sum()

    observed = repeats["ordered_at"].dt.tz_localize(None).dt.to_period("M").value_counts()
    observed = observed.reindex(expected.index, fill_value=0)
    assert ((observed - expected) ** 2 / expected).sum() < chi2.ppf(0.999, len(expected))


def test_reps_with_skill_win_more():
    company = make_company(n_reps=10, n_opportunities=6000, n_leads=1000, random_state=9)
    skill = company.truth["users"].set_index("user_id")["skill"]
    last = company.exports["opportunities"].drop_duplicates("opportunity_id", keep="last").dropna(subset="outcome")

    win_rate = last["outcome"].eq("won").groupby(last["owner_id"]).mean()

    assert win_rate.corr(skill.reindex(win_rate.index)) > 0.5
