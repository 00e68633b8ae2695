"""Next steps: time is counted fairly, true effects are found, and nothing is suggested that is not shown."""

import json
from datetime import UTC, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.conversion.next_step import NextStepModel
from forecast.datasets import make_company
from forecast.errors import InvalidInput
from forecast.features import build_features, outcomes, snapshot_spine
from forecast.features.actions import window_actions
from forecast.history import connect_tables

START = pd.Timestamp("2024-01-01", tz="UTC")
END = pd.Timestamp("2024-12-31", tz="UTC")

Frames = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def snapshots(n: int, *, demo_effect: float = 0.0, days_to_close: float = 60.0, seed: int = 0) -> Frames:
    """One snapshot per case. Demos and mails come by lot; a demo before the closing adds to the chance of a win."""
    rng = np.random.default_rng(seed)
    keys = pd.DataFrame({"entity_id": [f"O{i:05d}" for i in range(n)], "as_of": START})
    size = rng.normal(size=n)
    days = rng.exponential(days_to_close, n)
    delays = {"kind_demo": rng.exponential(20, n), "kind_mail": rng.exponential(20, n)}
    had_demo = delays["kind_demo"] < np.minimum(days, 7)
    won = rng.random(n) < 0.4 + demo_effect * had_demo
    known = keys.assign(event=np.where(won, "won", "lost"), days=days)
    parts = [
        keys.assign(action=action, delay_days=delay, minutes=40.0 if action == "kind_demo" else np.nan)[delay < 7]
        for action, delay in delays.items()
    ]
    return keys.assign(deal__size=size), known, pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def told() -> tuple[NextStepModel, pd.DataFrame]:
    """A model of cases that a demo helps by 20 points, and the features it learned from."""
    features, known, actions = snapshots(3000, demo_effect=0.2)
    return NextStepModel(200).fit(features, known, actions, cutoff=END), features


def test_cases_that_close_early_are_not_taken_for_cases_left_alone() -> None:
    features, known, actions = snapshots(3000, days_to_close=10.0)
    demos = actions[actions["action"] == "kind_demo"].merge(known)
    acted = known["entity_id"].isin(demos.loc[demos["delay_days"] < demos["days"], "entity_id"])
    won = (known["event"] == "won") & (known["days"] <= 8)
    plain = won[acted].mean() - won[~acted].mean()

    effects = NextStepModel(8).fit(features, known, actions, cutoff=END).effects_.set_index("action")

    # A demo does nothing here; who lived long enough to get one has won less early.
    assert plain < -0.05, plain
    assert effects.loc["kind_demo", "low"] < 0 < effects.loc["kind_demo", "high"]
    assert abs(effects.loc["kind_demo", "effect"]) < 0.03, effects.loc["kind_demo", "effect"]


def test_effect_of_each_action_is_the_one_that_was_put_in(told: tuple[NextStepModel, pd.DataFrame]) -> None:
    effects = told[0].effects_.set_index("action")

    assert effects["known"].all()
    # 200 days see 96 % of the closings. The others go on as usual: 15 % of them get a demo later in the window, half
    # of it being left on average (1 - exp(-3.5 / 20)). So .2 * .96 * .85 is to be gained by acting now.
    assert effects.loc["kind_demo", "low"] < 0.164 < effects.loc["kind_demo", "high"]
    assert effects.loc["kind_mail", "low"] < 0 < effects.loc["kind_mail", "high"]
    assert effects.loc["kind_demo", "n_cases"] > effects.loc["kind_demo", "n_taken"] > 500


def test_suggestion_is_the_action_that_helps_with_its_cost(told: tuple[NextStepModel, pd.DataFrame]) -> None:
    model, features = told

    found = model.suggest(features)

    assert found[["entity_id", "as_of"]].equals(features[["entity_id", "as_of"]].assign(as_of=found["as_of"]))
    assert set(found["action"]) == {"kind_demo"}
    assert set(found["cost_minutes"]) == {40.0}
    assert set(found["reason"]) == {""}
    assert ((found["low"] > 0) & (found["low"] < found["effect"]) & (found["effect"] < found["high"])).all()


