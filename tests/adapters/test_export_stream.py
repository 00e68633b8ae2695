import io
from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forecast.adapters.export_stream import csv_stream, parquet_stream

SCHEMA = pa.schema([("name", pa.string()), ("change", pa.float64())])


def _batches(n: int = 3) -> Iterator[pa.RecordBatch]:
    for part in range(n):
        yield pa.RecordBatch.from_pydict({"name": [f"a{part}", None], "change": [-0.5, None]}, schema=SCHEMA)


def test_csv_spares_numbers_and_defuses_formulas() -> None:
    risky = ["=1+1", "+49", "-2", "@x", "\tx", "\rx", "a=b", "上海", '"q"']
    batch = pa.RecordBatch.from_pydict({"name": risky, "change": [-0.5] * len(risky)}, schema=SCHEMA)

    text = b"".join(csv_stream(SCHEMA, [batch], bom=True))

    assert text.startswith(b"\xef\xbb\xbf")
    read = pd.read_csv(io.BytesIO(text), encoding="utf-8-sig")
    assert read["name"].tolist() == ["'=1+1", "'+49", "'-2", "'@x", "'\tx", "'\rx", "a=b", "上海", '"q"']
    assert read["change"].tolist() == [-0.5] * len(risky)


def test_streams_hand_on_each_part_before_they_ask_for_the_next() -> None:
    for stream in (csv_stream, parquet_stream):
        asked: list[int] = []

        def parts(asked: list[int] = asked) -> Iterator[pa.RecordBatch]:
            for number, batch in enumerate(_batches()):
                asked.append(number)
                yield batch

        content = stream(SCHEMA, parts())
        first = next(content)

        assert first
        assert len(asked) <= 1
        assert b"".join(content)
        assert asked == [0, 1, 2]


def test_parquet_holds_all_parts() -> None:
    content = b"".join(parquet_stream(SCHEMA, _batches()))

    table = pq.read_table(io.BytesIO(content))

    assert table["name"].to_pylist() == ["a0", None, "a1", None, "a2", None]
