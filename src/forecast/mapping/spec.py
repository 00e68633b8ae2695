"""The mapping file: what an export holds and how its rows become canonical tables, as a checked value."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from forecast.errors import InvalidInput
from forecast.money import is_currency
from forecast.periods import parse_moment, start_of_day, time_zone
from forecast.schema import TABLES

_KEYS = (
    "source", "timezone", "currency", "stages", "inputs", "tables", "at_creation", "series", "quarantine", "ignore",
    "id_prefix", "exported_at", "personal", "filled",
)  # fmt: skip
_INPUT_KEYS = ("file", "url", "url_env", "query", "encoding", "sheet")
#: What only the end of a lead or opportunity reveals; no mapping may declare it known at creation.
_KNOWN_AT_THE_END = ("closed_at", "converted_at", "outcome", "lost_reason", "deleted_at", "merged_into")
_DEFAULT_QUARANTINE = 0.01
#: When a field is filled: with its row, while a case is open, or with its end.
FILLED = ("creation", "open", "closing")


@dataclass(frozen=True)
class Input:
    """Where one input comes from: files, or the result of a query to a database."""

    name: str
    file: str | None = None  # path or glob, relative to the data folder
    url: str | None = None  # SQLAlchemy URL
    url_env: str | None = None  # environment variable that holds the URL
    query: str | None = None
    encoding: str | None = None  # of a csv or jsonl; detected when absent
    sheet: str | None = None  # of an xlsx; the first when absent


@dataclass(frozen=True)
class MappingSpec:
    """A parsed mapping file; every name in it has been checked.

    Attributes
    ----------
    name : str
        Name of the file, for messages and for finding its quarantined rows again.
    tables : mapping of canonical table to DuckDB SQL
    at_creation : mapping of table to column names known when the entity was created (no ``recorded_at``)
    quarantine : float in [0, 1]
        Share of rejected rows above which an ingest fails.
    ignore : mapping of table to volatile columns; a change in these alone is no new version
    exported_at : datetime, optional
        When a current-state export was taken: "the import" of rows without ``recorded_at``. Default: now.
    personal : mapping of table to attributes that hold personal data
    filled : mapping of table to when a column is filled, one of `FILLED` by name; what is filled at closing is no
        feature, what is filled before raises no alarm of the leak hunter
    """

    name: str
    source: str
    inputs: Mapping[str, Input]
    tables: Mapping[str, str]
    timezone: str = "UTC"
    currency: str | None = None
    stages: tuple[str, ...] = ()
    at_creation: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    series: tuple[str, ...] = ()
    quarantine: float = _DEFAULT_QUARANTINE
    ignore: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    id_prefix: str = ""
    exported_at: datetime | None = None
    personal: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    filled: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of times without an offset."""
        return time_zone(self.timezone)


def parse_mapping(document: str | Mapping[str, Any], name: str = "mapping") -> MappingSpec:
    """Read and check a mapping.

    Parameters
    ----------
    document : str or mapping
        YAML text, or what it would load to.
    name : str
        Name of the file, for messages.

    Raises
    ------
    InvalidInput
        One line: the file and key, what came, what to do.
    """
    raw = _load(document, name) if isinstance(document, str) else document
    if not isinstance(raw, Mapping):
        raise InvalidInput(
            f"{name}: a mapping file must be YAML with keys such as source and tables, got {_kind(raw)}."
        )
    _refuse_unknown(raw, _KEYS, name)
    for key in ("source", "inputs", "tables"):
        if not raw.get(key):
            raise InvalidInput(f"{name}: {key} is missing; {_REMEDIES[key]}.")
    inputs = {key: _input(f"{name}: inputs.{key}", key, value) for key, value in _section(raw, "inputs", name).items()}
    tables = {
        table: _text(f"{name}: tables.{_table(f'{name}: tables', table)}", query)
        for table, query in _section(raw, "tables", name).items()
    }
    spec = MappingSpec(
        name=name,
        source=_text(f"{name}: source", raw["source"]),
        inputs=inputs,
        tables=tables,
        timezone=_zone(f"{name}: timezone", raw.get("timezone", "UTC")),
        currency=_currency(f"{name}: currency", raw.get("currency")),
        stages=_names(f"{name}: stages", raw.get("stages")),
        at_creation=_columns_by_table(f"{name}: at_creation", raw.get("at_creation"), tables),
        series=_names(f"{name}: series", raw.get("series")),
        quarantine=_share(f"{name}: quarantine", raw.get("quarantine", _DEFAULT_QUARANTINE)),
        ignore=_ignored(f"{name}: ignore", raw.get("ignore"), tables),
        id_prefix=_text(f"{name}: id_prefix", raw["id_prefix"]) if raw.get("id_prefix") else "",
        exported_at=_moment(f"{name}: exported_at", raw.get("exported_at"), raw.get("timezone", "UTC")),
        personal=_columns_by_table(f"{name}: personal", raw.get("personal"), tables),
        filled=_filled(f"{name}: filled", raw.get("filled"), tables),
    )
    _refuse_hindsight(spec)
    return spec


_REMEDIES = {
    "source": "name the system the rows come from, e.g. `source: crm`",
    "inputs": "name at least one file or query, e.g. `inputs: {deals: {file: deals.csv}}`",
    "tables": "give one query per canonical table, e.g. `tables: {leads: select ... from deals}`",
}


