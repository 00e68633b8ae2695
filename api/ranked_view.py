"""Pages of ranked lists as one caller may see them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from api.conditional import etag_of
from api.ranked import ALL, RankedList, Ranking, computed_page, end_of
from api.rights import Caller, Rights, require
from api.service import Service, Snapshot
from forecast.errors import UnknownEntity
from forecast.schema import SCORED_ENTITIES
from forecast.usecases.ranked import RankedPlace


class RankedView:
    """Leads and opportunities that a caller may see, by the latest scores or by scores computed for a snapshot."""

    def __init__(self, service: Service, caller: Caller, rights: Rights) -> None:
        self._service, self._caller, self._rights = service, caller, rights

    def of(
        self, entity: str, asked: Ranking, snapshot: Snapshot, model: str | None, after: RankedPlace | None
    ) -> RankedList:
        """A page of the scores that a model gives for a snapshot, of what the caller may see."""
        require(self._caller, "rows")
        scored = self._service.scored(entity, snapshot, model)
        owners = self._owners(asked, snapshot)
        rows = scored.rows if owners is None else scored.rows[scored.rows["owner_id"].isin(owners)]
        shown, end = computed_page(rows, asked, after)
        identity = (snapshot.as_of, snapshot.batch, scored.model_version, scored.backdated)
        return RankedList(*identity, stale=False, latest=False, rows=shown, end=end)

    def latest(self, entity: str, asked: Ranking, after: RankedPlace | None = None) -> RankedList | None:
        """A page of the latest scores that the caller may see; None when there are none in the store."""
        require(self._caller, "rows")
        state = self._service.latest(entity)
        if state is None:
            return None
        rows = self._service.workspace.store.ranked_scores(
            entity,
            owner_ids=self._owners(asked),
            where=asked.where,
            search=asked.search,
            sort=asked.sort,
            descending=asked.descending,
            after=after,
            limit=asked.limit + 1,
        )
        shown = rows.iloc[: asked.limit]
        return RankedList(
            state.as_of,
            state.batch,
            state.model_version,
            state.backdated,
            stale=self._service.is_stale(state),
            latest=True,
            rows=shown,
            end=end_of(shown, asked.sort) if len(rows) > asked.limit else None,
        )

    def given(
        self, entity: str | None, asked: Ranking, since: datetime | None, until: datetime | None
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Every score that was ever given, part after part: of cases whose owner then the caller may see."""
        require(self._caller, "rows")
        owners = self._owners(asked)
        return self._service.workspace.lake.score_stream(entity, owners, since, until)

    def latest_parts(self, entity: str | None, asked: Ranking) -> Iterator[pd.DataFrame]:
        """The latest scores that the caller may see, part after part."""
        require(self._caller, "rows")
        owners, store = self._owners(asked), self._service.workspace.store
        for kind in [entity] if entity else sorted(SCORED_ENTITIES):
            if self._service.latest(kind) is None:  # few enough to be computed for this request
                yield self.of(kind, replace(asked, limit=ALL), self._service.snapshot(), None, None).rows
            else:
                yield from store.score_parts(kind, owner_ids=owners, where=asked.where, search=asked.search)

    def etag(self, entity: str, *question: Any) -> str | None:
        """What identifies an answer from the latest scores to this caller; None when there are none in the store."""
        require(self._caller, "rows")
        state = self._service.latest(entity)
        if state is None:
            return None
        seen = (self._rights.owners, self._rights.teams)
        return etag_of(entity, state.version, self._service.workspace.lake.head(), seen, *question)

    def _owners(self, asked: Ranking, snapshot: Snapshot | None = None) -> frozenset[str] | None:
        """Whose rows are shown: those that the caller may see, and of these what was asked for; None for all."""
        owners = self._rights.owners
        if asked.owner_id is not None:
            owners = frozenset({asked.owner_id}) if owners is None else owners & {asked.owner_id}
        if asked.team_id is not None:
            members = self._members(asked.team_id, snapshot)
            owners = members if owners is None else owners & members
        return owners

    def latest_one(self, entity: str, entity_id: str) -> pd.DataFrame | None:
        """The one row of an entity among the latest scores; None when the store has none of this kind.

        Raises
        ------
        UnknownEntity
            As `scored_one`.
        """
        require(self._caller, "rows")
        state = self._service.latest(entity)
        if state is None:
            return None
        row = self._rights.rows(self._service.workspace.store.score_row(entity, entity_id))
        if row.empty:
            raise unknown(entity, entity_id, state.as_of)
        return row

    def _members(self, team_id: str, snapshot: Snapshot | None) -> frozenset[str]:
        organisation = self._service.organisation(snapshot)
        return organisation.members(organisation.with_sub_teams({team_id}))


def unknown(entity: str, entity_id: str, as_of: datetime) -> UnknownEntity:
    """What is said of an entity that was not open, does not exist or is hidden: not which of these."""
    return UnknownEntity(f"There was no open {entity} {entity_id!r} at {as_of.isoformat()} among those of this key.")
