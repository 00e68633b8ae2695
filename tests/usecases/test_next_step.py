"""The next step of one case, through the lake and the files of a registered model."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.conversion.next_step import NextStepModel
from forecast.datasets import make_company
from forecast.errors import UnknownEntity
from forecast.features import build_features, open_entities
from forecast.settings import Settings
from forecast.usecases.champion import GATE, GROUP_RATE
from forecast.usecases.models import enthrone
from forecast.usecases.next_step import next_steps, told_step

AGE = "calendar__age_days"


def _learned() -> NextStepModel:
    """From 700 cases of which a demo, given by lot, helps by 30 points."""
    rng, n = np.random.default_rng(0), 700
    keys = pd.DataFrame({"entity_id": [f"X{i}" for i in range(n)], "as_of": pd.Timestamp("2024-01-01", tz="UTC")})
    demo, days = rng.random(n) < 0.5, rng.uniform(10, 60, n)
    won = rng.random(n) < 0.3 + 0.3 * demo
    known = keys.assign(event=np.where(won, "won", "lost"), days=days)
    actions = keys.assign(action="kind_demo", delay_days=0.5, minutes=30.0)[demo]
    features = keys.assign(**{AGE: rng.uniform(0, 90, n)})
    return NextStepModel(60).fit(features, known, actions, cutoff=pd.Timestamp("2025-01-01", tz="UTC"))


@pytest.fixture(scope="module")
def place(frame_lake: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    company = make_company(n_reps=3, n_accounts=40, n_opportunities=120, n_leads=10, months=12)
    as_of = company.end - timedelta(days=10)
    store = SqlStore(f"sqlite:///{tmp_path_factory.mktemp('next') / 'store.db'}", FixedClock(as_of))
    store.migrate()
    registry, learned = InMemoryRegistry(), _learned()
    run = {"cutoff": as_of, "batch": 1}
    old = registry.register("conversion_opportunity", {"scorer.json": b"{}"}, run)
    version = registry.register("conversion_opportunity", {"scorer.json": b"{}"} | learned.to_files(), run)
    enthrone(registry, store, store.clock, version, reason="test", author=GATE)
    yield {
        "lake": frame_lake(company.tables), "registry": registry, "store": store, "as_of": as_of, "learned": learned,
        "old": old.label,
    }  # fmt: skip
    store.close()


def ask(place: dict[str, Any], entity_id: str, lang: str = "en", **more: Any) -> dict[str, Any]:
    wiring = (place["lake"], place["registry"], place["store"], Settings())
    steps = next_steps(*wiring, place["as_of"], "opportunity", entity_ids=[entity_id], **more)
    return told_step(steps, entity_id, lang)


@pytest.mark.slow
def test_next_step_is_what_the_stored_model_says_of_the_case_among_all(place: dict[str, Any]) -> None:
    with place["lake"].connect() as con:
        features = build_features(con, open_entities(con, "opportunity", place["as_of"]), "opportunity")
    expected = place["learned"].suggest(features).iloc[3]

    step = ask(place, expected["entity_id"])

    assert (step["action"], step["reason"], step["cost_minutes"]) == ("kind_demo", None, 30.0)
    assert (step["effect"], step["low"], step["high"]) == tuple(
        round(expected[name], 9) for name in ("effect", "low", "high")
    )
    assert step["effect"] == pytest.approx(0.3, abs=0.1)  # what a demo was made to do
    assert step["text"].startswith("A demo: +")
    assert ask(place, expected["entity_id"], lang="zh") == step | {
        "text": ask(place, expected["entity_id"], lang="zh")["text"]
    }


@pytest.mark.parametrize("model", [GROUP_RATE, "conversion_lead/1", "old"])
def test_model_without_effects_says_so(place: dict[str, Any], model: str) -> None:
    step = ask(place, "whoever", model=place.get(model, model))

    assert step == {
        "action": None, "effect": None, "low": None, "high": None, "cost_minutes": None, "n": 0, "reason": "no_model",
        "text": "Next step unknown: the model that serves has learned no effects of actions",
    }  # fmt: skip


def test_unknown_case_is_named(place: dict[str, Any]) -> None:
    with pytest.raises(UnknownEntity, match="'nobody'"):
        ask(place, "nobody")
