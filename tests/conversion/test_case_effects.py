"""Effects of groups and of single cases, from scores whose truth is known."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from forecast.conversion.case_effects import CaseEffects, mean_effect
from forecast.conversion.design import Design, Inputs
from forecast.conversion.nuisance import cross_fit, group_folds


def test_interval_of_independent_scores_is_that_of_students_t() -> None:
    effect = mean_effect(np.array([1.0, 0.0, 1.0, 0.0]), np.arange(4))

    # Standard deviation .57735, error .288675, quantile of t with 3 degrees of freedom 3.182446.
    assert effect.mean == 0.5
    assert_allclose([effect.low, effect.high], [0.5 - 0.918693, 0.5 + 0.918693], atol=1e-6)
    assert (effect.n, effect.n_cases) == (4, 4)


def test_interval_widens_with_few_effective_cases() -> None:
    scores = np.tile([1.0, 0.0], 50)

    narrow, wide = (mean_effect(scores, np.arange(100), effective=size) for size in (100, 3))

    # Quantiles of t with 99 and with 2 degrees of freedom: 1.984217 and 4.302653.
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(4.302653 / 1.984217, rel=1e-5)


def fitted(slope: float, seed: int = 0) -> tuple[CaseEffects, Inputs, np.ndarray]:
    """Scores of a drawn action whose effect is .1 + slope * x, on cases that win by x alone."""
    rng = np.random.default_rng(seed)
    n = 2500
    x = rng.normal(size=(n, 2))
    inputs = Inputs(x, Design.fit(x, []).transform(x))
    t, p = rng.random(n) < 0.5, expit(x[:, 1])
    won = (rng.random(n) < np.clip(p + t * (0.1 + slope * x[:, 0]), 0, 1)).astype(float)
    fold = group_folds(np.arange(n), 2 * t.astype(int) + won.astype(int), 5)
    at = [inputs.with_action(np.full(n, action)) for action in (1.0, 0.0)]
    (_, p1, p0), outcome = cross_fit(inputs.with_action(t), won, fold, link="logit", at=at)
    scores = p1 - p0 + (2.0 * t - 2.0 * ~t) * (won - np.where(t, p1, p0))
    effects = CaseEffects.fit(
        inputs, scores, outcome=outcome, expected=(p1, p0), codes=np.arange(n), fold=fold, n_groups=3
    )
    return effects, inputs, x


def test_groups_are_told_apart_when_effects_differ() -> None:
    effects, inputs, x = fitted(slope=0.15)

    tau = effects.tau(inputs)

    assert len(effects.effects) == 3
    assert effects.effects[0].high < effects.effects[2].low
    assert np.corrcoef(tau, x[:, 0])[0, 1] > 0.7, np.corrcoef(tau, x[:, 0])[0, 1]


def test_one_group_and_one_odds_ratio_remain_when_effects_do_not_differ() -> None:
    effects, inputs, x = fitted(slope=0.0, seed=1)

    tau = effects.tau(inputs)

    assert len(effects.effects) == 1
    assert effects.effects[0].low < 0.1 < effects.effects[0].high
    assert tau[np.abs(x[:, 1]) < 0.3].mean() > tau[np.abs(x[:, 1]) > 2].mean()  # open outcomes gain most


def test_stored_effects_are_the_same() -> None:
    effects, inputs, _ = fitted(slope=0.15, seed=2)

    stored = CaseEffects.from_state(json.loads(json.dumps(effects.to_state())))

    assert stored.effects == effects.effects
    assert_allclose(stored.tau(inputs), effects.tau(inputs), rtol=1e-12)
