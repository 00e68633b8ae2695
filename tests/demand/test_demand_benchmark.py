"""The comparison of demand forecasters: nobody sees what is judged, and its figures are what they say."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from forecast.evaluation.metrics.owa import owa


@pytest.fixture(scope="module")
def sets(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("demand_sets")


@pytest.fixture(scope="module")
def scoring(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("demand_scores")


@pytest.fixture(scope="module")
def quarters(tmp_path_factory) -> Path:
    """A folder with a `tourism-competition` of 30 quarterly series, 20 to 29 quarters and a test part of 8."""
    rng = np.random.default_rng(0)
    lengths = 20 + np.arange(30) % 10
    parts = [
        pd.DataFrame({"series": f"Q{i}", "t": np.arange(1, n + 9), "part": ["train"] * n + ["test"] * 8})
        for i, n in enumerate(lengths)
    ]
    series = pd.concat(parts, ignore_index=True)
    series["y"] = 100 + 10 * (series["t"] % 4) + rng.normal(0, 3, len(series))
    info = pd.DataFrame({"series": [f"Q{i}" for i in range(30)], "period": "QUARTERLY", "h": 8})
    folder = tmp_path_factory.mktemp("data")
    (folder / "tourism-competition").mkdir()
    series.to_parquet(folder / "tourism-competition" / "series.parquet")
    info.to_parquet(folder / "tourism-competition" / "info.parquet")
    return folder


@pytest.fixture(scope="module")
def judged(sets, scoring, quarters):
    """The test part with a forecast that is 10 % above what came true, and one that has wide quantiles besides."""
    task = sets.load_task("tourism-quarterly", quarters, "test")
    frame = task.folds[0].actual[["unique_id", "ds"]].assign(mean=1.1 * task.folds[0].actual["y"])
    ends = {f"q{quantile:g}": frame["mean"] + 100 * (quantile - 0.5) for quantile in scoring.QUANTILES}
    facts = {"seconds": 1.0, "cpu_seconds": 1.0, "peak_gb": 1.0, "n_series": 30.0}
    points = frame.reindex(columns=["unique_id", "ds", "mean", *ends])
    frames = {"forecast": [frame.assign(**ends)], "points": [points]}
    return scoring.judge(task, frames, {"forecast": facts, "points": facts})


def test_three_origins_end_with_the_test_part_and_none_sees_what_it_is_judged_by(sets, quarters):
    task, test = (sets.load_task("tourism-quarterly", quarters, part) for part in ("origins", "test"))
    assert len(task.folds) == 3

    for name in ("past", "actual"):
        ours, official = (getattr(fold, name) for fold in (task.folds[-1], test.folds[0]))
        official = official.sort_values(["unique_id", "ds"], ignore_index=True)
        pd.testing.assert_frame_equal(ours.sort_values(["unique_id", "ds"], ignore_index=True), official)
    for fold in task.folds:
        last, first = fold.past.groupby("unique_id")["ds"].max(), fold.actual.groupby("unique_id")["ds"].min()
        assert (last + 1 == first[last.index]).all()
        assert (fold.actual.groupby("unique_id")["ds"].count() == 8).all()
    assert len(pd.concat([fold.actual for fold in task.folds]).drop_duplicates(["unique_id", "ds"])) == sum(
        len(fold.actual) for fold in task.folds
    )


def test_validation_holds_out_the_last_horizon_of_the_training_part(sets, quarters):
    valid, test = (sets.load_task("tourism-quarterly", quarters, part).folds[0] for part in ("valid", "test"))
    known = pd.concat([valid.past, valid.actual]).sort_values(["unique_id", "ds"], ignore_index=True)

    pd.testing.assert_frame_equal(known, test.past)
    assert (valid.actual.groupby("unique_id")["ds"].count() == 8).all()


def test_fold_has_only_its_past_and_its_horizon(sets):
    moments = pd.date_range("2020-01-01", periods=30, freq="MS")
    panel = pd.DataFrame({"unique_id": "a", "ds": moments, "y": np.arange(30.0)})

    first, second = sets._folds(panel, (20, 24), 4)

    assert first.past["ds"].max() == moments[19]
    assert first.actual["ds"].tolist() == moments[20:24].tolist()
    assert second.past["ds"].max() == first.actual["ds"].max()


def test_last_known_value_stands_in_a_gap_at_the_end(sets):
    panel = pd.DataFrame(
        {"unique_id": ["a"] * 5 + ["b"] * 2, "ds": [1, 2, 3, 4, 5, 2, 3], "y": [1, 2, 3, 4, 5, 7, 8.0]}
    )

    fold = sets._folds(panel, (4,), 1)[0]

    assert fold.past.query("unique_id == 'b'")[["ds", "y"]].to_numpy().tolist() == [[2, 7], [3, 8], [4, 8]]
    assert fold.actual["unique_id"].tolist() == ["a"]


def test_sample_is_the_same_choice_whatever_its_size(sets, quarters):
    task = sets.load_task("tourism-quarterly", quarters, "test")
    few, more = (set(task.sample(n).folds[0].past["unique_id"]) for n in (5, 10))

    assert len(few) == 5
    assert few < more


def test_retail_counts_full_weeks_products_and_cancellations_only(sets, tmp_path):
    weeks = pd.date_range("2010-11-29", "2011-12-05", freq="W-MON")
    sold = pd.DataFrame({"InvoiceDate": weeks + pd.Timedelta(hours=50), "StockCode": "12345a", "Quantity": 10})
    others = pd.DataFrame(
        {
            "InvoiceDate": weeks[[5, 6, 7]],
            "StockCode": ["12345A", "POST", "12345A"],
            "Quantity": [-4, 100, -1000],
            "UnitPrice": [1.0, 1.0, 0.0],
        }
    )
    lines = pd.concat([sold.assign(UnitPrice=1.0), others]).assign(Country="France")
    (tmp_path / "online-retail").mkdir()
    lines.to_parquet(tmp_path / "online-retail" / "transactions.parquet")

    fold = sets.load_task("retail", tmp_path, "test").folds[0]

    assert fold.past["unique_id"].unique().tolist() == ["12345A/France"]
    assert fold.past["ds"].iloc[0] == weeks[1]
    assert fold.past["y"].tolist() == [10.0] * 4 + [6.0] + [10.0] * 35
    assert fold.actual["ds"].tolist() == weeks[41:45].tolist()


def test_owa_is_that_of_the_library(scoring, judged):
    fold = judged.task.folds[0]
    _, past = scoring.wide(fold.past)
    actual = fold.actual["y"].to_numpy().reshape(30, 8)
    everything = np.ones(len(judged.rows), dtype=bool)

    found = scoring.scores(judged, "points", everything)["owa"]

    np.testing.assert_allclose(found, owa(actual, 1.1 * actual, past, season_length=4))


def test_scores_of_a_tenth_too_much(scoring, judged):
    found = scoring.scores(judged, "points", np.ones(len(judged.rows), dtype=bool))

    np.testing.assert_allclose(found["bias"], 0.1)
    np.testing.assert_allclose(found["wape"], 0.1)
    np.testing.assert_allclose(found["smape"], 200 * 0.1 / 2.1)
    assert np.isnan(found["pinball"])  # it has no quantiles


def test_pinball_is_relative_to_the_mean_actual(scoring, judged):
    y = judged.rows["y"].to_numpy()
    error = y - 1.1 * y
    expected = np.mean(
        [np.maximum(q * (error - 100 * (q - 0.5)), (q - 1) * (error - 100 * (q - 0.5))) for q in (0.1, 0.5, 0.9)]
    )

    found = scoring.scores(judged, "forecast", np.ones(len(y), dtype=bool))["pinball"]

    np.testing.assert_allclose(found, 2 * expected / y.mean())


def test_difference_from_oneself_is_nothing(scoring, judged):
    assert scoring.difference(judged, "points", np.ones(len(judged.rows), dtype=bool), "rmsse") == (0.0, 0.0)


def test_interval_that_reaches_forty_to_both_sides_holds_everything_here(scoring, judged):
    found = scoring.intervals(judged, "forecast", np.ones(len(judged.rows), dtype=bool))

    assert found["inside"].all()
    np.testing.assert_allclose(found["width"], 80 / judged.rows["scale_mae"])
