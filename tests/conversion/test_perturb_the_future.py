"""Nothing that becomes known after the cutoff changes a model or a score."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from forecast.conversion import ConversionScorer
from forecast.datasets import Company
from forecast.features import build_features, open_entities, outcomes, snapshot_spine
from forecast.history import connect_tables

CUTOFF = datetime(2025, 9, 1, tzinfo=UTC)


def trained_and_scored(tables: dict[str, pd.DataFrame], kind: str) -> tuple[dict[str, bytes], pd.DataFrame]:
    """The whole way from tables to a stored model and scores, as of the cutoff."""
    con = connect_tables(tables)
    spine = snapshot_spine(
        con, "opportunity", first=CUTOFF - timedelta(days=300), cutoff=CUTOFF, step_days=28, zone=UTC
    )
    features = build_features(con, spine, "opportunity", ["attributes", "owner", "stage"])
    scorer = ConversionScorer("opportunity", 30, kind=kind, params={"max_trees": 20} if kind == "blend" else {})  # type: ignore[arg-type]
    scorer.fit(features, outcomes(con, spine, "opportunity", CUTOFF), cutoff=CUTOFF)
    at_risk = open_entities(con, "opportunity", CUTOFF)
    return scorer.to_files(), scorer.score(
        build_features(con, at_risk, "opportunity", ["attributes", "owner", "stage"])
    )


def distorted(table: pd.DataFrame) -> pd.DataFrame:
    """The same past with another future: later rows of every second id are gone, the others say something else."""
    if "recorded_at" not in table:
        return table
    later = pd.to_datetime(table["recorded_at"], utc=True) >= CUTOFF
    gone = later & (table.index % 2 == 0)
    table = table[~gone].copy()
    later = later[~gone]
    for column, value in {"outcome": "won", "stage": "proposal", "amount": 987654.0}.items():
        if column in table:
            table[column] = table[column].mask(later, value)
    return table


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["blend", "group_rate"])
def test_another_future_gives_the_same_model_and_the_same_scores(company: Company, kind: str) -> None:
    future = {name: distorted(table) for name, table in company.tables.items()}
    assert sum(map(len, future.values())) < sum(map(len, company.tables.values()))

    files, scores = trained_and_scored(dict(company.tables), kind)
    other_files, other_scores = trained_and_scored(future, kind)

    assert other_files == files
    assert_frame_equal(other_scores, scores)
