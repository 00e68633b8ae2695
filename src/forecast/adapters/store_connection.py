"""A database, SQLite or PostgreSQL: its connections, its migrations, and errors without its password."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError

from forecast.errors import DataUnavailable, InvalidInput
from forecast.ports import Clock

_MIGRATIONS = Path(__file__).parent / "migrations"
#: How long a writer waits for another one (SQLite), and a client for an answer to its connection (PostgreSQL).
_WAIT_S = 10
#: Any constant: two processes that migrate PostgreSQL at once take turns on it.
_MIGRATION_LOCK = 715_517


class StoreConnection:
    """What every part of the store rests on.

    Parameters
    ----------
    url : str
        ``sqlite:///path/store.db`` or ``postgresql://user:password@host/database``.
    clock : Clock
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = _with_driver(url)
        self.clock = clock
        self._engine = _create_engine(self.url)

    def migrate(self) -> None:
        """Create or bring up to date the tables; safe to call at every start, from several processes."""
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self._writing() as con:
            if con.dialect.name == "postgresql":
                con.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            config.attributes["connection"] = con
            command.upgrade(config, "head")

    def check(self) -> None:
        """Raise `DataUnavailable` unless the store answers and has the tables of this release."""
        with self._reading() as con:
            revision = MigrationContext.configure(con).get_current_revision()
        if revision != (newest := _newest_revision()):
            where = self.url.render_as_string(hide_password=True)
            found = f"is at revision {revision}, this release needs {newest}" if revision else "has no tables yet"
            raise DataUnavailable(f"The store at {where} {found}; run `forecast db migrate`.")

    def connections(self) -> dict[str, int]:
        """How many connections of this process are in use and idle."""
        pool = self._engine.pool
        assert isinstance(pool, sa.QueuePool)
        return {"in_use": pool.checkedout(), "idle": pool.checkedin()}

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that only looks at the tables, for what no method tells."""
        with self._reading() as con:
            yield con

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._explained(), self._engine.connect() as con:
            yield con

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._explained(), self._engine.connect() as con:
            con = con.execution_options(writes=True)
            with con.begin():
                yield con

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn a database that is gone into one line without its password."""
        try:
            yield
        except DBAPIError as error:
            where = self.url.render_as_string(hide_password=True)
            reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
            if "no such table" in reason or ("relation" in reason and "does not exist" in reason):
                message = f"The store at {where} has no tables yet; run `forecast db migrate`."
                raise DataUnavailable(message) from None
            if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
                raise DataUnavailable(f"The store at {where} cannot be used: {reason}.") from None
            raise


@cache
def _newest_revision() -> str | None:
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head()


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain Python values, missing ones as None."""
    plain = frame.astype(object).mask(frame.isna(), None)
    return [{str(name): _plain(value) for name, value in row.items()} for row in plain.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value


def _with_driver(url: str) -> URL:
    """The URL with the PostgreSQL driver that we ship."""
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError:
        raise InvalidInput(f"`store_url` must look like sqlite:///store.db or postgresql://…, got {url!r}.") from None
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise InvalidInput(f"The store can be SQLite or PostgreSQL, got {parsed.get_backend_name()!r}.")
    return parsed


def _create_engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        return sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": _WAIT_S})
    engine = sa.create_engine(url, connect_args={"timeout": _WAIT_S})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: migrations are then transactions too
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(con: Connection) -> None:
        # A writer that starts as a reader cannot wait for another writer: it fails at once.
        con.exec_driver_sql("BEGIN IMMEDIATE" if con.get_execution_options().get("writes") else "BEGIN")

    return engine
