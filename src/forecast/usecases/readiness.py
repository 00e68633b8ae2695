"""Can this workspace serve now? Named checks, each with what to do when it fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from forecast.conversion import ConversionScorer
from forecast.errors import DataUnavailable, ForecastError
from forecast.ports import Heartbeat, Lake, ModelRegistry, ModelVersion, Store
from forecast.schema import SCORED_ENTITIES
from forecast.settings import Settings
from forecast.usecases.champion import champion_at

#: Name of the heartbeat of the process that brings events into the lake.
WORKER = "worker"

#: A worker that was busy with one batch for longer than this hangs.
WORKER_SILENCE = timedelta(seconds=90)

_MEBIBYTE = 2**20


@dataclass(frozen=True)
class Check:
    """One thing that must hold to serve."""

    name: str
    ok: bool
    finding: str  # for operators: it may name files and hosts


def check_all(tests: Mapping[str, Callable[[], str]]) -> list[Check]:
    """Do every test; one that fails is a finding, never an exception."""
    return [_tried(name, test) for name, test in tests.items()]


def _tried(name: str, test: Callable[[], str]) -> Check:
    try:
        return Check(name, True, test())
    except ForecastError as error:
        return Check(name, False, str(error))


def serving_tests(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    now: datetime,
    free_bytes: int,
    loaded: set[str],
) -> dict[str, Callable[[], str]]:
    """What must hold to serve, by name: store, lake, models, disk and, where one is expected, worker.

    Parameters
    ----------
    free_bytes : int
        On the disk of the workspace.
    loaded : set of str
        Labels of models that were loaded before; a version never changes, so these are not loaded again. Grows.
    """

    def store_answers() -> str:
        store.check()
        return "migrated"

    def champions_load() -> str:
        champions = [champion_at(registry, store, entity, now) for entity in SCORED_ENTITIES]
        serving = [champion for champion in champions if champion is not None]
        for champion in serving:
            if champion.label not in loaded:
                _load(registry, champion)
                loaded.add(champion.label)
        labels = [champion.label for champion in serving]
        return ", ".join(labels) or "no champion yet; scores use the group rate until `forecast train`"

    def disk_has_room() -> str:
        free, floor = free_bytes // _MEBIBYTE, settings.disk_floor_mib
        if free < floor:
            raise DataUnavailable(
                f"The disk of the workspace has {free:,} MiB left, less than `disk_floor_mib` {floor:,}; make room."
            )
        return f"{free:,} MiB free"

    tests = {
        "store": store_answers,
        "lake": lambda: f"batch {lake.head()}",
        "models": champions_load,
        "disk": disk_has_room,
    }
    if settings.expects_worker:
        tests["worker"] = lambda: worker_lives(store.heartbeats(), now)
    return tests


def _load(registry: ModelRegistry, champion: ModelVersion) -> None:
    files = registry.files(champion.name, champion.version)
    try:
        ConversionScorer.from_files(files)
    except Exception as error:  # a damaged file may raise anything
        raise DataUnavailable(
            f"Model {champion.label} cannot be loaded ({type(error).__name__}): remove its folder under models/copies,"
            " so that it is fetched again, or promote another one."
        ) from None


def worker_lives(heartbeats: Mapping[str, Heartbeat], now: datetime) -> str:
    """When the worker was last seen.

    Raises
    ------
    DataUnavailable
        If it never was, or too long ago.
    """
    seen = heartbeats.get(WORKER)
    if seen is None:
        raise DataUnavailable("No worker was ever seen; start `forecast worker` or set `expects_worker = false`.")
    silent_s, limit_s = max(0.0, (now - seen.at).total_seconds()), WORKER_SILENCE.total_seconds()
    if silent_s > limit_s:
        raise DataUnavailable(
            f"The worker was last seen {silent_s:,.0f} s ago, limit {limit_s:.0f};"
            " look at its log and start `forecast worker`."
        )
    return f"seen {silent_s:.0f} s ago"
