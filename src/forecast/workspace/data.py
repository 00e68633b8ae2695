"""Data of a workspace: what comes in, and what was known."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.workspace.base import AsOf, WorkspaceBase

if TYPE_CHECKING:
    import pandas as pd

    from forecast.adapters.kept_mappings import KeptMappings
    from forecast.demand import DemandPanel
    from forecast.usecases.ingest import IngestResult


#: Heartbeats of reading a mapping begin so.
INGEST = "ingest "


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
        if not check:
            self.mappings.keep(Path(mapping))
        result = ingest(
            spec,
            lambda con: register_inputs(con, spec, folder),
            self.lake,
            self.clock,
            check=check,
            retry_quarantine=retry_quarantine,
        )
        if not check:
            self.store.beat(INGEST + spec.name)
        return result

    @cached_property
    def mappings(self) -> KeptMappings:
        """The mappings that rows came by, without their inputs."""
        from forecast.adapters.kept_mappings import KeptMappings

        return KeptMappings(self.path / "mappings")

    def retry_quarantine(self, mapping: str) -> IngestResult:
        """Try the open rejected rows of a mapping that was ingested before again, by the rules of today.

        Raises
        ------
        InvalidInput
            If no mapping of that name was kept.
        """
        from forecast.usecases.ingest import retry_quarantine

        return retry_quarantine(self.mappings.load(mapping), self.lake, self.clock)

    def data_sources(self) -> pd.DataFrame:
        """The last commit of each source with its counts, and when it was read last."""
        from forecast.usecases.data_status import source_status

        beats = self.store.heartbeats()
        tried = {name.removeprefix(INGEST): beat.at for name, beat in beats.items() if name.startswith(INGEST)}
        return source_status(self.lake.commits(), tried)

    def quarantine(self, *, masked: bool = True) -> pd.DataFrame:
        """Open rejected rows, oldest first; with ``masked`` without what belongs to persons."""
        import pandas as pd

        from forecast.usecases.data_status import masked_rows

        waiting = self.lake.quarantine()
        if not masked:
            return waiting.assign(content=[json.loads(content) for content in waiting["content"]])
        parts = [masked_rows(rows, self.mappings.personal(str(name))) for name, rows in waiting.groupby("mapping")]
        return pd.concat(parts).sort_index() if parts else waiting

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
