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
    columns = TABLES[table].by_name
    attributes = sorted(catalogue)
    rows = _in_force(table, files.get(table, ()), as_of, batch)
    if TABLES[table].personal:
        rows += f" LEFT JOIN {_personal(table, files.get(PERSONAL, ()))} USING (personal_id)"
    if attributes:
        paths = ", ".join(sql_text(_pointer(name)) for name in attributes)
        rows = f"(SELECT *, json_extract_string(attributes, [{paths}]) AS _found FROM {rows})"
    selection = _selection(table, [catalogue[name] for name in attributes])
    with open_connection() as con:
        found = con.sql(f"SELECT {selection} FROM {rows} ORDER BY {_key(table)}").to_arrow_table()
    frame = found.to_pandas(date_as_object=False, types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    names = [*columns, *_SYSTEM]
    frame.columns = pd.Index(names + _distinct(attributes, names))
    types = [_PANDAS_TYPES[column.kind] for column in columns.values()] + ["object", "datetime64[us, UTC]", "int64"]
    types += [_ATTRIBUTE_TYPES[catalogue[name]][1] for name in attributes]
    return _typed(frame, types)


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


def _selection(table: str, attribute_types: list[str]) -> str:
    """Own columns, system columns, attributes under their place in the catalogue (names may differ by case only)."""
    own = [
        f"json_extract_string(content, '$.{name}') AS {sql_name(name)}"
        if column.personal
        else f"CAST({sql_name(name)} AS DOUBLE) AS {sql_name(name)}"
        if column.kind is Kind.MONEY
        else sql_name(name)
        for name, column in TABLES[table].by_name.items()
    ]
    found = [
        f"TRY_CAST(_found[{place}] AS {_ATTRIBUTE_TYPES[kind][0]}) AS _{place}"
        for place, kind in enumerate(attribute_types, start=1)
    ]
    return ", ".join([*own, *_SYSTEM, *found])


def _pointer(name: str) -> str:
    """JSON pointer to a member of any name (a JSON path cannot quote quotes)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _distinct(attributes: list[str], taken: list[str]) -> list[str]:
    """Names of the attributes beside other columns."""
    names: list[str] = []
    for attribute in attributes:
        name = attribute
        while name in taken or name in names or (name != attribute and name in attributes):
            name += "_attribute"
        names.append(name)
    return names


def _typed(frame: pd.DataFrame, types: list[str]) -> pd.DataFrame:
    """The frame in fixed types, which do not depend on whether a value is missing."""

    def convert(column: pd.Series, kind: str) -> pd.Series:
        if kind == "datetime64[us, UTC]":
            return column.astype("datetime64[us]").dt.tz_localize("UTC")
        return column.astype(kind)

    return pd.concat([convert(frame.iloc[:, place], kind) for place, kind in enumerate(types)], axis=1)
