"""Rows of one canonical table as a query gave them: which columns are the table's own, which are attributes."""

from collections.abc import Mapping
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.mapping.attributes import infer_types, widen
from forecast.mapping.queries import ROW
from forecast.mapping.spec import MappingSpec, suggestion
from forecast.schema import TABLES, Kind, Table

#: Columns of every table that a query may give beside the table's own.
CLOCKS = {"recorded_at": Kind.TIMESTAMP, "deleted_at": Kind.TIMESTAMP, "merged_into": Kind.TEXT}
_SERIES_TABLES = ("demand", "drivers")


@dataclass(frozen=True)
class Source:
    """Rows of one canonical table as a mapping's query gave them, and what their columns are.

    Attributes
    ----------
    relation : str
        Name of the relation with the rows as they came and their number ``_row``.
    own : mapping of canonical column (its own and `CLOCKS`) to (source column, DuckDB type)
    attributes : mapping of other columns to their DuckDB type
    types : mapping of attribute to its type, those without any value left out
    series : keys of a series, from which ``unique_id`` is made
    """

    table: Table
    relation: str
    own: Mapping[str, tuple[str, str]]
    attributes: Mapping[str, str]
    types: Mapping[str, str]
    series: Mapping[str, str]

    @property
    def checked(self) -> str:
        """Relation of the typed rows with the first local rule that each breaks in ``reason``."""
        return f"checked_{self.table.name}"

    @property
    def rejected(self) -> str:
        """Relation of (``_row``, ``reason``)."""
        return f"rejected_{self.table.name}"

    @property
    def accepted(self) -> str:
        """Relation of the typed rows that break no rule."""
        return f"accepted_{self.table.name}"

    @property
    def recorded(self) -> bool:
        """Whether the source says when each version became known."""
        return "recorded_at" in self.own

    @property
    def present(self) -> list[str]:
        """Canonical columns that the rows have, but ``recorded_at``; in the schema's order."""
        given = {*self.own, *(["unique_id"] if self.series else []), *(["currency"] if self._defaulted else [])}
        return [name for name in (*self.table.by_name, "deleted_at", "merged_into") if name in given]

    @property
    def _defaulted(self) -> bool:
        return "currency" in self.table.by_name and "currency" not in self.table.key

    def kind(self, column: str) -> Kind:
        """Kind of a canonical column or clock."""
        return CLOCKS.get(column) or self.table.by_name[column].kind


def describe(
    con: DuckDBPyConnection,
    spec: MappingSpec,
    table: str,
    relation: str,
    known_types: Mapping[str, str],
    *,
    empty: bool,
) -> Source:
    """Tell the columns of a query's result apart and type its attributes.

    Parameters
    ----------
    con : DuckDB connection
    spec : MappingSpec
    table : str
        Canonical table.
    relation : str
        Rows as the query gave them.
    known_types : mapping
        The attribute catalogue so far.
    empty : bool
        Whether the lake has no rows of the table, so that no column can be carried forward.

    Raises
    ------
    InvalidInput
        If a key column is missing, a required one that nothing can fill, or a column that ``at_creation``, ``ignore``,
        ``filled`` or ``personal`` names.
    """
    schema = TABLES[table]
    names = {**schema.by_name, **CLOCKS}
    described = con.execute(f"DESCRIBE {relation}").fetchall()
    columns = {name: duckdb_type for name, duckdb_type, *_ in described if name != ROW}
    own = {name.lower(): (name, type_) for name, type_ in columns.items() if name.lower() in names}
    by_series = spec.series if table in _SERIES_TABLES and "unique_id" not in own else ()
    series = {name: columns[name] for name in by_series if name in columns}
    # The rewritable table has no place for attributes yet, and the fact tables must not have it: they are left out.
    apart = {*series, *spec.personal.get(table, ())}
    others = {name: type_ for name, type_ in columns.items() if name.lower() not in names and name not in apart}
    place = f"{spec.name}: tables.{table}"
    required = [column.name for column in schema.columns if column.required and (empty or column.name in schema.key)]
    missing = [name for name in (*schema.key, *required) if name not in own and not (name == "unique_id" and series)]
    if by_series and len(series) < len(by_series):
        missing = [name for name in by_series if name not in series]
    if missing:
        hints = suggestion(missing[0], tuple(columns))
        raise InvalidInput(
            f"{place}: the query has no column {missing[0]!r}{hints}; it has {_few(columns)}. "
            f"Add `... as {missing[0]}`."
        )
    named = {table: tuple(columns) for table, columns in spec.filled.items()}
    for key, listed in (("at_creation", spec.at_creation), ("personal", spec.personal), ("filled", named)):
        for name in listed.get(table, ()):
            if name not in own and name not in columns:
                hints = suggestion(name, tuple(columns))
                raise InvalidInput(
                    f"{spec.name}: {key}.{table}: the query has no column {name!r}{hints}; it has {_few(columns)}."
                )
    if "attributes" in {name.lower() for name in others}:
        raise InvalidInput(f"{place}: the column name 'attributes' is taken; select it under another name.")
    types = widen(known_types, infer_types(con, relation, others, spec.zone))
    return Source(schema, relation, own, others, types, series)


def _few(columns: Mapping[str, str]) -> str:
    names = list(columns)
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
