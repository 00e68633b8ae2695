"""A query to a real PostgreSQL server, and to SQLite, as an input."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from forecast.adapters.clock import FixedClock
from forecast.adapters.inputs import register_inputs
from forecast.adapters.lake import DeltaLake
from forecast.mapping import parse_mapping
from forecast.usecases.ingest import IngestResult, ingest

CLOCK = FixedClock(datetime(2026, 6, 1, tzinfo=UTC))


@pytest.fixture
def deals_url(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database with 60,000 versions of 30,000 deals: more than one chunk; all values of some columns come late."""
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS crm_deals"))
        connection.execute(
            text(
                "CREATE TABLE crm_deals AS SELECT 'D' || n AS id, v, "
                "TIMESTAMPTZ '2026-01-01 00:00+00' + n * INTERVAL '1 second' AS created, "
                "TIMESTAMPTZ '2026-03-01 00:00+00' + v * INTERVAL '1 day' AS changed, "
                "(n * 1.25 + v)::numeric(12, 2) AS amount, DATE '2026-09-01' AS due, "
                "CASE WHEN n > 29990 THEN 'late' END AS note, n % 2 = 0 AS vip, jsonb_build_object('n', n) AS extra "
                "FROM generate_series(1, 30000) n, generate_series(0, 1) v ORDER BY v, n"
            )
        )
    monkeypatch.setenv("CRM_DATABASE_URL", url)
    yield url
    engine.dispose()


def ingest_deals(folder: Path) -> IngestResult:
    spec = parse_mapping(
        {
            "source": "crm",
            "currency": "CNY",
            "inputs": {"deals": {"url_env": "CRM_DATABASE_URL", "query": "select * from crm_deals order by v, id"}},
            "tables": {
                "opportunities": "select id as opportunity_id, created as created_at, changed as recorded_at, amount, "
                "due as expected_close_date, note, vip, extra from deals"
            },
        },
        "crm.yaml",
    )
    return ingest(spec, lambda con: register_inputs(con, spec, folder), DeltaLake(folder, clock=CLOCK), CLOCK)


@pytest.mark.slow
def test_a_postgresql_table_is_ingested_and_then_only_what_changed(tmp_path, deals_url):
    first = ingest_deals(tmp_path)
    again = ingest_deals(tmp_path)
    engine = create_engine(deals_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO crm_deals VALUES "
                "('D1', 2, '2026-01-01 00:00:01+00', '2026-04-01', 99, NULL, 'x', false, '{}'), "
                "('new', 0, '2026-04-01', '2026-04-01', NULL, NULL, NULL, NULL, NULL)"
            )
        )
    engine.dispose()
    third = ingest_deals(tmp_path)

    assert first.counts["opportunities"] == {
        "read": 60_000, "new": 30_000, "changed": 30_000, "unchanged": 0, "quarantined": 0,
    }  # fmt: skip
    assert again.counts["opportunities"]["unchanged"] == 60_000
    assert third.counts["opportunities"] == {
        "read": 60_002, "new": 1, "changed": 1, "unchanged": 60_000, "quarantined": 0,
    }  # fmt: skip
    row = DeltaLake(tmp_path).table("opportunities").set_index("opportunity_id").loc["D1"]
    assert (row["amount"], row["note"], row["currency"]) == (99, "x", "CNY")
    assert row["created_at"] == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_a_sqlite_query_without_rows_has_its_columns(tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_DATABASE_URL", "sqlite://")
    spec = parse_mapping(
        {
            "source": "crm",
            "inputs": {
                "d": {"url_env": "CRM_DATABASE_URL", "query": "select 1 as lead_id, 2 as created_at where 1 = 0"}
            },
            "tables": {"leads": "select * from d"},
        },
        "crm.yaml",
    )

    result = ingest(spec, lambda con: register_inputs(con, spec, tmp_path), DeltaLake(tmp_path, clock=CLOCK), CLOCK)

    assert result.counts["leads"]["read"] == 0
