"""What would raise a score, through the lake and a trained model."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.datasets import make_company
from forecast.errors import UnknownEntity
from forecast.features import build_features, open_entities
from forecast.settings import Settings
from forecast.usecases.champion import GATE, GROUP_RATE, new_scorer
from forecast.usecases.models import enthrone
from forecast.usecases.raising import what_would_raise
from forecast.usecases.snapshots import take_snapshots


@pytest.mark.slow
def test_what_would_raise_a_score_is_possible_and_in_words(frame_lake: Any, tmp_path: Path) -> None:
    company = make_company(n_reps=4, n_accounts=60, n_opportunities=250, n_leads=10, months=15)
    lake, settings, as_of = frame_lake(company.tables), Settings(), company.end - timedelta(days=10)
    store = SqlStore(f"sqlite:///{tmp_path / 'store.db'}", FixedClock(as_of))
    store.migrate()
    registry = InMemoryRegistry()
    with lake.connect() as con:
        snapshots = take_snapshots(con, "opportunity", as_of, settings)
        features = build_features(con, snapshots.spine, "opportunity")
        spine = open_entities(con, "opportunity", as_of)
    scorer = new_scorer(snapshots, settings, kind="blend", params={"max_trees": 30, "n_folds": 2})
    scorer.fit(features, snapshots.outcomes, cutoff=snapshots.end)
    version = registry.register("conversion_opportunity", scorer.to_files(), {"cutoff": as_of, "batch": 1})
    enthrone(registry, store, store.clock, version, reason="test", author=GATE)
    first = str(spine["entity_id"].iloc[0])

    def answer(entity_id: str, **more: Any) -> dict[str, Any]:
        return what_would_raise(lake, registry, store, settings, as_of, entity_id, **more)

    answers = [answer(str(entity_id), lang="zh") for entity_id in spine["entity_id"][:4]]
    options = [option for one in answers for option in one["options"]]
    assert options
    for option in options:
        assert option["gain"] > 0
        assert "评分将为" in option["text"]
        assert all(name.startswith("interactions__") for name in option["changes"])
        for name, (before, after) in option["changes"].items():
            if "count" in name:
                assert after > before
    assert np.all([len(one["options"]) <= 3 for one in answers])
    assert answer(first, model=GROUP_RATE)["options"] == []
    with pytest.raises(UnknownEntity, match="'nobody'"):
        answer("nobody")
    store.close()
