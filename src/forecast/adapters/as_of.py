"""One reading of one table as of one moment: the versions in force, as a frame.

The same answer as `forecast.history.in_force` over the whole history, without building the history.
"""

from collections.abc import Mapping
from datetime import datetime

import pandas as pd
import pyarrow as pa

from forecast.adapters.delta import relation, sql_name, sql_text
from forecast.adapters.layout import PERSONAL, Files, columns_of
from forecast.history import naive_utc, open_connection
from forecast.schema import TABLES, Kind

#: The order in which versions supersede each other, as `forecast.history.VERSION_ORDER`; batch and row name a version.
_ORDER = ("recorded_at", "batch", "row")
_SYSTEM = ("source", "recorded_at", "batch")
_PANDAS_TYPES = {
    Kind.TEXT: "object",
    Kind.INTEGER: "Int64",
    Kind.NUMBER: "float64",
    Kind.MONEY: "float64",
    Kind.TIMESTAMP: "datetime64[us, UTC]",
    Kind.DATE: "datetime64[us]",
}
_ATTRIBUTE_TYPES = {
    "text": ("VARCHAR", "object"),
    "number": ("DOUBLE", "float64"),
    "boolean": ("BOOLEAN", "boolean"),
    "timestamp": ("TIMESTAMP", "datetime64[us, UTC]"),
}
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def read_in_force(
    table: str,
    files: Mapping[str, Files],
    catalogue: Mapping[str, str],
    *,
    as_of: datetime | None,
    batch: int | None,
) -> pd.DataFrame:
    """The frame that `forecast.adapters.lake.DeltaLake.table` describes.

    Parameters
    ----------
    table : str
        Canonical table name.
    files : mapping of table name to its parquet files
        At least of this table and of the personal columns, if they have any.
    catalogue : mapping of attribute name to type
    as_of : datetime, optional
    batch : int, optional
    """
    rows = _in_force(table, files.get(table, ()), as_of, batch)
    if TABLES[table].personal:
        rows += f" LEFT JOIN {_personal(table, files.get(PERSONAL, ()))} USING (personal_id)"
    names = {kind: sorted(name for name in catalogue if catalogue[name] == kind) for kind in _ATTRIBUTE_TYPES}
    lists = [_list(kind, names[kind]) for kind in _ATTRIBUTE_TYPES if names[kind]]
    with open_connection() as con:
        query = f"SELECT {', '.join([*_own(table), *_SYSTEM, *lists])} FROM {rows} ORDER BY {_key(table)}"
        found = con.sql(query).to_arrow_table()
    types = {name: _PANDAS_TYPES[column.kind] for name, column in TABLES[table].by_name.items()}
    types |= {"source": "object", "recorded_at": _PANDAS_TYPES[Kind.TIMESTAMP], "batch": "int64"}
    series = {name: _typed(found[name], kind) for name, kind in types.items()}
    attributes: dict[str, pd.Series] = {}
    for kind, chosen in names.items():
        if chosen:
            values = _typed(found[f"_{kind}"].combine_chunks().flatten(), _ATTRIBUTE_TYPES[kind][1])
            attributes |= {name: values.iloc[place :: len(chosen)] for place, name in enumerate(chosen)}
    series |= {
        label: attributes[name].reset_index(drop=True) for name, label in _labels(sorted(attributes), [*types]).items()
    }
    return pd.concat(series, axis=1)


def _in_force(table: str, files: Files, as_of: datetime | None, batch: int | None) -> str:
    """SQL table expression: the last visible version of each id, unless it says that the id is gone.

    The last versions are found by a few columns first, so that the wide ones are read for these alone.
    """
    conditions = []
    if as_of is not None:
        conditions.append(f"recorded_at < TIMESTAMPTZ '{naive_utc(as_of):%Y-%m-%d %H:%M:%S.%f}+00'")
    if batch is not None:
        conditions.append(f"batch <= {int(batch)}")
    where = " AND ".join(conditions)
    columns = columns_of(table)
    order = {name: columns[name] for name in (*TABLES[table].key, *_ORDER, "deleted_at", "merged_into")}
    last = ", ".join(f'{name}: "{name}"' for name in _ORDER)
    return (
        f"(FROM {relation(files, columns, where=where)} SEMI JOIN (SELECT last.batch, last.row FROM (SELECT "
        f"max({{{last}, gone: deleted_at IS NOT NULL OR merged_into IS NOT NULL}}) AS last "
        f"FROM {relation(files, order, where=where)} GROUP BY {_key(table)}) WHERE NOT last.gone) USING (batch, row))"
    )


def _key(table: str) -> str:
    return ", ".join(sql_name(name) for name in TABLES[table].key)


def _personal(table: str, files: Files) -> str:
    rows = relation(files, columns_of(PERSONAL))
    return f"(SELECT personal_id, content FROM {rows} WHERE table_name = {sql_text(table)})"


def _own(table: str) -> list[str]:
    """The table's own columns in SQL."""
    return [
        f"json_extract_string(content, '$.{name}') AS {sql_name(name)}"
        if column.personal
        else f"CAST({sql_name(name)} AS DOUBLE) AS {sql_name(name)}"
        if column.kind is Kind.MONEY
        else sql_name(name)
        for name, column in TABLES[table].by_name.items()
    ]


def _list(kind: str, names: list[str]) -> str:
    """All attributes of one type as one list per row: thousands of columns would be slow to plan."""
    paths = ", ".join(sql_text(_pointer(name)) for name in names)
    values = f"json_extract_string(coalesce(attributes, '{{}}'), [{paths}])"
    return f"list_transform({values}, lambda x: TRY_CAST(x AS {_ATTRIBUTE_TYPES[kind][0]})) AS _{kind}"


def _pointer(name: str) -> str:
    """JSON pointer to a member of any name (a JSON path cannot quote quotes)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _labels(attributes: list[str], columns: list[str]) -> dict[str, str]:
    """Column name of each attribute, beside the other columns."""
    taken, labels = {*columns, *attributes}, {}
    for name in attributes:
        label = name
        while label in columns or (label != name and label in taken):
            label += "_attribute"
        taken.add(label)
        labels[name] = label
    return labels


def _typed(column: pa.ChunkedArray, kind: str) -> pd.Series:
    """The column in a fixed type, which does not depend on whether a value is missing."""
    values: pd.Series = column.to_pandas(date_as_object=False, types_mapper=_NULLABLE.get)
    if kind == "datetime64[us, UTC]":
        return values.astype("datetime64[us]").dt.tz_localize("UTC")
    typed: pd.Series = values.astype(pd.api.types.pandas_dtype(kind))
    return typed
