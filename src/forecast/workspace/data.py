"""Data of a workspace: what comes in, and what was known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from forecast.workspace.base import AsOf, WorkspaceBase

if TYPE_CHECKING:
    import pandas as pd

    from forecast.demand import DemandPanel
    from forecast.usecases.ingest import IngestResult


class DataCalls(WorkspaceBase):
    """Ingest, tables, features and panels."""

    def ingest(
        self,
        mapping: str | Path,
        *,
        check: bool = False,
        data: str | Path | None = None,
        retry_quarantine: bool = False,
    ) -> IngestResult:
        """Bring in the rows of a mapping as one commit (design: mapping file); ``check`` changes nothing.

        ``data`` is the folder that the mapping's files are relative to, by default the mapping's own.
        """
        from forecast.adapters.inputs import load_mapping, register_inputs
        from forecast.usecases.ingest import ingest

        spec = load_mapping(Path(mapping))
        folder = Path(data) if data is not None else Path(mapping).parent
        return ingest(
            spec,
            lambda con: register_inputs(con, spec, folder),
            self.lake,
            self.clock,
            check=check,
            retry_quarantine=retry_quarantine,
        )

    def table(self, name: str, as_of: AsOf = None, batch: int | None = None) -> pd.DataFrame:
        """Rows of a canonical table in force at ``as_of``, by default all that is known."""
        return self.lake.table(name, None if as_of is None else self.moment(as_of), batch)

    def features(self, entity: str, as_of: AsOf = None, batch: int | None = None) -> pd.DataFrame:
        """Features of all open leads or opportunities at ``as_of``; one row each."""
        from forecast.features import build_features, open_entities

        moment = self.moment(as_of)
        with self.lake.connect(batch) as con:
            return build_features(con, open_entities(con, entity, moment), entity, zone=self.settings.zone)

    def demand_panel(self, as_of: AsOf = None, batch: int | None = None) -> DemandPanel:
        """The series that demand is learned from, as known at ``as_of``."""
        from forecast.usecases.demand import read_panel

        with self.lake.connect(batch) as con:
            return read_panel(con, self.settings, self.moment(as_of), self.settings.demand_horizon)
