"""Choice of a reconciliation by past folds, on simulated truth."""

import numpy as np
import pandas as pd
import pytest

from forecast.demand.hierarchy import Hierarchy
from forecast.demand.reconciliation_choice import PastFolds, choose_reconciliation, compare_losses
from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.evaluation.metrics.demand import wrmsse

CUTOFFS, HORIZON, N_TIMES = (59, 67, 75, 83), 8, 92


def hierarchy_of_groups():
    static = pd.DataFrame({"unique_id": [f"s{i}" for i in range(20)], "g": np.arange(20) % 4})
    return Hierarchy.of(static, [(), ("g",)])


def simulate(hierarchy, upper_noise, bottom_bias=1.0, seed=0):
    """Series around 100; base forecasts are the truth with a bias at the bottom and noise above it."""
    rng = np.random.default_rng(seed)
    y = rng.normal(100, 10, (hierarchy.n_bottom, N_TIMES))
    truth = hierarchy.add_up(np.full((hierarchy.n_bottom, HORIZON), 100.0))
    forecasts = []
    for cutoff in CUTOFFS:
        base = truth * (1 + upper_noise * rng.normal(size=truth.shape))
        base[hierarchy.n_upper :] = 100.0 * bottom_bias
        forecasts.append(long(hierarchy.nodes, base, cutoff + 1, "mean").assign(cutoff=cutoff))
    return pd.concat(forecasts), long(hierarchy.bottom, y, 0, "y")


def long(names, values, start, column):
    times = np.arange(start, start + values.shape[1])
    ids, ds = np.repeat(names, len(times)), np.tile(times, len(names))
    return pd.DataFrame({"unique_id": ids, "ds": ds, column: values.ravel()})


def test_choice_stays_with_bottom_up_when_upper_forecasts_are_noise():
    hierarchy = hierarchy_of_groups()

    choice = choose_reconciliation(*simulate(hierarchy, upper_noise=0.3), hierarchy)

    assert choice.method == "bottom_up"
    assert choice.n_folds == 3
    losses = choice.losses.set_index("method")
    assert losses.loc["bottom_up", "vs_base_high"] < 0, "reconciling lost nothing"


def test_choice_takes_mint_when_the_bottom_is_biased_and_the_total_right():
    hierarchy = hierarchy_of_groups()

    choice = choose_reconciliation(*simulate(hierarchy, upper_noise=0.001, bottom_bias=0.8), hierarchy)

    assert choice.method in {"mint_var", "mint_shrink", "top_down"}
    losses = choice.losses.set_index("method")
    assert losses.loc[choice.method, "vs_bottom_up_high"] < 0
    assert losses.loc[choice.method, "wrmsse"] == losses["wrmsse"].drop("base").min()


def test_choice_of_one_fold_leaves_out_methods_that_learn_from_errors():
    hierarchy = hierarchy_of_groups()
    forecasts, actuals = simulate(hierarchy, upper_noise=0.1)

    choice = choose_reconciliation(forecasts[forecasts["cutoff"] == CUTOFFS[0]], actuals, hierarchy)

    assert choice.losses["method"].tolist() == ["base", "bottom_up", "top_down", "mint_ols", "mint_struct"]


def test_first_scored_leaves_earlier_folds_to_the_errors():
    hierarchy = hierarchy_of_groups()
    forecasts, actuals = simulate(hierarchy, upper_noise=0.1)

    assert choose_reconciliation(forecasts, actuals, hierarchy, first_scored=CUTOFFS[2]).n_folds == 2
    with pytest.raises(InvalidInput, match=r"last cutoff 83, got 84"):
        choose_reconciliation(forecasts, actuals, hierarchy, first_scored=84)


