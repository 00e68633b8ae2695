"""Tables to CSV or Parquet as a stream of bytes: however long the table, only one part of it is in memory."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from forecast.adapters.exports import FORMULA

#: What tells a spreadsheet that a CSV file is UTF-8.
BOM = b"\xef\xbb\xbf"

_BEGINS_A_FORMULA = "^[" + "".join(rf"\x{ord(character):02x}" for character in FORMULA) + "]"


class _Sink:
    """A file that is only written to, and whose content is taken away again and again."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def take(self) -> bytes:
        """What was written since."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def csv_stream(schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, bom: bool = False) -> Iterator[bytes]:
    """CSV with a header, UTF-8, ``\\n`` at the end of lines.

    A text that a spreadsheet would run as a formula gets a leading apostrophe; numbers stay as they are.

    Parameters
    ----------
    schema : Schema
        Of every batch.
    bom : bool
        Begin with a mark by which spreadsheets know UTF-8, so that they read Chinese.
    """
    sink = _Sink()
    if bom:
        sink.write(BOM)
    with pa.PythonFile(sink, "w") as file, pcsv.CSVWriter(file, schema) as writer:
        yield sink.take()
        for batch in batches:
            writer.write_batch(_without_formulas(batch))
            yield sink.take()
    yield sink.take()


def parquet_stream(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Parquet, one row group for each batch."""
    sink = _Sink()
    with pa.PythonFile(sink, "w") as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield sink.take()
    yield sink.take()


def _without_formulas(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [_harmless(column) if pa.types.is_string(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _harmless(texts: pa.Array) -> pa.Array:
    risky = pc.match_substring_regex(texts, _BEGINS_A_FORMULA)
    return pc.if_else(risky, pc.binary_join_element_wise(pa.scalar("'"), texts, ""), texts)
