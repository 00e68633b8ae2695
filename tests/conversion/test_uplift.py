"""Effects come true: judged by simulated cases whose effect is known, and refused where the data cannot tell."""

import json
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from forecast.conversion.uplift import Effect, EffectModel
from forecast.errors import InvalidInput


class Cases(NamedTuple):
    """Simulated cases: what is known of them, who got the action, who won, and the true effect."""

    X: pd.DataFrame
    treated: np.ndarray
    won: np.ndarray
    effect: np.ndarray


def draw(n: int, *, habit: float = 1.0, lift: float = 0.6, seed: int = 0) -> Cases:
    """The fit (a number) of a case raises its chance and, by habit, who gets the action; sector b gains nothing."""
    rng = np.random.default_rng(seed)
    fit, noise, sector = rng.normal(size=n), rng.normal(size=n), rng.choice(["a", "b"], n)
    base = -0.8 + 0.9 * fit
    without, with_it = expit(base), expit(base + lift * (sector == "a"))
    treated = rng.random(n) < expit(-0.3 + habit * fit)
    won = rng.random(n) < np.where(treated, with_it, without)
    X = pd.DataFrame({"fit": fit, "noise": np.where(rng.random(n) < 0.1, np.nan, noise), "sector": sector})
    return Cases(X, treated, won, with_it - without)


@pytest.fixture(scope="module")
def cases() -> Cases:
    return draw(3000)


@pytest.fixture(scope="module")
def model(cases: Cases) -> EffectModel:
    return EffectModel(hidden_strength=0).fit(cases.X, cases.treated, cases.won)


def test_effect_covers_the_truth_where_the_plain_difference_is_far_off(cases: Cases, model: EffectModel) -> None:
    truth = cases.effect[model.kept_].mean()
    plain = cases.won[cases.treated].mean() - cases.won[~cases.treated].mean()

    effect = model.effect_

    assert isinstance(effect, Effect)
    assert effect.low <= truth <= effect.high
    assert abs(effect.mean - truth) < 0.25 * abs(plain - truth), (effect.mean, truth, plain)


def test_effects_of_single_cases_are_larger_where_the_truth_is(cases: Cases, model: EffectModel) -> None:
    fresh = draw(2000, seed=5)

    tau = model.predict(fresh.X)

    in_a = (fresh.X["sector"] == "a").to_numpy()
    assert tau[in_a].mean() - tau[~in_a].mean() > 0.05, (tau[in_a].mean(), tau[~in_a].mean())
    groups = model.group_effects(fresh.X)
    assert (groups["low"] <= groups["effect"]).all()
    assert groups["n"].max() < model.kept_.sum()


def test_effect_of_a_drawn_action_is_near_the_difference_of_rates() -> None:
    trial = draw(1500, habit=0.0, seed=1)

    model = EffectModel().fit(trial.X, trial.treated, trial.won, propensity=expit(-0.3))

    assert model.known_
    assert model.sensitivity_ is None
    assert model.kept_.all()
    plain = trial.won[trial.treated].mean() - trial.won[~trial.treated].mean()
    assert model.estimate_.mean == pytest.approx(plain, abs=0.02)


def test_effect_is_unknown_without_overlap() -> None:
    rule = draw(1500, habit=12.0, seed=2)

    model = EffectModel(hidden_strength=0).fit(rule.X, rule.treated, rule.won)

    assert (model.effect_, model.reason_) == ("unknown", "no_overlap")


def test_effect_is_a_habit_when_a_hidden_cause_like_the_known_ones_would_explain_it(cases: Cases) -> None:
    strict = EffectModel(hidden_strength=1).fit(cases.X, cases.treated, cases.won)

    assert (strict.effect_, strict.reason_) == ("unknown", "habit")
    assert strict.sensitivity_.bias > strict.estimate_.low > 0


def test_effect_is_no_habit_when_nothing_tells_who_gets_the_action() -> None:
    trial = draw(2000, habit=0.0, lift=0.9, seed=3)

    model = EffectModel(hidden_strength=1).fit(trial.X, trial.treated, trial.won)

    assert model.known_
    assert model.sensitivity_.bias < 0.02
    assert model.sensitivity_.robustness > 0.03


@pytest.mark.parametrize(("n_treated", "n_won", "reason"), [(20, 100, "few_cases"), (100, 4, "few_wins")])
def test_effect_is_unknown_with_too_few(n_treated: int, n_won: int, reason: str) -> None:
    X = pd.DataFrame({"fit": np.arange(300.0)})
    treated = np.arange(300) % 300 < n_treated
    won = np.roll(np.arange(300) < n_won, 50)

    model = EffectModel().fit(X, treated, won)

    assert (model.effect_, model.reason_, model.estimate_) == ("unknown", reason, None)
    assert np.isnan(model.predict(X)).all()
    assert model.group_effects(X)["n"].eq(0).all()


def test_rows_of_one_case_count_once() -> None:
    trial = draw(1000, habit=0.0, seed=4)
    twice = pd.concat([trial.X, trial.X], ignore_index=True)
    treated, won = np.tile(trial.treated, 2), np.tile(trial.won, 2)

    grouped = EffectModel().fit(twice, treated, won, propensity=0.43, groups=np.tile(np.arange(1000), 2)).estimate_
    single = EffectModel().fit(trial.X, trial.treated, trial.won, propensity=0.43).estimate_

    assert grouped.n_cases == 1000
    assert grouped.high - grouped.low == pytest.approx(single.high - single.low, rel=0.05)


def test_stored_model_says_the_same(cases: Cases, model: EffectModel) -> None:
    stored = EffectModel.from_state(json.loads(json.dumps(model.to_state())))

    assert stored.effect_ == model.effect_
    assert_allclose(stored.predict(cases.X), model.predict(cases.X), rtol=1e-12)
    assert_allclose(stored.propensity(cases.X), model.propensity(cases.X), rtol=1e-12)
    pd.testing.assert_frame_equal(stored.group_effects(cases.X), model.group_effects(cases.X))


def test_fitting_again_gives_the_same_effect() -> None:
    trial = draw(600, seed=6)

    first, second = (EffectModel(random_state=1).fit(trial.X, trial.treated, trial.won) for _ in range(2))

    assert first.estimate_ == second.estimate_


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"treated": [0, 2]}, "must be 0 or 1, got 2"),
        ({"propensity": 1.0}, r"`propensity` must be one number or 2 numbers inside \(0, 1\)"),
        ({"propensity": [0.5]}, "`propensity` must be one number or 2 numbers"),
        ({"groups": [1]}, "`groups` must have one value per row of X, got 1"),
    ],
)
def test_fit_refuses_wrong_input(change: dict[str, object], match: str) -> None:
    given = {"X": pd.DataFrame({"fit": [1.0, 2.0]}), "treated": [0, 1], "y": [0, 1]} | change

    with pytest.raises(InvalidInput, match=match):
        EffectModel().fit(**given)


@pytest.mark.parametrize("parameters", [{"n_folds": 1}, {"n_groups": 0}, {"hidden_strength": -1}])
def test_fit_refuses_parameters_out_of_range(parameters: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match=f"`{next(iter(parameters))}` must"):
        EffectModel(**parameters).fit(pd.DataFrame({"fit": [1.0, 2.0]}), [0, 1], [0, 1])
