"""The same (as_of, model, batch) gives the same bytes, whatever happens to the lake and the registry afterwards."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.exports import write_frame
from forecast.adapters.lake import DeltaLake
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.datasets import make_company
from forecast.features import build_features
from forecast.ports import ModelVersion
from forecast.settings import Settings
from forecast.usecases.champion import GATE, new_scorer
from forecast.usecases.models import enthrone
from forecast.usecases.score import score
from forecast.usecases.snapshots import take_snapshots
from forecast.workspace import Workspace

AS_OF = datetime(2025, 9, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = Settings(conversion_horizon_days=30)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, InMemoryRegistry]:
    """A simulated company of 2025 in a real lake, in two batches, and a champion trained to July."""
    folder = tmp_path_factory.mktemp("replay")
    company = make_company(
        n_opportunities=150, n_leads=150, n_accounts=60, months=12, start=date(2025, 1, 1), late_records=0.3
    )
    mapping = company.write(folder / "export")
    workspace = Workspace.init(folder / "workspace", FixedClock(NOW))
    workspace.ingest(mapping)
    registry = InMemoryRegistry()
    for entity in ("lead", "opportunity"):
        register(workspace, registry, entity, datetime(2025, 7, 1, tzinfo=UTC))
    return workspace, registry


def register(workspace: Workspace, registry: InMemoryRegistry, entity: str, cutoff: datetime) -> ModelVersion:
    """A small model of what was known before the cutoff, as the next champion."""
    with workspace.lake.connect() as con:
        snapshots = take_snapshots(con, entity, cutoff, SETTINGS)
        features = build_features(con, snapshots.spine, entity, ["attributes", "owner", "stage"])
    scorer = new_scorer(snapshots, SETTINGS, kind="blend", params={"max_trees": 10, "n_folds": 2})
    scorer.fit(features, snapshots.outcomes, cutoff=snapshots.end)
    version = registry.register(f"conversion_{entity}", scorer.to_files(), {"cutoff": cutoff, "batch": 1})
    enthrone(registry, workspace.store, workspace.clock, version, reason="test", author=GATE)
    return version


@pytest.mark.slow
def test_scores_are_the_same_bytes_after_everything_that_may_happen(
    history: tuple[Workspace, InMemoryRegistry], tmp_path: Path
) -> None:
    workspace, registry = history
    lake, store = workspace.lake, workspace.store

    def scored(model: str | None, name: str) -> bytes:
        frame = score(lake, registry, store, SETTINGS, AS_OF, model=model, batch=1)
        write_frame(frame, tmp_path / f"{name}.parquet")
        return (tmp_path / f"{name}.parquet").read_bytes()

    questions = {"champion": "1", "group_rate": "group_rate"}
    before = {name: scored(model, name) for name, model in questions.items()}

    def unchanged() -> bool:
        return {name: scored(model, name) for name, model in questions.items()} == before

    assert len(score(lake, registry, store, SETTINGS, AS_OF, batch=1)) > 50
    assert unchanged()
    for happen in (later_data, backfill):
        happen(lake)
        assert unchanged(), happen.__name__
    lake.compact()
    assert unchanged(), "compaction"
    lake.vacuum(retention_hours=0)
    assert unchanged(), "vacuum"
    register(workspace, registry, "lead", datetime(2025, 8, 1, tzinfo=UTC))
    register(workspace, registry, "opportunity", datetime(2025, 8, 1, tzinfo=UTC))
    assert unchanged(), "a newer champion"
    assert set(score(lake, registry, store, SETTINGS, AS_OF)["model_version"]) == {
        "conversion_lead/2",
        "conversion_opportunity/2",
    }
    # The backfill of batch 3 counts in batch 3.
    assert scored("1", "champion") != write(score(lake, registry, store, SETTINGS, AS_OF, model="1"), tmp_path)


def write(frame, folder: Path) -> bytes:  # type: ignore[no-untyped-def]
    write_frame(frame, folder / "other.parquet")
    return (folder / "other.parquet").read_bytes()


def later_data(lake: DeltaLake) -> None:
    """Every lead and opportunity that is known gets another version, recorded after the moment in question."""
    _append(lake, AS_OF + timedelta(days=3))


def backfill(lake: DeltaLake) -> None:
    """The same, recorded before the moment in question but imported only now."""
    _append(lake, AS_OF - timedelta(days=3))


def _append(lake: DeltaLake, recorded_at: datetime) -> None:
    with lake.writing() as writer:
        for table, change in {"leads": "'called' AS status", "opportunities": "'negotiation' AS stage"}.items():
            named = change.rpartition(" ")[2]
            rows = writer.con.sql(
                f"SELECT * EXCLUDE ({named}, recorded_at, batch, row, known_from, known_to), {change}, "
                f"TIMESTAMP '{recorded_at:%Y-%m-%d}' AS recorded_at FROM {table} "
                "WHERE known_to > TIMESTAMP '9000-01-01' AND closed_at IS NULL"
            ).to_arrow_table()
            writer.append(table, rows)
        writer.commit({})
