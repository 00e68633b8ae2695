"""Heartbeats: when each process and each nightly step was last seen, and whether it was well."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from forecast.adapters.store_connection import StoreConnection
from forecast.adapters.store_tables import heartbeats, score_states
from forecast.ports import Heartbeat


class HeartbeatRows(StoreConnection):
    """One row per name, replaced by each beat."""

    def beat(self, name: str, *, is_well: bool = True) -> None:
        """Note that a process or step was seen now."""
        seen = {"at": self.clock.now(), "is_well": is_well}
        with self._writing() as con:
            dialect = postgresql if con.dialect.name == "postgresql" else sqlite
            row = dialect.insert(heartbeats).values(seen | {"name": name})
            con.execute(row.on_conflict_do_update(index_elements=[heartbeats.c.name], set_=seen))

    def heartbeats(self) -> dict[str, Heartbeat]:
        """The last beat of each name."""
        with self._reading() as con:
            rows = con.execute(sa.select(heartbeats).order_by(heartbeats.c.name)).mappings()
            return {row["name"]: Heartbeat(row["at"], row["is_well"]) for row in rows}

    def scored_at(self) -> dict[str, datetime]:
        """The `as_of` of the newest latest score of each kind of entity."""
        with self._reading() as con:
            states = con.execute(sa.select(score_states.c.entity, score_states.c.as_of))
            return {row.entity: row.as_of for row in states}
