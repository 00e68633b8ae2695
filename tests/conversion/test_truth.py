"""Scores come true: judged by the simulated company's own win probabilities, under 40 % censoring."""

import re
from datetime import UTC, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from forecast.conversion import ConversionModel, ConversionScorer
from forecast.conversion.clocks import clock_columns
from forecast.datasets import make_company
from forecast.evaluation.metrics import CalibrationLine, calibration_line
from forecast.features import build_features, feature_columns, open_entities, outcomes, snapshot_spine
from forecast.history import connect_tables

HORIZON = 60

Floats = NDArray[np.float64]


class Pipeline(NamedTuple):
    """A company on its last day: what teaches, what is open, and the truth about it."""

    features: pd.DataFrame
    outcomes: pd.DataFrame
    open_features: pd.DataFrame
    truth: Floats
    cutoff: pd.Timestamp


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    company = make_company(n_opportunities=2000, n_leads=300, months=24, censoring=0.4, random_state=7)
    con, cutoff = connect_tables(company.tables), company.end
    spine = snapshot_spine(
        con, "opportunity", first=cutoff - timedelta(days=730), cutoff=cutoff, step_days=28, zone=UTC
    )
    # An untimely end: some deals are deleted, some younger than a day; the truth knows nothing of these.
    at_risk = open_entities(con, "opportunity", cutoff)
    truth = company.win_probability(at_risk["entity_id"].to_numpy(), cutoff, HORIZON)
    at_risk, truth = at_risk[~np.isnan(truth)].reset_index(drop=True), truth[~np.isnan(truth)]
    return Pipeline(
        build_features(con, spine, "opportunity"),
        outcomes(con, spine, "opportunity", cutoff),
        build_features(con, at_risk, "opportunity"),
        truth,
        pd.Timestamp(cutoff),
    )


def line_of(p: Floats, truth: Floats) -> CalibrationLine:
    """Calibration against true probabilities: each case counts as won with its probability, as lost with the rest."""
    outcome = np.repeat([1.0, 0.0], len(p))
    return calibration_line(outcome, np.tile(p, 2), sample_weight=np.concatenate([truth, 1 - truth]))


@pytest.mark.slow
def test_scores_of_open_cases_come_true_where_learning_from_closed_cases_fails(pipeline: Pipeline) -> None:
    cutoff = pipeline.cutoff.to_pydatetime()
    scorer = ConversionScorer("opportunity", HORIZON).fit(pipeline.features, pipeline.outcomes, cutoff=cutoff)
    scores = scorer.score(pipeline.open_features)
    p = scores["probability"].to_numpy()

    assert 0.9 <= line_of(p, pipeline.truth).slope <= 1.1
    # The two months ahead are the slowest of the year, seen once before: part of that is learned.
    assert abs(p.mean() - pipeline.truth.mean()) < 0.03
    assert p.mean() < scorer.model_.predict_proba(pipeline.open_features)[:, 1].mean()
    assert np.corrcoef(p, pipeline.truth)[0, 1] > 0.8

    closed = (pipeline.outcomes["event"] != "").to_numpy()
    columns = feature_columns(pipeline.features)
    naive = ConversionModel(max_trees=60).fit(
        pipeline.features.loc[closed, columns],
        pipeline.outcomes["event"][closed] == "won",
        time=pipeline.features["as_of"][closed],
        groups=pipeline.features["entity_id"][closed],
    )
    wrong = naive.predict_proba(pipeline.open_features)[:, 1]

    assert line_of(wrong, pipeline.truth).slope < 0.9
    assert wrong.mean() > pipeline.truth.mean() + 0.2


@pytest.mark.slow
def test_no_track_record_that_teaches_tells_this_year_from_last(pipeline: Pipeline) -> None:
    """No rep and no account of the simulation gets better. Rates of wins rise by more than what tells those of one
    moment apart, and a model that learned from them said too much of the cases of today."""
    table, year = pipeline.features, pd.to_datetime(pipeline.features["as_of"], utc=True).dt.year
    clocks = clock_columns(table, table["as_of"])
    records = [n for n in table.columns if re.fullmatch("(owner|account)__win.*", n) and n not in clocks]

    assert set(records) == {f"{who}__win_rate{over}_gap" for who in ("owner", "account") for over in ("", "_365d")}
    for name in records:
        rise = table[name][year == 2025].mean() - table[name][year == 2024].mean()
        apart = table.groupby("as_of")[name].std().median()
        assert abs(rise) < 0.2 * apart, (name, rise, apart)
