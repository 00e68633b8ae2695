"""What Prometheus reads: requests of all processes, memory of each, and how fresh data, scores and nights are.

Several processes share their counts through files (`prometheus_client`'s multi-process mode, which `api.serve` turns
on); the state of the workspace is read when somebody asks, by whichever process answers.
"""

import os
import resource
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from api.service import Service
from forecast.usecases.vital_signs import VitalSigns

#: The variable that turns `prometheus_client`'s multi-process mode on; set before that library is imported.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

#: Seconds. Lists shall answer within 0.3 s; what is computed at first may take a minute.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counts of one process, and the text of all.

    Parameters
    ----------
    service : Service
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._own = CollectorRegistry()
        self._requests = Histogram(
            "forecast_http_request_duration_seconds",
            "Requests and how long they took, by route template.",
            ["method", "route", "status"],
            buckets=_BUCKETS,
            registry=self._own,
        )
        self._memory = Gauge(
            "forecast_process_resident_memory_bytes",
            "Memory of each serving process.",
            ["process"],
            multiprocess_mode="livesum",
            registry=self._own,
        )
        self._cached = Gauge(
            "forecast_cache_weight",
            "Weight of the answers that processes keep in memory.",
            ["cache"],
            multiprocess_mode="livesum",
            registry=self._own,
        )
        self._connections = Gauge(
            "forecast_store_connections",
            "Connections of the pools to the store.",
            ["state"],
            multiprocess_mode="livesum",
            registry=self._own,
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def refresh(self) -> None:
        """Note memory, caches and connections of this process."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self._memory.labels(str(os.getpid())).set(pages * resource.getpagesize())
        for name, weight in self._service.cache_weights().items():
            self._cached.labels(name).set(weight)
        for state, count in self._service.workspace.store.connections().items():
            self._connections.labels(state).set(count)

    def forget(self) -> None:
        """Take the gauges of this process out of what the others tell."""
        if SHARED_FOLDER in os.environ:
            mark_process_dead(os.getpid(), os.environ[SHARED_FOLDER])

    def text(self) -> bytes:
        """The metrics of all processes and the state of the workspace, in Prometheus' text format."""
        self.refresh()
        processes = self._own
        if SHARED_FOLDER in os.environ:
            _forget_dead_processes(Path(os.environ[SHARED_FOLDER]))
            processes = CollectorRegistry()
            MultiProcessCollector(processes)
        state = CollectorRegistry()
        state.register(_State(self._service.workspace.vital_signs()))
        return generate_latest(processes) + generate_latest(state)


class _State(Collector):
    """A workspace's vital signs as gauges."""

    def __init__(self, signs: VitalSigns) -> None:
        self._signs = signs

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family per sign."""
        signs = self._signs
        yield GaugeMetricFamily("forecast_lake_batch", "Number of the last batch.", value=signs.batch)
        if signs.batch_age_s is not None:
            yield GaugeMetricFamily(
                "forecast_lake_batch_age_seconds", "Since the last batch was committed.", value=signs.batch_age_s
            )
        yield _family(
            "scores_age_seconds", "Since the moment that the latest scores know.", "entity", signs.scores_age_s
        )
        yield GaugeMetricFamily("forecast_events_waiting", "Deliveries in the queue.", value=signs.deliveries)
        yield GaugeMetricFamily(
            "forecast_events_oldest_age_seconds",
            "How long the oldest of them waits; 0 when none does.",
            value=signs.age_s(signs.oldest_delivery_at) if signs.oldest_delivery_at else 0,
        )
        yield GaugeMetricFamily("forecast_events_dead", "Events that could not be stored.", value=signs.dead_events)
        beats = signs.heartbeats.items()
        yield _family(
            "heartbeat_age_seconds",
            "Since a process or nightly step was last seen.",
            "name",
            {name: signs.age_s(beat.at) for name, beat in beats},
        )
        yield _family(
            "heartbeat_well",
            "Whether it was well then.",
            "name",
            {name: float(beat.is_well) for name, beat in beats},
        )
        yield _family(
            "model_cutoff_age_seconds",
            "Since the last moment that the champion saw in training.",
            "model",
            {version.name: signs.age_s(version.cutoff) for version in signs.champions},
        )
        champions = GaugeMetricFamily("forecast_model_info", "Which version serves.", labels=["model", "version"])
        for version in signs.champions:
            champions.add_metric([version.name, version.version], 1)
        yield champions


def _family(name: str, meaning: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"forecast_{name}", meaning, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _forget_dead_processes(folder: Path) -> None:
    """Drop the gauges of processes that ended without saying so; their counts stay."""
    pids = {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*.db")}
    for pid in pids:
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(pid, str(folder))
