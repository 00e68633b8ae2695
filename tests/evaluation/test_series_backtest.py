"""Oracles: values by hand, the metrics of one series, sampling theory for the intervals."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forecast.errors import InvalidInput
from forecast.evaluation.metrics import bias, mase, pinball_loss, rmsse, wape
from forecast.evaluation.series_backtest import leaderboard, quantile_columns, series_scores


def backtest(
    n_series: int = 30, n_origins: int = 3, horizon: int = 4, seed: int = 0, skill: float = 0.5
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Poisson sales of mean 20 forecast by the truth (quantiles too), and by two noisy guesses."""
    rng = np.random.default_rng(seed)
    n_times = 40 + n_origins * horizon
    frame = pd.MultiIndex.from_product([[f"s{row:02d}" for row in range(n_series)], range(n_times)])
    panel = pd.DataFrame({"unique_id": frame.get_level_values(0), "ds": frame.get_level_values(1)})
    panel["y"] = rng.poisson(20, len(panel)).astype(float)
    rows = panel[panel["ds"] >= 40].reset_index(drop=True)
    rows.insert(2, "cutoff", 39 + (rows["ds"] - 40) // horizon * horizon)
    rows["mean"] = 20.0
    for level in (0.1, 0.5, 0.9):
        rows[f"q{level:g}"] = stats.poisson(20).ppf(level)
    rows["good"] = 20 + rng.normal(0, 10 * skill, len(rows))
    rows["bad"] = 20 + rng.normal(3, 20 * skill, len(rows))
    return rows, panel


def test_scores_of_one_series_and_origin_are_its_metrics():
    rows, panel = backtest(n_series=1, n_origins=1)
    y, past = rows["y"], panel[panel["ds"] < 40]["y"]

    scores = series_scores(rows, panel, challenger="truth", season_length=7).set_index("model")

    assert scores.index.tolist() == ["truth", "good", "bad"]
    for model, mean, middle in (("truth", "mean", "q0.5"), ("bad", "bad", "bad")):
        row = scores.loc[model]
        assert row["rmsse"] == pytest.approx(rmsse(y, rows[mean], y_train=past))
        assert row["mase"] == pytest.approx(mase(y, rows[middle], y_train=past, season_length=7))
        assert row["wape"] == pytest.approx(wape(y, rows[middle]))
        assert row["bias"] == pytest.approx(bias(y, rows[mean]))
    losses = [pinball_loss(y, rows[f"q{level}"], quantile=level) for level in (0.1, 0.5, 0.9)]
    assert scores.loc["truth", "pinball"] == pytest.approx(np.mean(losses))
    assert scores[["pinball", "coverage_80", "coverage_80_pit", "width_80"]].isna().sum(axis=1).tolist() == [0, 4, 4]


def test_scores_by_hand():
    panel = pd.DataFrame({"unique_id": [*"aaaaa", *"bbbb"], "ds": [1, 2, 3, 4, 5, 2, 3, 4, 5]})
    panel["y"] = [0.0, 2, 0, 3, 1, 5, 5, 5, 9]
    rows = pd.DataFrame({"unique_id": ["a", "a", "b"], "ds": [4, 5, 5], "cutoff": [3, 3, 4], "y": [3.0, 1, 9]})
    rows = rows.assign(mean=[1.0, 1, 6], naive=[0.0, 0, 5])

    scores = series_scores(rows, panel).set_index("model")

    # a changed by 2 and 2 before its cutoff, b never changed: it has no scale
    assert scores.loc["model", ["n", "n_series", "n_unscaled"]].tolist() == [3, 2, 1]
    assert scores.loc["model", "rmsse"] == pytest.approx(np.sqrt(((3 - 1) ** 2 + 0) / 2 / 4))
    assert scores.loc["naive", "rmsse"] == pytest.approx(np.sqrt((9 + 1) / 2 / 4))
    assert scores.loc["model", "mase"] == pytest.approx((2 + 0) / 2 / 2)
    assert scores.loc["model", "smape"] == pytest.approx(200 * (2 / 4 + 0 + 3 / 15) / 3)
    assert scores.loc["model", "wape"] == pytest.approx(5 / 13)
    assert scores.loc["model", "bias"] == pytest.approx(-5 / 13)
    assert scores.loc["model", "against_best"] == pytest.approx(np.sqrt(4 / 10) - 1)
    assert np.isnan(scores.loc["naive", "against_best"])


def test_steps_are_counted_within_each_series_and_cutoff():
    rows, panel = backtest()
    rows["mean"] = rows["y"] + (rows["ds"] - rows["cutoff"])  # one unit more at each step

    scores = series_scores(rows.sample(frac=1, random_state=0), panel, by="step")

    truth = scores[scores["model"] == "model"]
    assert truth["step"].tolist() == [1, 2, 3, 4]
    volume = [rows.loc[rows["ds"] - rows["cutoff"] == step, "y"].mean() for step in (1, 2, 3, 4)]
    np.testing.assert_allclose(truth["bias"], np.array([1, 2, 3, 4]) / volume)
    assert truth["n"].tolist() == [90] * 4


def test_scores_of_a_class_are_those_of_its_rows_alone():
    rows, panel = backtest()
    rows["class"] = np.where(rows["unique_id"] < "s10", "lumpy", "smooth")

    scores = series_scores(rows, panel, by="class", n_draws=20)

    alone = series_scores(rows[rows["class"] == "lumpy"].drop(columns="class"), panel, n_draws=20)
    pd.testing.assert_frame_equal(
        scores[scores["class"] == "lumpy"].drop(columns="class").reset_index(drop=True), alone
    )
    assert scores["class"].tolist() == ["lumpy"] * 3 + ["smooth"] * 3


def test_scores_ignore_the_order_of_rows_and_the_unit():
    rows, panel = backtest()
    scores = series_scores(rows, panel)

    unit = {name: 7.5 * rows[name] for name in ("y", "mean", "q0.1", "q0.5", "q0.9", "good", "bad")}
    # in another unit the values are no counts any more, so the randomised PIT differs
    other = series_scores(rows.assign(**unit).sample(frac=1, random_state=3), panel.assign(y=7.5 * panel["y"]))
    for name in ("rmsse", "mase", "smape", "wape", "bias", "coverage_80", "width_80", "against_best"):
        np.testing.assert_allclose(other[name], scores[name], err_msg=name)


def test_later_values_change_no_scale():
    rows, panel = backtest()
    early = rows[rows["cutoff"] == 39]

    changed = panel.assign(y=panel["y"].where(panel["ds"] < 40, 1e9))
    pd.testing.assert_frame_equal(series_scores(early, panel), series_scores(early, changed))


def test_intervals_of_the_truth_hold_what_they_say():
    rows, panel = backtest(n_series=200, n_origins=5)

    (truth, *_) = series_scores(rows, panel, n_draws=0).to_dict("records")

    law = stats.poisson(20)
    assert truth["coverage_80"] == pytest.approx(law.cdf(law.ppf(0.9)) - law.cdf(law.ppf(0.1) - 1), abs=0.02)  # 0.86
    assert truth["coverage_80_pit"] == pytest.approx(0.8, abs=0.03)
    assert truth["width_80"] == pytest.approx((law.ppf(0.9) - law.ppf(0.1)) / 20, rel=0.02)


def test_difference_is_against_the_best_baseline():
    rows, panel = backtest()

    scores = series_scores(rows, panel).set_index("model")

    assert scores.loc["model", "against_best_high"] < 0
    assert scores.loc["good", ["against_best", "against_best_low", "against_best_high"]].isna().all()
    assert scores.loc["bad", "against_best_low"] > 0
    low, middle, high = (scores.loc["bad", f"against_best{end}"] for end in ("_low", "", "_high"))
    assert low < middle < high


@pytest.mark.slow
def test_interval_contains_no_difference_about_as_often_as_it_says():
    held = []
    for seed in range(40):  # both guesses are equally good
        rows, panel = backtest(n_series=12, seed=seed)
        rows["mean"] = np.random.default_rng(1000 + seed).normal(20, 5, len(rows))
        (first, *_) = series_scores(
            rows.drop(columns=["bad", "q0.1", "q0.5", "q0.9"]), panel, level=80, n_draws=100
        ).to_dict("records")
        held.append(first["against_best_low"] < 0 < first["against_best_high"])

    assert 0.7 <= np.mean(held) <= 1, np.mean(held)  # crossed draws are wide rather than narrow


def test_series_that_end_on_different_days_share_their_origins():
    rows, panel = backtest(n_origins=2)
    late = rows["unique_id"] < "s10"
    moved = rows.assign(ds=rows["ds"] + 100 * late, cutoff=rows["cutoff"] + 100 * late)
    later = panel.assign(ds=panel["ds"] + 100 * (panel["unique_id"] < "s10"))

    pd.testing.assert_frame_equal(series_scores(moved, later), series_scores(rows, panel))


def test_leaderboard_puts_the_best_first_within_each_group():
    rows, panel = backtest()

    assert leaderboard(series_scores(rows[[*rows.columns[::-1]]], panel))["model"].tolist() == ["model", "good", "bad"]
    steps = leaderboard(series_scores(rows, panel, by="step", n_draws=0), metric="wape")
    assert steps["step"].is_monotonic_increasing
    assert (steps.groupby("step")["wape"].diff().dropna() >= 0).all()


def test_quantile_columns_are_found_and_sorted():
    frame = pd.DataFrame(columns=["q0.9", "q0.05", "quantity", "q1", "q0.5"])

    assert quantile_columns(frame) == {0.05: "q0.05", 0.5: "q0.5", 0.9: "q0.9"}


def test_all_zeros_are_scored_as_far_as_they_can_be():
    panel = pd.DataFrame({"unique_id": "a", "ds": range(9), "y": 0.0})
    rows = pd.DataFrame({"unique_id": "a", "ds": [7, 8], "cutoff": 6, "y": 0.0, "mean": 0.5, "naive": 0.0})

    scores = series_scores(rows, panel)

    assert scores["n_unscaled"].tolist() == [1, 1]
    assert scores[["rmsse", "mase", "wape", "bias", "against_best"]].isna().all(axis=None)
    assert scores["smape"].tolist() == [200, 0]


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda rows: rows.drop(columns="cutoff"), {}, r"lack columns \['cutoff'\]; there are \['unique_id'"),
        (lambda rows: rows.iloc[:0], {}, "at least one row"),
        (lambda rows: rows.assign(good=np.nan), {}, "360 of 360 rows"),
        (lambda rows: rows, {"by": "colour"}, "step or a column of the predictions, got 'colour'"),
        (lambda rows: rows, {"baselines": ["ets"]}, r"lack columns \['ets'\]"),
    ],
)
def test_bad_input_is_named(change, options, message):
    rows, panel = backtest()
    with pytest.raises(InvalidInput, match=message):
        series_scores(change(rows), panel, **options)


def test_unknown_metric_is_named():
    with pytest.raises(InvalidInput, match="got 'luck'"):
        leaderboard(series_scores(*backtest(n_series=2), n_draws=0), metric="luck")


def test_draws_in_which_the_best_made_no_error_tell_no_ratio():
    rows, panel = backtest(n_series=2, n_origins=2)
    exact = rows["unique_id"] == "s00"
    rows["good"] = rows["good"].where(~exact, rows["y"])

    scores = series_scores(rows, panel, challenger="truth").set_index("model")

    # One draw in four has the exact series only; the others are judged.
    assert np.isfinite(scores.loc["bad", ["against_best_low", "against_best_high"]].astype(float)).all()
