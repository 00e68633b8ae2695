"""Facts that only come with an outcome reach no feature of what is still open, on simulated and on real data."""

import shutil
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from forecast.adapters.clock import FixedClock
from forecast.adapters.inputs import load_mapping, register_inputs
from forecast.adapters.lake import DeltaLake
from forecast.datasets import bundled_folder, make_company, mapping_path
from forecast.features import build_features, feature_columns, snapshot_spine
from forecast.features.leaks import Suspect, hunt_history, leaking_features
from forecast.history import connect_tables
from forecast.usecases.ingest import ingest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mined():
    """A company with planted leaks: features and outcomes of everything at risk, every fourth week."""
    company = make_company(
        n_reps=4, n_accounts=60, n_opportunities=200, n_leads=150, months=12, late_records=0.3, leaks=True
    )
    con = connect_tables(company.tables)
    first = datetime.combine(company.first_day, datetime.min.time(), tzinfo=UTC)
    spine = snapshot_spine(con, "opportunity", first=first, cutoff=company.end, step_days=28, zone=UTC)
    return company, build_features(con, spine, "opportunity")


def test_attributes_filled_after_the_outcome_are_not_filled_while_open(mined):
    _, features = mined

    assert set(features["attributes__survey_sent__is_true"]) == {0.0}
    assert not [column for column in features if "contract_number" in column]


def test_interaction_counts_agree_with_the_records_known_then(mined):
    """What we log counts when something came of it; before our first hundred contacts everything counts."""
    company, features = mined
    talks = company.tables["interactions"]
    ours = (talks["direction"] != "in") & (talks["channel"] != "web")
    is_empty = ours & (talks["result"] != "answered") & ~(talks["duration_s"] > 0)
    tells_from = talks.loc[ours, "recorded_at"].sort_values().iloc[99]
    rows = features.sample(25, random_state=0)

    expected = [
        sum(
            (talks["opportunity_id"] == row.entity_id)
            & (talks["at"] < row.as_of)
            & (talks["at"] >= row.as_of - pd.Timedelta(days=30))
            & (talks["recorded_at"] < row.as_of)
            & (~is_empty | (row.as_of <= tells_from))
        )
        for row in rows.itertuples()
    ]

    from_leads = rows["interactions__all__count_30d"].to_numpy() - expected
    assert np.all(from_leads >= 0), from_leads
    assert sum(expected) > 20
    assert np.mean(from_leads == 0) > 0.7


def engaged(folder, lake_folder):
    """Features of the open opportunities of the bundled CRM export, each 1st of a quarter of 2017."""
    clock = FixedClock(datetime(2018, 1, 1, tzinfo=UTC))
    lake = DeltaLake(lake_folder, clock=clock)
    spec = load_mapping(mapping_path("crm-sales-opportunities"))
    ingest(spec, partial(register_inputs, spec=spec, folder=folder), lake, clock)
    with lake.connect() as con:
        first, last = datetime(2017, 3, 1, tzinfo=UTC), datetime(2017, 12, 1, tzinfo=UTC)
        spine = snapshot_spine(con, "opportunity", first=first, cutoff=last, step_days=91, zone=UTC)
        return build_features(con, spine, "opportunity")


def test_the_value_at_closing_of_a_current_state_export_reaches_no_feature(tmp_path):
    original = bundled_folder("crm-sales-opportunities")
    changed = tmp_path / "changed"
    shutil.copytree(original, changed)
    deals = pd.read_csv(changed / "sales_pipeline.csv")
    deals.assign(close_value=deals["close_value"] * 7 + 1).to_csv(changed / "sales_pipeline.csv", index=False)

    features = engaged(original, tmp_path / "lake")

    assert len(features) > 1000
    assert len(feature_columns(features)) > 100
    assert_frame_equal(features, engaged(changed, tmp_path / "lake_of_changed"), check_exact=True)


@pytest.fixture(scope="module")
def suspects(mined):
    company, _ = mined
    return {
        found.column: found for found in hunt_history(connect_tables(company.tables), "opportunity", as_of=company.end)
    }


def test_hunt_excludes_the_planted_leaks_and_no_honest_column(suspects):
    assert set(suspects) == {"contract_number", "survey_sent", "health_index"}
    assert {found.verdict for found in suspects.values()} == {"leak"}


def test_hunt_says_how_each_leak_shows(suspects):
    assert suspects["contract_number"].kind == suspects["survey_sent"].kind == "only_after_closing"
    assert suspects["health_index"].kind == "known_too_early"
    assert suspects["health_index"].evidence["auc_at_creation"] > 0.97


def test_hunt_finds_nothing_in_a_company_without_leaks():
    company = make_company(n_reps=4, n_accounts=60, n_opportunities=200, n_leads=150, months=12, late_records=0.3)
    con = connect_tables(company.tables)

    assert [hunt_history(con, entity, as_of=company.end) for entity in ("opportunity", "lead")] == [[], []]


@settings(max_examples=2, deadline=None, derandomize=True)
@given(days=st.integers(60, 300), seed=st.integers(0, 99))
def test_hunt_sees_nothing_recorded_later_and_no_order_of_rows(mined, days, seed):
    company, _ = mined
    as_of = company.end - pd.Timedelta(days=days)
    deals = company.tables["opportunities"]
    shuffled = deals.sample(frac=1, random_state=seed)
    later = shuffled["recorded_at"] >= as_of
    changed = shuffled.assign(
        outcome=shuffled["outcome"].mask(later, "won"),
        amount=shuffled["amount"].mask(later, 1.0),
        attributes=shuffled["attributes"].mask(later, '{"survey_sent": true, "health_index": 1, "new": "x"}'),
    )

    asked = [
        hunt_history(connect_tables({"opportunities": rows}), "opportunity", as_of=as_of) for rows in (deals, changed)
    ]

    assert asked[0] == asked[1]


def test_leaking_features_are_those_made_of_the_column():
    found = [
        Suspect("opportunities", "Win Reason", "leak", "only_after_closing", {}),
        Suspect("opportunities", "amount", "leak", "known_too_early", {}),
        Suspect("accounts", "tier", "leak", "known_too_early", {}),
        Suspect("opportunities", "tier", "suspicious", "known_too_early", {}),
        Suspect("leads", "owner_id", "leak", "values_of_closed_only", {}),
    ]
    names = [
        "attributes__win_reason__category",
        "attributes__win_reasons__category",
        "attributes__amount",
        "changes__amount__count",
        "attributes__account__tier",
        "attributes__tier",
        "owner__win_rate",
        "changes__owner__count",
        "entity_id",
    ]

    assert leaking_features(found, names) == [names[0], *names[2:5], *names[6:8]]
    assert leaking_features([], names) == []
