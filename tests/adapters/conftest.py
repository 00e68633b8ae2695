"""Stores on SQLite and on a real PostgreSQL: empty, migrated, or shared by tests that leave no trace."""

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from forecast.adapters.clock import FixedClock
from forecast.adapters.store import SqlStore

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class _Databases:
    """Databases of their own, as many as tests ask for."""

    def __init__(self, folder: Path, server: str | None) -> None:
        self._folder = folder
        self._server = server and sa.make_url(server).set(drivername="postgresql+psycopg")

    def new(self, like: str | None = None) -> str:
        """The address of a new one: empty, or a copy of another one that nobody has open."""
        name = f"store_{secrets.token_hex(4)}"
        if self._server is None:
            if like is not None:
                shutil.copyfile(sa.make_url(like).database, self._folder / f"{name}.db")
            return f"sqlite:///{self._folder / name}.db"
        engine = sa.create_engine(self._server, isolation_level="AUTOCOMMIT")
        with engine.connect() as con:
            template = "" if like is None else f" TEMPLATE {sa.make_url(like).database}"
            con.execute(sa.text(f"CREATE DATABASE {name}{template}"))
        engine.dispose()
        return self._server.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> _Databases:
    server = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    return _Databases(tmp_path_factory.mktemp("databases"), server)


@pytest.fixture
def empty_url(databases: _Databases) -> str:
    """The address of a database without any table."""
    return databases.new()


@pytest.fixture(scope="session")
def new_store(databases: _Databases) -> Iterator[Callable[[], SqlStore]]:
    """A function that gives a migrated store of its own; migrated once, then copied."""
    template = databases.new()
    with closing(SqlStore(template, FixedClock(NOW))) as store:
        store.migrate()

    with ExitStack() as made:

        def new() -> SqlStore:
            store = SqlStore(databases.new(like=template), FixedClock(NOW))
            made.callback(store.close)
            return store

        yield new


@pytest.fixture
def store(new_store: Callable[[], SqlStore]) -> Iterator[SqlStore]:
    """A migrated store that the test may change."""
    store = new_store()
    yield store
    store.close()


@pytest.fixture(scope="session")
def shared_store(new_store: Callable[[], SqlStore]) -> SqlStore:
    """A database of its own, so that nobody else empties it."""
    return new_store()
