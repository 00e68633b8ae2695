"""How fresh a workspace is: what an operator watches over time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from forecast.ports import Heartbeat, ModelRegistry, ModelVersion, Store
from forecast.usecases.champion import serving
from forecast.usecases.event_worker import Backlog


@dataclass(frozen=True)
class VitalSigns:
    """The state of a workspace at a moment; ages in seconds, None for what never happened."""

    batch: int
    batch_age_s: float | None
    scores_age_s: Mapping[str, float]  # by kind of entity
    heartbeats: Mapping[str, Heartbeat]
    champions: tuple[ModelVersion, ...]
    deliveries: int  # of events that wait in the queue
    oldest_delivery_at: datetime | None
    dead_events: int
    now: datetime

    def age_s(self, moment: datetime) -> float:
        """Seconds since a moment."""
        return (self.now - moment).total_seconds()


def vital_signs(
    batch: int,
    committed_at: datetime | None,
    backlog: Backlog,
    registry: ModelRegistry,
    store: Store,
    now: datetime,
) -> VitalSigns:
    """Read what is needed, and nothing that grows with the data; what lake and queue say is given."""
    ledger = list(store.promotions())
    names = sorted({promotion.name for promotion in ledger})
    leading = [serving([line for line in ledger if line.name == name], now) for name in names]
    return VitalSigns(
        batch=batch,
        batch_age_s=None if committed_at is None else (now - committed_at).total_seconds(),
        scores_age_s={entity: (now - as_of).total_seconds() for entity, as_of in store.scored_at().items()},
        heartbeats=store.heartbeats(),
        champions=tuple(registry.version(line.name, line.version) for line in leading if line is not None),
        deliveries=backlog.deliveries,
        oldest_delivery_at=backlog.oldest_at,
        dead_events=store.count_dead_events(),
        now=now,
    )
