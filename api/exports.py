"""Scores as files: every one that was ever given, or the latest ones, as a stream under the rights of who asks."""

from collections.abc import Iterator
from itertools import chain
from typing import Literal

import pandas as pd
import pyarrow as pa
from fastapi.responses import StreamingResponse
from pydantic import Field

from api.queries import RankedFilters
from api.ranked import Ranking
from api.schemas import AsOf, EntityKind
from api.view import View
from forecast.adapters.export_stream import csv_stream, parquet_stream
from forecast.errors import InvalidInput

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}

#: Filters of the list that the score history does not know.
_OF_THE_LIST = sorted(set(RankedFilters.model_fields) - {"owner_id", "team_id"})

_MOMENT = pa.timestamp("us", tz="UTC")
_TYPES = (
    dict.fromkeys(("as_of", "created_at", "previous_as_of"), _MOMENT)
    | dict.fromkeys(
        ("predicted_close_date", "predicted_close_low", "predicted_close_high", "expected_close_date"), pa.date32()
    )
    | dict.fromkeys(
        ("probability", "low", "high", "slip_probability", "amount_if_won", "amount_low", "amount_high", "percentile"),
        pa.float64(),
    )
    | dict.fromkeys(
        ("base", "amount", "amount_reporting", "expected_value", "previous_probability", "change"), pa.float64()
    )
    | {"batch": pa.int64(), "backdated": pa.bool_()}
)


class ExportQuery(RankedFilters):
    """Which scores, and in which form."""

    format: Literal["csv", "parquet"] = "csv"
    latest: bool = Field(default=False, description="The present list, with its filters, in place of every score.")
    entity: EntityKind | None = Field(default=None, description="Only this kind; both by default.")
    since: AsOf | None = Field(default=None, description="Only scores as of this moment or later; not with `latest`.")
    until: AsOf | None = Field(default=None, description="Only scores as of this moment or before; not with `latest`.")
    bom: bool = Field(default=False, description="Begin the CSV with a mark by which Excel knows UTF-8.")


def exported(view: View, query: ExportQuery) -> StreamingResponse:
    """The file."""
    schema, batches = _latest(view, query) if query.latest else _given(view, query)
    content = csv_stream(schema, batches, bom=query.bom) if query.format == "csv" else parquet_stream(schema, batches)
    name = f"{'latest-scores' if query.latest else 'scores'}.{query.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    # What cannot be read fails here, and is answered as an error, not in the middle of a file.
    first = next(content)
    return StreamingResponse(chain([first], content), media_type=MEDIA_TYPES[query.format], headers=headers)


def _given(view: View, query: ExportQuery) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    filters = [name for name in _OF_THE_LIST if getattr(query, name)]
    if filters:
        raise InvalidInput(f"The score history has no {', '.join(filters)}; leave that out, or ask for `latest=true`.")
    since, until = (None if text is None else view.moment(text) for text in (query.since, query.until))
    return view.lists.given(query.entity, Ranking(query.owner_id, query.team_id), since, until)


def _latest(view: View, query: ExportQuery) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    if query.since is not None or query.until is not None:
        raise InvalidInput("`since` and `until` choose from the score history; leave them or `latest` out.")
    asked = Ranking(query.owner_id, query.team_id, query.filter(view.moment), query.q)
    parts = view.lists.latest_parts(query.entity, asked)
    first = next(parts, pd.DataFrame(columns=["entity", "entity_id"]))
    schema = pa.schema([(str(name), _TYPES.get(str(name), _type(str(name)))) for name in first.columns])
    batches = (
        batch
        for part in chain([first], parts)
        for batch in pa.Table.from_pandas(_nullable(part), schema, preserve_index=False).to_batches()
    )
    return schema, batches


def _nullable(part: pd.DataFrame) -> pd.DataFrame:
    """A part whose missing values are None, whatever the column."""
    return part.astype(object).mask(part.isna(), None)


def _type(name: str) -> pa.DataType:
    """Of a column that depends on the settings, or of a text."""
    return pa.float64() if name.startswith("p_") else pa.string()
