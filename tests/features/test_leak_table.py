"""Bare tables: what is named, with which evidence, and what is left in peace."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.datasets import load_bank_marketing, load_crm_sales_opportunities
from forecast.errors import InvalidInput
from forecast.features.leaks import hunt_table


def planted(seed=0, n=1200):
    """An honest strong number, honest texts and gaps, and one column for each way to leak."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(1 - 1.2 * quality))).astype(int)
    contract = np.where(y == 1, np.arange(n).astype(str), None)
    created = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    X = pd.DataFrame(
        {
            "quality": quality,
            "channel": rng.choice(["web", "fair", "phone"], n),
            "gaps": pd.Series(rng.normal(size=n)).where(rng.random(n) < 0.3),
            "code": np.arange(n).astype(str),
            "contract": contract,
            "note": np.where((y == 1) & (rng.random(n) < 0.1), "called back", None),
            "score": y + rng.normal(0, 0.2, n),
            "rejected": np.where(rng.random(n) < np.where(y == 0, 0.9, 0.06), "form", None),
            "minutes": np.where(y == 1, rng.gamma(3, 3, n) + 2, rng.gamma(1, 4, n)),
            "delivered": (created + pd.to_timedelta(rng.integers(1, 90, n), unit="D")).astype(str),
        }
    )
    return X, y, created


def named(suspects):
    return {suspect.column: suspect.kind for suspect in suspects}


def test_hunt_names_planted_columns_with_their_kind_and_no_honest_one():
    X, y, created = planted()

    assert named(hunt_table(X, y, time=created)) == {
        "contract": "filled_for_one_outcome",
        "note": "filled_for_one_outcome",
        "score": "nearly_perfect",
        "rejected": "missing_tells",
        "minutes": "values_apart",
        "delivered": "later_than_time",
    }


def test_hunt_only_names():
    X, y, created = planted()
    before = X.copy()

    suspects = hunt_table(X, y, time=created)

    assert {(suspect.table, suspect.verdict) for suspect in suspects} == {("", "suspicious")}
    pd.testing.assert_frame_equal(X, before)


def test_evidence_says_how_much_the_column_tells_alone():
    X, y, _ = planted()

    (found,) = (suspect for suspect in hunt_table(X, y) if suspect.column == "contract")

    assert found.evidence["filled_rows"] == y.sum()
    assert found.evidence["filled_share_of_won"] == 1.0
    assert found.evidence["filled_share_of_lost"] == 0.0
    assert found.evidence["auc_alone"] > 0.99


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_of_rows_changes_nothing(seed):
    X, y, created = planted(n=300)
    order = np.random.default_rng(seed).permutation(len(X))

    assert hunt_table(X.iloc[order], y[order], time=created[order]) == hunt_table(X, y, time=created)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_columns_of_noise_are_left_in_peace(seed):
    rng = np.random.default_rng(seed)
    n = 400
    X = pd.DataFrame({"number": rng.normal(size=n), "text": rng.choice(list("abcdefgh"), n), "id": range(n)})
    X["gaps"] = X["number"].where(rng.random(n) < rng.random())

    assert hunt_table(X, rng.random(n) < 0.2) == []


def test_few_outcomes_tell_nothing():
    y = np.r_[np.ones(19), np.zeros(500)]

    assert hunt_table(pd.DataFrame({"x": y}), y) == []


def test_rows_without_an_outcome_are_left_out():
    X, y, _ = planted()
    more = pd.concat([X, X.assign(contract="K")], ignore_index=True)

    assert named(hunt_table(more, np.r_[y, np.full(len(y), np.nan)])) == named(hunt_table(X, y))


def test_wrong_outcomes_are_refused():
    X = pd.DataFrame({"x": [1, 2]})

    with pytest.raises(InvalidInput, match=r"must hold 0 and 1 .*got 2;"):
        hunt_table(X, [2, 1])
    with pytest.raises(InvalidInput, match="`y` has 1 rows, `X` has 2"):
        hunt_table(X, [1])
    with pytest.raises(InvalidInput, match="`time` has 1 rows, `X` has 2"):
        hunt_table(X, [0, 1], time=["2026-01-01"])


def test_duration_is_the_one_suspicious_column_of_bank_marketing():
    calls = load_bank_marketing()["calls"]

    found = hunt_table(calls.drop(columns="y"), calls["y"].astype(str) == "yes")

    assert named(found) == {"duration": "values_apart"}


def test_closing_columns_of_the_fictitious_company_are_named():
    deals = load_crm_sales_opportunities()["sales_pipeline"]

    found = hunt_table(deals.drop(columns="deal_stage"), deals["deal_stage"] == "Won", time=deals["engage_date"])

    assert set(named(found)) == {"account", "engage_date", "close_date", "close_value"}


@pytest.mark.shared
def test_every_column_of_olists_closed_deals_is_named_and_none_of_its_leads(shared_data):
    leads = pd.read_csv(shared_data / "olist-funnel" / "olist_marketing_qualified_leads_dataset.csv")
    deals = pd.read_csv(shared_data / "olist-funnel" / "olist_closed_deals_dataset.csv")
    joined = leads.merge(deals, on="mql_id", how="left")

    found = hunt_table(joined, joined["won_date"].notna(), time=joined["first_contact_date"])

    assert set(named(found)) == set(deals.columns) - {"mql_id"}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "outcome", "expected"),
    [
        ("online-shoppers/online_shoppers_intention.parquet", "Revenue", {"PageValues": "too_good_alone"}),
        ("coil2000-caravan/ticdata2000.parquet", "CARAVAN", {}),
        ("hillstrom-email/hillstrom.parquet", "visit", {}),
    ],
)
def test_other_real_tables_raise_the_alarms_that_the_readme_lists(shared_data, file, outcome, expected):
    rows = pd.read_parquet(shared_data / file).drop(columns=["conversion", "spend"], errors="ignore")

    assert named(hunt_table(rows.drop(columns=outcome), rows[outcome].astype(int))) == expected
