"""The comparison table and the gate on probabilities."""

import numpy as np
from numpy.testing import assert_allclose
from scipy.special import expit

from forecast.evaluation.evaluate import evaluate, gate
from forecast.evaluation.metrics import log_loss

rng = np.random.default_rng(0)
Z = rng.normal(-1, 1, 900)
Y = (rng.random(900) < expit(Z)).astype(float)
ENTITIES = np.arange(900) // 3
BASE = np.full(900, Y.mean())


def test_table_has_one_row_per_model_and_skill_against_the_baseline() -> None:
    table = evaluate(Y, {"base": BASE, "truth": expit(Z)}, clusters=ENTITIES)

    assert table["model"].tolist() == ["base", "truth"]
    assert_allclose(table["log_loss"], [log_loss(Y, BASE), log_loss(Y, expit(Z))])
    assert_allclose(table["skill"], [0.0, 1 - log_loss(Y, expit(Z)) / log_loss(Y, BASE)])
    assert (table["log_loss_low"] < table["log_loss"]).all()
    assert (table["n_entities"] == 300).all()
    assert np.isnan(table["calibration_slope"][0])  # constant predictions have no slope


def test_parts_of_the_brier_score_add_up_and_the_truth_is_near_the_floor() -> None:
    table = evaluate(Y, {"base": BASE, "truth": expit(Z), "overconfident": expit(2.5 * Z)}, clusters=ENTITIES)
    table = table.set_index("model")

    parts = table["brier_reliability"] - table["brier_resolution"] + table["brier_uncertainty"]
    assert_allclose(parts, table["brier_loss"])
    assert table.loc["truth", "calibration_error"] < table.loc["truth", "calibration_error_floor_high"]
    assert table.loc["overconfident", "calibration_error"] > table.loc["overconfident", "calibration_error_floor_high"]
    assert table.loc["truth", "calibration_error_debiased"] < table.loc["overconfident", "calibration_error_debiased"]
    assert table.loc["base", "lift_10"] == 1 < table.loc["truth", "lift_10"]


def test_gate_promotes_the_truth_over_the_base_rate_and_not_the_reverse() -> None:
    assert gate(Y, BASE, expit(Z), ENTITIES, floor=True).promote
    assert not gate(Y, expit(Z), BASE, ENTITIES, floor=False).promote


def test_gate_refuses_an_overconfident_version_of_the_champion() -> None:
    assert not gate(Y, expit(Z), expit(2.5 * Z), ENTITIES, floor=False).promote