def test_errors_at_a_cutoff_ignore_everything_after_it():
    hierarchy = hierarchy_of_groups()
    forecasts, actuals = simulate(hierarchy, upper_noise=0.1)
    changed = actuals.assign(y=actuals["y"].where(actuals["ds"] <= CUTOFFS[2], 1e6))
    # A fold whose horizon runs past the cutoff gives its known periods only.
    late = forecasts.assign(cutoff=forecasts["cutoff"].replace(CUTOFFS[1], CUTOFFS[2] - 2)).sort_values("cutoff")
    late.loc[late["cutoff"] == CUTOFFS[2] - 2, "ds"] += CUTOFFS[2] - 2 - CUTOFFS[1]

    before, after = PastFolds.of(forecasts, actuals, hierarchy), PastFolds.of(forecasts, changed, hierarchy)

    np.testing.assert_array_equal(before.past(2), after.past(2))
    assert before.past(0) is None
    assert before.past(2).shape == (hierarchy.n_nodes, 2 * HORIZON)
    assert PastFolds.of(late, changed, hierarchy).past(2).shape == (hierarchy.n_nodes, HORIZON + 2)
    assert np.abs(PastFolds.of(late, changed, hierarchy).past(2)).max() < 1e5


def test_losses_equal_wrmsse_and_have_no_change_against_themselves():
    rng = np.random.default_rng(0)
    actual, scale, weight = rng.normal(size=(6, 8)), rng.uniform(1, 2, 6), rng.uniform(0, 1, 6)
    errors = rng.normal(size=(6, 8))

    losses = compare_losses(
        {"base": errors**2, "bottom_up": (2 * errors) ** 2}, scale=scale, weight=weight, horizons=[8]
    ).set_index("method")

    expected = wrmsse(actual, actual + errors, scale_mse=scale, weight=weight)
    assert losses.loc["base", "wrmsse"] == pytest.approx(expected)
    assert losses.loc["bottom_up", "vs_base"] == pytest.approx(expected)
    assert losses.loc["base", ["vs_base", "vs_base_low", "vs_base_high"]].tolist() == [0, 0, 0]


def test_given_scales_are_used_and_checked():
    hierarchy = hierarchy_of_groups()
    forecasts, actuals = simulate(hierarchy, upper_noise=0.1)
    scales = pd.DataFrame({"unique_id": hierarchy.nodes, "scale_mse": 1.0, "weight": 0.0})

    only_total = scales.assign(weight=(scales["unique_id"] == "total").astype(float))
    losses = choose_reconciliation(forecasts, actuals, hierarchy, scales=only_total).losses.set_index("method")

    # Only the total counts: its split cannot matter.
    assert losses.loc["top_down", "wrmsse"] == pytest.approx(losses.loc["base", "wrmsse"])
    with pytest.raises(InvalidInput, match="every node a weight"):
        choose_reconciliation(forecasts, actuals, hierarchy, scales=scales)


def test_choice_refuses_folds_without_actuals_and_tables_without_cutoffs():
    hierarchy = hierarchy_of_groups()
    forecasts, actuals = simulate(hierarchy, upper_noise=0.1)

    with pytest.raises(NotEnoughHistory, match="No forecast period has an actual"):
        choose_reconciliation(forecasts, actuals[actuals["ds"] < 50], hierarchy)
    with pytest.raises(InvalidInput, match="missing column 'cutoff'"):
        choose_reconciliation(forecasts.drop(columns="cutoff"), actuals, hierarchy)
    with pytest.raises(NotEnoughHistory, match="two periods of actuals up to the first scored cutoff"):
        choose_reconciliation(
            forecasts[forecasts["cutoff"] == CUTOFFS[0]], actuals[actuals["ds"] > CUTOFFS[0]], hierarchy
        )


def test_choice_needs_actuals_that_change():
    hierarchy = hierarchy_of_groups()
    forecasts, actuals = simulate(hierarchy, upper_noise=0.1)

    with pytest.raises(NotEnoughHistory, match="No node's actuals change up to the first scored cutoff 67"):
        choose_reconciliation(forecasts, actuals.assign(y=100.0), hierarchy)
