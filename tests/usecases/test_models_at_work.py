"""Scores of the past beside what came, and the drift of the champion's features."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.errors import InvalidInput
from forecast.features import build_features, snapshot_spine
from forecast.monitoring.drift import describe_features
from forecast.settings import Settings
from forecast.usecases.evidence import REFERENCE
from forecast.usecases.models import promote
from forecast.usecases.models_at_work import feature_drift, given_scores

SETTINGS = Settings(conversion_horizon_days=14, horizons_days=(7, 14, 28))
NOW = datetime(2025, 7, 20, tzinfo=UTC)
ASKED = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def lake(frame_lake: Callable[..., Any], lead_tables: dict[str, pd.DataFrame]) -> Any:
    """All leads open on 1 March scored .25 then, and everything open on 18 July, whose time is not over."""
    made = frame_lake(lead_tables)
    with made.connect() as con:
        frames = [snapshot_spine(con, "lead", first=day, cutoff=day + pd.Timedelta(days=1), step_days=1, zone=UTC)
                  for day in (ASKED, datetime(2025, 7, 17, tzinfo=UTC))]  # fmt: skip
    given = pd.concat(frames, ignore_index=True).assign(model_version="m/1", probability=0.25)

    def first_scores(entity: str, column: str, until: datetime) -> pd.DataFrame:
        assert (entity, column) == ("lead", "p_14d")
        return given[given["as_of"] <= until].reset_index(drop=True)

    made.first_scores = first_scores
    return made


def test_only_scores_whose_time_is_over_are_judged_and_by_what_then_came(
    lake: Any, lead_tables: dict[str, pd.DataFrame]
) -> None:
    found = given_scores(lake, SETTINGS, "lead", 14, NOW)

    leads = lead_tables["leads"].groupby("lead_id").last()
    moment = found["as_of"].iloc[0]
    won = leads.loc[found["entity_id"], "converted_at"]
    expected = (won.notna() & (won <= moment + pd.Timedelta(days=14))).astype(float)
    assert set(found["as_of"]) == {moment}
    assert 0 < found["came"].sum() < len(found)
    assert found["came"].tolist() == expected.tolist()


@pytest.mark.parametrize(("entity", "days", "got"), [("deal", 14, "'deal'"), ("lead", 15, "15")])
def test_wrong_question_is_explained(lake: Any, entity: str, days: int, got: str) -> None:
    with pytest.raises(InvalidInput, match=got):
        given_scores(lake, SETTINGS, entity, days, NOW)


def test_drift_compares_todays_cases_with_those_of_the_champion(lake: Any, tmp_path: Path) -> None:
    registry, clock = InMemoryRegistry(), FixedClock(NOW)
    store = SqlStore(f"sqlite:///{tmp_path / 'store.db'}", clock)
    store.migrate()
    assert feature_drift(lake, registry, store, SETTINGS, "lead", ASKED) == (None, None)
    with lake.connect() as con:
        spine = snapshot_spine(
            con, "lead", first=datetime(2025, 1, 20, tzinfo=UTC), cutoff=ASKED, step_days=7, zone=UTC
        )
        features = build_features(con, spine, "lead", ("attributes", "calendar"))
    names = ["attributes__channel", "calendar__age_days", "calendar__month"]
    reference = describe_features(features.assign(attributes__channel="fair"), names, 200)
    run = {"cutoff": ASKED, "batch": 1}
    version = registry.register("conversion_lead", {REFERENCE: json.dumps(reference).encode()}, run)
    promote(registry, store, clock, version.label, author="ann", reason="a test")

    label, drift = feature_drift(lake, registry, store, SETTINGS, "lead", NOW)

    assert label == "conversion_lead/1"
    assert drift is not None
    assert set(drift["feature"]) == {"attributes__channel", "calendar__age_days"}  # the month says nothing of cases
    assert drift["psi"].iloc[0] == drift.set_index("feature").loc["attributes__channel", "psi"] > 1
    store.close()