def test_stored_model_suggests_the_same(told: tuple[NextStepModel, pd.DataFrame]) -> None:
    model, features = told

    stored = NextStepModel.from_state(json.loads(json.dumps(model.to_state())))

    pd.testing.assert_frame_equal(stored.suggest(features), model.suggest(features))
    pd.testing.assert_frame_equal(stored.effects_, model.effects_)


def test_nothing_is_suggested_when_no_action_helps() -> None:
    features, known, actions = snapshots(1000, seed=3)

    found = NextStepModel(200).fit(features, known, actions, cutoff=END).suggest(features)

    assert set(found["action"]) == {"unknown"}
    assert set(found["reason"]) == {"no_gain"}
    assert found["effect"].isna().all()


def test_reason_says_that_too_few_were_acted_on() -> None:
    features, known, actions = snapshots(300, seed=4)

    model = NextStepModel(200).fit(features, known, actions.groupby("action").head(10), cutoff=END)

    assert set(model.suggest(features)["reason"]) == {"few_cases"}


def test_reason_says_that_nothing_was_recorded() -> None:
    features, known, actions = snapshots(100)

    model = NextStepModel(200).fit(features, known, actions.iloc[:0], cutoff=END)

    assert model.effects_.empty
    assert set(model.suggest(features)["reason"]) == {"no_actions"}
    assert len(model.suggest(features.iloc[:0])) == 0


def test_snapshots_not_followed_for_the_horizon_teach_nothing() -> None:
    features, known, actions = snapshots(300)

    model = NextStepModel(60).fit(features, known, actions, cutoff=START + pd.Timedelta(days=59))

    assert model.effects_.empty


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"actions": pd.DataFrame({"entity_id": []})}, "actions are missing columns"),
        ({"features": pd.DataFrame({"entity_id": []})}, "features are missing columns"),
        ({"outcomes": snapshots(3)[1].assign(entity_id="x").head(1)}, "None of 3 feature rows has an outcome"),
    ],
)
def test_fit_refuses_wrong_tables(given: dict[str, Any], match: str) -> None:
    frames = dict(zip(("features", "outcomes", "actions"), snapshots(3), strict=True)) | given

    with pytest.raises(InvalidInput, match=match):
        NextStepModel(60).fit(**frames)


def test_fit_and_suggest_refuse_wrong_arguments(told: tuple[NextStepModel, pd.DataFrame]) -> None:
    with pytest.raises(InvalidInput, match="must be at least 1, got 0 and 7"):
        NextStepModel(0).fit(*snapshots(3))
    with pytest.raises(InvalidInput, match=r"missing columns \['deal__size'\]"):
        told[0].suggest(told[1].drop(columns="deal__size"))


def company_effects(confounding: float) -> pd.DataFrame:
    """Effects found in a simulated company through real mining; its demos truly help, its newsletters do nothing."""
    company = make_company(n_opportunities=2500, n_leads=300, confounding=confounding, random_state=0)
    con, cutoff = connect_tables(company.tables), company.end
    first = cutoff - timedelta(days=730)
    spine = snapshot_spine(con, "opportunity", first=first, cutoff=cutoff, step_days=14, zone=UTC)
    features = build_features(con, spine, "opportunity", ["attributes", "calendar", "interactions", "stage"])
    known = outcomes(con, spine, "opportunity", cutoff)
    actions = window_actions(con, spine, "opportunity", cutoff=cutoff)
    return NextStepModel(60).fit(features, known, actions, cutoff=cutoff).effects_.set_index("action")


@pytest.mark.slow
def test_demos_of_a_company_that_draws_lots_are_found_to_help_and_newsletters_not() -> None:
    effects = company_effects(confounding=0.0)

    demo, newsletter = effects.loc["kind_demo"], effects.loc["kind_newsletter"]
    assert demo["known"]
    assert demo["low"] > 0, demo
    assert 40 < demo["cost_minutes"] < 80
    assert newsletter["low"] < 0 < newsletter["high"], newsletter


@pytest.mark.slow
def test_demos_that_follow_a_hidden_quality_are_called_a_habit() -> None:
    demo = company_effects(confounding=2.0).loc["kind_demo"]

    assert (demo["known"], demo["reason"]) == (False, "habit"), demo
