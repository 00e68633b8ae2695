"""A lake of its own for each test, and a short way to ingest small tables into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from duckdb import DuckDBPyConnection

from forecast.adapters.clock import FixedClock
from forecast.adapters.lake import DeltaLake
from forecast.mapping import parse_mapping
from forecast.usecases.ingest import IngestResult, ingest

NOW = datetime(2026, 8, 1, tzinfo=UTC)
Rows = Sequence[Mapping[str, Any]]


@dataclass
class Intake:
    """Ingests rows given as dictionaries, one input and one ``select *`` per table."""

    folder: Path
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))

    @property
    def lake(self) -> DeltaLake:
        return DeltaLake(self.folder, clock=self.clock)

    def take(
        self, tables: Mapping[str, Rows], *, check: bool = False, retry: bool = False, **keys: Any
    ) -> IngestResult:
        """Ingest; ``keys`` are further keys of the mapping. Any share of rows may be rejected unless it says so."""
        document = {
            "source": "test",
            "inputs": {table: {"file": f"{table}.csv"} for table in tables},
            "tables": dict.fromkeys(tables, ""),
            "quarantine": 1,
        } | keys
        document["tables"] = {
            table: query or f"select * from {table}"
            for table, query in (document["tables"] | keys.get("tables", {})).items()
        }
        spec = parse_mapping(document, "test.yaml")

        def register(con: DuckDBPyConnection) -> None:
            for table, rows in tables.items():
                names = dict.fromkeys(name for row in rows for name in row)
                con.register(table, pa.table({name: [row.get(name) for row in rows] for name in names}))

        return ingest(spec, register, self.lake, self.clock, check=check, retry_quarantine=retry)

    def versions(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """(recorded_at, columns...) of every stored version, by id and time; moments as text."""
        with self.lake.writing() as writer:
            key = ", ".join(pd.Index(writer.con.execute(f"SELECT * FROM {table} LIMIT 0").df().columns[:1]))
            selected = ", ".join(f'"{column}"' for column in columns)
            return writer.con.execute(
                f"SELECT strftime(recorded_at, '%Y-%m-%d'), {selected} FROM {writer.stored(table)} "
                f"ORDER BY {key}, recorded_at, batch, row"
            ).fetchall()

    def reasons(self) -> list[str]:
        """Reasons of the open rejected rows."""
        return self.lake.quarantine()["reason"].tolist()


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    return Intake(tmp_path / "lake")
