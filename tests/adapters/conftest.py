"""A migrated store on SQLite and on a real PostgreSQL, for tests that leave it as good as they found it."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from forecast.adapters.clock import FixedClock
from forecast.adapters.store import SqlStore

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    """A database of its own, so that nobody else empties it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}"
    else:
        server = sa.make_url(request.getfixturevalue("postgres_url")).set(drivername="postgresql+psycopg")
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        name = f"store_{secrets.token_hex(4)}"  # made again whenever tests come back to this parameter
        with engine.connect() as con:
            con.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        url = server.set(database=name).render_as_string(hide_password=False)
    store = SqlStore(url, FixedClock(NOW))
    store.migrate()
    yield store
    store.close()
