"""What a simulated company answers and writes."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from forecast.adapters.inputs import load_mapping, register_inputs
from forecast.adapters.lake import DeltaLake
from forecast.datasets import make_company
from forecast.errors import InvalidInput
from forecast.usecases.ingest import ingest


def test_win_probability_refuses_a_moment_within_a_day(company):
    with pytest.raises(InvalidInput, match=r"midnight in UTC, got 2025-06-01 09:00"):
        company.win_probability(["O000001"], datetime(2025, 6, 1, 9, tzinfo=UTC), 30)


def test_win_probability_refuses_a_horizon_beyond_the_simulation(company):
    with pytest.raises(InvalidInput, match=r"365 days after 2025-12-31, got 366 days after 2026-01-01"):
        company.win_probability(["O000001"], company.end, 366)


def test_win_probability_refuses_an_unknown_id(company):
    with pytest.raises(InvalidInput, match=r"there are 800, got 'O999999'"):
        company.win_probability(["O000001", "O999999"], company.end, 30)


def test_closed_and_future_deals_have_no_probability(company):
    fate = company.truth["opportunities"]
    closed = fate["won_at"].fillna(fate["lost_at"]) < company.end - timedelta(days=1)

    p = company.win_probability(fate["opportunity_id"], company.end, 30)

    assert np.isnan(p[closed]).all()
    assert np.isnan(company.win_probability(fate["opportunity_id"], company.end - timedelta(days=700), 30)).any()


def test_truth_and_records_agree_on_every_outcome_before_the_end():
    company = make_company(deletions=0.0)
    fate = company.truth["opportunities"].set_index("opportunity_id")
    closings = company.exports["opportunities"].dropna(subset="outcome").set_index("opportunity_id")

    told = fate["won_at"].fillna(fate["lost_at"]).reindex(closings.index)

    pd.testing.assert_series_equal(closings["closed_at"], told, check_names=False)
    assert (closings["outcome"].eq("won") == fate["won_at"].reindex(closings.index).notna()).all()
    assert len(closings) == (fate["won_at"].fillna(fate["lost_at"]) < company.end).sum()


def test_leads_convert_as_often_as_their_true_probability_says(large_company):
    fate = large_company.truth["leads"]
    p = large_company.conversion_probability(fate["lead_id"], 30)
    created = large_company.exports["leads"].drop_duplicates("lead_id").set_index("lead_id")["created_at"]
    days = (fate["converted_at"] - fate["lead_id"].map(created)) / pd.Timedelta(days=1)

    converted = days <= 30

    bins = np.array_split(np.argsort(p, kind="stable"), 10)
    z2 = sum((converted[b].sum() - p[b].sum()) ** 2 / (p[b] * (1 - p[b])).sum() for b in bins)
    assert z2 < chi2.ppf(0.999, 10)


@pytest.mark.slow
def test_written_company_comes_into_a_lake_without_loss(tmp_path):
    company = make_company(n_opportunities=150, n_leads=200, n_accounts=60, leaks=True, late_records=0.2)
    path = company.write(tmp_path / "export")
    spec, lake = load_mapping(path), DeltaLake(tmp_path / "lake")

    class Clock:
        def now(self) -> datetime:
            return company.end

    def bring() -> pd.DataFrame:
        return ingest(spec, lambda con: register_inputs(con, spec, path.parent), lake, Clock()).to_frame()

    counts = bring().set_index("table")

    assert counts["read"].to_dict() == {name: len(rows) for name, rows in company.exports.items()}
    assert counts["quarantined"].sum() == 0
    assert bring()[["new", "changed"]].to_numpy().sum() == 0
    stored = lake.table("opportunities").set_index("opportunity_id")
    last = company.tables["opportunities"].drop_duplicates("opportunity_id", keep="last").set_index("opportunity_id")
    last = last[last["deleted_at"].isna()]
    assert stored["outcome"].fillna("").to_dict() == last["outcome"].fillna("").to_dict()
    assert stored["amount"].astype(float).to_dict() == last["amount"].to_dict()
