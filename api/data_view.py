"""How data came in, as one caller may see it."""

from typing import TYPE_CHECKING

import pandas as pd

from api.rights import PARTS, Caller, require
from forecast.usecases.data_status import quarantine_reasons

if TYPE_CHECKING:
    from api.service import Service, Snapshot
    from forecast.usecases.ingest import IngestResult
    from forecast.usecases.readiness import Check


class DataView:
    """Sources, quarantine, health and drift: counts for engineers too, rows only for those who look after data."""

    def __init__(self, service: "Service", caller: Caller) -> None:
        self._service = service
        self._caller = caller

    @property
    def sees_quarantine(self) -> bool:
        """Whether rejected rows may be seen and tried again."""
        return self._may("quarantine")

    @property
    def sees_values(self) -> bool:
        """Whether what belongs to persons may be seen in them."""
        return self._may("personal values")

    def sources(self) -> pd.DataFrame:
        """The last commit of each source with its counts."""
        require(self._caller, "data status")
        return self._service.workspace.data_sources()

    def reasons(self) -> pd.DataFrame:
        """How many rejected rows share a rule."""
        require(self._caller, "data status")
        return quarantine_reasons(self._service.workspace.lake.quarantine())

    def quarantine(self, mapping: str | None = None) -> pd.DataFrame:
        """Rejected rows of a mapping, or all; what belongs to persons is masked unless the caller may see it."""
        require(self._caller, "quarantine")
        rows = self._service.workspace.quarantine(masked=not self.sees_values)
        return rows if mapping is None else rows[rows["mapping"] == mapping]

    def retry(self, mapping: str) -> "IngestResult":
        """Try the rejected rows of a mapping again, by the rules and references of today."""
        require(self._caller, "quarantine")
        workspace = self._service.workspace
        result = workspace.retry_quarantine(mapping)
        workspace.store.audit(self._caller.user_id or self._caller.name, "retry quarantine", mapping)
        return result

    def health(self) -> "list[Check]":
        """Whether store, lake, models, disk and worker are well."""
        require(self._caller, "data status")
        return self._service.workspace.readiness()

    def drift(self, entity: str, snapshot: "Snapshot") -> tuple[str | None, pd.DataFrame | None]:
        """The champion's label, and how far today's cases differ from those that it learned from."""
        require(self._caller, "data status")
        return self._service.watch.drift(entity, snapshot)

    def _may(self, part: str) -> bool:
        scopes = self._caller.scopes
        return self._caller.role in PARTS[part] and (scopes is None or part in scopes)