def _load(text: str, name: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be read"
        raise InvalidInput(f"{name} is not valid YAML{place}: {problem}; quote text that holds ':' or '#'.") from None
    except ValueError as error:  # a date such as 2017-13-01
        raise InvalidInput(f"{name} is not valid YAML: {error}; quote the value or correct it.") from None


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {value!r:.60}"


def suggestion(name: str, known: tuple[str, ...]) -> str:
    """`` (did you mean 'x'?)`` for a likely misspelling, else empty."""
    close = get_close_matches(str(name), known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _refuse_unknown(raw: Mapping[Any, Any], known: tuple[str, ...], place: str) -> None:
    for key in raw:
        if key not in known:
            hint = suggestion(str(key), known)
            raise InvalidInput(f"{place}: key {key!r} is unknown{hint}; the keys are {', '.join(known)}.")


def _section(raw: Mapping[str, Any], key: str, name: str) -> dict[str, Any]:
    value = raw[key]
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{name}: {key} must map names to values, got {_kind(value)}; {_REMEDIES[key]}.")
    return {str(part): inner for part, inner in value.items()}


def _table(place: str, table: str) -> str:
    if table not in TABLES:
        hint = suggestion(table, tuple(TABLES))
        raise InvalidInput(f"{place}: table {table!r} is unknown{hint}; the canonical tables are {', '.join(TABLES)}.")
    return table


def _text(place: str, value: Any) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool) or not str(value).strip():
        raise InvalidInput(f"{place} must be text, got {_kind(value)}; quote it if it is meant so.")
    return str(value).strip()


def _names(place: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{place} must be a list such as [a, b], got {_kind(value)}; put it in brackets.")
    names = tuple(_text(place, part) for part in value)
    if len(set(names)) < len(names):
        raise InvalidInput(f"{place} names something twice: {list(names)}; keep each once.")
    return names


def _zone(place: str, value: Any) -> str:
    try:
        return time_zone(_text(place, value)).key
    except InvalidInput as error:
        raise InvalidInput(f"{place}: {error}") from None


def _currency(place: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not is_currency(value):
        raise InvalidInput(f"{place}: currency {value!r} is unknown; use an ISO 4217 code such as 'EUR' or 'CNY'.")
    return value


def _share(place: str, value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not 0 <= value <= 1:
        raise InvalidInput(f"{place} must be a share of rows between 0 and 1, got {value!r}; 0.01 is one in a hundred.")
    return float(value)


def _moment(place: str, value: Any, zone: Any) -> datetime | None:
    if value is None:
        return None
    tz = time_zone(str(zone))
    if isinstance(value, datetime):
        # YAML loaders turn a time with an offset into UTC without saying so, but keep one without an offset as it is
        return (value if value.tzinfo else value.replace(tzinfo=tz)).astimezone(UTC)
    if isinstance(value, date):
        return start_of_day(value, tz)
    try:
        return parse_moment(str(value), tz)
    except InvalidInput as error:
        raise InvalidInput(f"{place}: {error}") from None


def _columns_by_table(place: str, value: Any, tables: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput(
            f"{place} must map tables to lists of columns, got {_kind(value)}; e.g. {{leads: [channel]}}."
        )
    for table in value:
        if _table(place, str(table)) not in tables:
            raise InvalidInput(f"{place}: table {table!r} has no query under tables; add one or leave it out here.")
    return {str(table): _names(f"{place}.{table}", columns) for table, columns in value.items()}


def _ignored(place: str, value: Any, tables: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Volatile columns: one list for all tables, or one per table."""
    if isinstance(value, list | tuple):
        columns = _names(place, value)
        return dict.fromkeys(tables, columns)
    return _columns_by_table(place, value, tables)


def _filled(place: str, value: Any, tables: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """When columns are filled, by table and name."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(columns, Mapping) for columns in value.values()):
        raise InvalidInput(
            f"{place} must map tables to columns and when they are filled, got {_kind(value)}; "
            "e.g. {leads: {industry: creation}}."
        )
    _columns_by_table(place, {table: list(columns) for table, columns in value.items()}, tables)
    for table, columns in value.items():
        for column, when in columns.items():
            if when not in FILLED:
                raise InvalidInput(
                    f"{place}.{table}.{column}: {when!r} is no time{suggestion(str(when), FILLED)}; "
                    f"use one of {', '.join(FILLED)}."
                )
    return {str(table): {str(name): str(when) for name, when in columns.items()} for table, columns in value.items()}


def _input(place: str, name: str, value: Any) -> Input:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{place} must be {{file: ...}} or {{url_env: ..., query: ...}}, got {_kind(value)}.")
    _refuse_unknown(value, _INPUT_KEYS, place)
    given = Input(name, **{key: _text(f"{place}.{key}", part) for key, part in value.items()})
    addresses = [key for key in ("file", "url", "url_env") if value.get(key)]
    if len(addresses) != 1:
        raise InvalidInput(f"{place} must have exactly one of file, url, url_env, got {addresses or 'none'}.")
    if given.file is None and given.query is None:
        raise InvalidInput(f"{place}.query is missing; say what to read, e.g. `query: select * from deals`.")
    if given.file is not None and given.query is not None:
        raise InvalidInput(f"{place}.query belongs to a database; a file is queried under tables.")
    return given


def _refuse_hindsight(spec: MappingSpec) -> None:
    for table, columns in spec.at_creation.items():
        for column in columns:
            if column in _KNOWN_AT_THE_END:
                raise InvalidInput(
                    f"{spec.name}: at_creation.{table}: {column!r} is known only at the end, never at creation; "
                    "take it out of the list."
                )
    for table, declared in spec.filled.items():
        for column, when in declared.items():
            if when != "closing" and column in _KNOWN_AT_THE_END:
                raise InvalidInput(
                    f"{spec.name}: filled.{table}: {column!r} is known only at the end, got {when!r}; "
                    "say closing, or leave it out."
                )
            if when != "creation" and column in spec.at_creation.get(table, ()):
                raise InvalidInput(
                    f"{spec.name}: filled.{table}: {column!r} is listed under at_creation too, got {when!r}; "
                    "take it out of one of the two."
                )
