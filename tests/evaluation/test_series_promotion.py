import numpy as np
import pandas as pd
import pytest

from forecast.evaluation.series_promotion import decide_series, rmsse_by_fold


def panel_and_folds(n_series=400, noise=1.0, seed=0):
    """Series around a level; the champion errs with deviation 1, the challenger with ``noise``."""
    rng = np.random.default_rng(seed)
    ids = np.repeat([f"s{index:02d}" for index in range(n_series)], 20)
    panel = pd.DataFrame(
        {"unique_id": ids, "ds": np.tile(np.arange(20), n_series), "y": rng.normal(10, 1, 20 * n_series)}
    )
    folds = panel[panel["ds"] >= 12].copy()
    folds["cutoff"] = np.where(folds["ds"] < 16, 11, 15)
    folds["naive"] = folds["y"] + rng.normal(0, 1, len(folds))
    folds["model"] = folds["y"] + rng.normal(0, noise, len(folds))
    return panel, folds.reset_index(drop=True)


def test_rmsse_by_hand():
    panel = pd.DataFrame({"unique_id": "a", "ds": range(5), "y": [0.0, 2, 4, 7, 7]})
    folds = panel[panel["ds"] > 2].assign(cutoff=2, model=[4.0, 11.0])

    # changes before the fold: 2, 2; errors 3 and 4
    assert rmsse_by_fold(folds, panel, ["model"])["model"].tolist() == pytest.approx([np.sqrt(12.5 / 4)])


def test_rmsse_ignores_the_unit():
    panel, folds = panel_and_folds()
    columns = ["y", "naive", "model"]

    one = rmsse_by_fold(folds, panel, ["naive", "model"])
    scaled = rmsse_by_fold(folds.assign(**100 * folds[columns]), panel.assign(y=100 * panel["y"]), ["naive", "model"])

    pd.testing.assert_frame_equal(one, scaled)


@pytest.mark.parametrize(
    ("noise", "floor", "promote"), [(0.8, True, True), (1.0, True, False), (1.0, False, True), (1.2, False, False)]
)
def test_better_than_the_floor_or_not_worse_than_a_sibling(noise, floor, promote):
    panel, folds = panel_and_folds(noise=noise)

    decision = decide_series(folds, panel, "naive", "model", floor=floor, margin=0.1)

    assert decision.promote is promote, decision.reason


def test_few_series_decide_nothing():
    panel, folds = panel_and_folds(n_series=19, noise=0.1)

    decision = decide_series(folds, panel, "naive", "model", floor=True)

    assert not decision.promote
    assert "Too few series to decide: 19" in decision.reason


def test_a_champion_without_errors_stays():
    panel, folds = panel_and_folds()

    decision = decide_series(folds.assign(naive=folds["y"]), panel, "naive", "model", floor=True)

    assert not decision.promote
    assert "made no error" in decision.reason
