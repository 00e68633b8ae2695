"""Laws of the lake: "as of t with batch b" against ten lines of Python, over random histories."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast.adapters.lake import DeltaLake
from forecast.history import in_force

START = datetime(2024, 1, 1, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("contact_id", pa.string()),
        ("name", pa.string()),
        ("account_id", pa.string()),
        ("recorded_at", pa.timestamp("us", tz="UTC")),
        ("deleted_at", pa.timestamp("us", tz="UTC")),
        ("merged_into", pa.string()),
    ]
)

moments = st.integers(0, 8).map(lambda hours: START + timedelta(hours=hours))
versions = st.fixed_dictionaries(
    {
        "contact_id": st.sampled_from(["a", "b", "c"]),
        "name": st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4),
        "account_id": st.sampled_from([None, "x", "y"]),
        "recorded_at": moments,
        "deleted_at": st.none() | st.none() | moments,
        "merged_into": st.sampled_from([None, None, None, "b"]),
    }
)
histories = st.lists(st.lists(versions, max_size=5), min_size=1, max_size=4)


def oracle(history: list[list[dict[str, Any]]], as_of: datetime, batch: int) -> list[tuple[Any, ...]]:
    last: dict[str, tuple[Any, ...]] = {}
    for number, rows in enumerate(history[:batch], start=1):
        for place, row in enumerate(rows):
            order = (row["recorded_at"], number, place)
            if (
                row["recorded_at"] < as_of
                and order > last.get(row["contact_id"], (datetime.min.replace(tzinfo=UTC),))[:3]
            ):
                last[row["contact_id"]] = (*order, row)
    living = [(number, row) for _, number, _, row in last.values() if not row["deleted_at"] and not row["merged_into"]]
    return sorted((row["contact_id"], row["account_id"], row["name"], row["recorded_at"], n) for n, row in living)


def commit(lake: DeltaLake, rows: list[dict[str, Any]]) -> None:
    with lake.writing() as writer:
        writer.append("contacts", pa.Table.from_pylist(rows, schema=SCHEMA))
        writer.commit({})


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories, as_of=moments, data=st.data())
def test_as_of_agrees_with_the_oracle_before_and_after_later_batches_and_compaction(
    history: list[list[dict[str, Any]]], as_of: datetime, data: st.DataObject
) -> None:
    batch = data.draw(st.integers(1, len(history)))
    expected = oracle(history, as_of, batch)
    with tempfile.TemporaryDirectory() as folder:
        lake = DeltaLake(Path(folder) / "lake")
        for number, rows in enumerate(history, start=1):
            commit(lake, rows)
            if number == batch:
                assert read(lake, as_of, None) == expected
        assert read(lake, as_of, batch) == expected

        lake.compact()
        lake.vacuum(0)

        assert read(lake, as_of, batch) == expected
        assert read_history(lake, as_of, batch) == [row[:2] + row[3:] for row in expected]


def read(lake: DeltaLake, as_of: datetime, batch: int | None) -> list[tuple[Any, ...]]:
    frame = lake.table("contacts", as_of=as_of, batch=batch)
    columns = ["contact_id", "account_id", "name", "recorded_at", "batch"]
    return list(frame[columns].itertuples(index=False, name=None))


def read_history(lake: DeltaLake, as_of: datetime, batch: int) -> list[tuple[Any, ...]]:
    with lake.connect(batch) as con:
        rows = con.execute(
            f"SELECT contact_id, account_id, recorded_at, batch FROM {in_force('contacts', as_of)} ORDER BY contact_id"
        ).fetchall()
    return [(contact, account, recorded.replace(tzinfo=UTC), batch) for contact, account, recorded, batch in rows]
