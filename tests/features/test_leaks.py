"""Facts that only come with an outcome reach no feature of what is still open, on simulated and on real data."""

import shutil
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from forecast.adapters.clock import FixedClock
from forecast.adapters.inputs import load_mapping, register_inputs
from forecast.adapters.lake import DeltaLake
from forecast.datasets import bundled_folder, make_company, mapping_path
from forecast.features import build_features, feature_columns, snapshot_spine
from forecast.history import connect_tables
from forecast.usecases.ingest import ingest


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
    company, features = mined
    talks = company.tables["interactions"]
    rows = features.sample(25, random_state=0)

    expected = [
        sum(
            (talks["opportunity_id"] == row.entity_id)
            & (talks["at"] < row.as_of)
            & (talks["at"] >= row.as_of - pd.Timedelta(days=30))
            & (talks["recorded_at"] < row.as_of)
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


@pytest.mark.slow
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
