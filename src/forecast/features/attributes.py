"""What the entity is: its own fields and typed attributes, its account's and its product's, as known at ``as_of``.

Ids, names and free text are no features. Amounts are in their own currency, which is a feature beside them. Moments
become days before ``as_of``. Of a text field the 50 values known first are categories, later ones are ``(other)``;
an attribute nearly unique per entity (a name, an id, a remark) is left out.
"""

from collections.abc import Iterable
from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection, DuckDBPyRelation

from forecast.features.columns import capped, first_values, quoted, slug
from forecast.features.links import accounts_at
from forecast.features.spine import Spine, fetch, scored_table, states
from forecast.history import sql_moment
from forecast.schema import TABLES

#: Canonical fields that are features, with how they are read: as a number, a category, or days before ``as_of``.
FIELDS = {
    "opportunities": {"amount": "number", "currency": "category", "forecast_category": "category"},
    "leads": {"channel": "category"},
    "accounts": {
        "industry": "category",
        "size": "number",
        "region": "category",
        "country": "category",
        "created_at": "days_since",
    },
    "products": {"category": "category", "list_price": "number"},
}
#: What an attribute is, is judged on the versions known first, so that more data does not change it.
JUDGED_VERSIONS, JUDGED_VALUES = 5_000, 500_000
MAX_ATTRIBUTES = 200
#: Text with more distinct values than this share of the entities that have it is no category.
NEARLY_UNIQUE = 0.5
_MOMENT = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}(:?\d{2})?)?"

#: Name after the family, kind, effort; see `forecast.features.describe`. What anybody could type is marked so.
DESCRIBED = (
    ("account__(industry|region|country)", "category", "hard"),
    ("account__(size|age_days)", "number", "hard"),
    (r"(\w+__)?\w+__category|currency|forecast_category|channel|product__category", "category", "typed"),
    (r"(\w+__)?\w+__is_true", "boolean", "typed"),
    (r"(\w+__)?\w+(__days_since)?", "number", "typed"),
)


def build(con: DuckDBPyConnection, spine: Spine) -> DuckDBPyRelation:
    """The fields and attributes of each spine row's entity, account and product.

    Parameters
    ----------
    con : DuckDB connection
    spine : str
        Name of a spine table, see `create_spine`.

    Returns
    -------
    relation
        ``entity_id``, ``as_of``, ``attributes__…``.
    """
    entity, moment = spine.entity, spine.last_moment
    cases, accounts = states(con, spine), accounts_at(con, spine)
    sources = [
        (scored_table(entity)[0], "", "s.entity_id", f"SELECT entity_id FROM {spine}"),
        ("accounts", "account__", "a.account_id", f"SELECT account_id FROM {accounts}"),
    ]
    if entity == "opportunity":
        sources.append(("products", "product__", "s.product_id", f"SELECT product_id FROM {cases}"))
    selected, joins = [], []
    for table, prefix, reference, wanted in sources:
        fields = _fields(con, table, moment)
        _create_typed(con, table, fields, moment, wanted)
        selected += [
            f'{_feature(f"{table}_v.f{i}", kind)} AS "{_name(prefix, field, kind, custom)}"'
            for i, (field, kind, custom) in enumerate(fields)
        ]
        joins.append(
            f"LEFT JOIN _typed_{table} {table}_v ON {table}_v.id = {reference} "
            f"AND {table}_v.known_from < s.as_of AND s.as_of <= {table}_v.known_to"
        )
    return con.sql(
        f"SELECT s.entity_id, s.as_of, {', '.join(selected)} FROM {cases} s "
        f"LEFT JOIN {accounts} a ON a.row = s.row {' '.join(joins)}"
    )


def _feature(column: str, kind: str) -> str:
    return f"(epoch_us(s.as_of) - epoch_us({column})) / 86400e6" if kind == "days_since" else column


def _name(prefix: str, field: str, kind: str, custom: bool) -> str:
    """A custom attribute's name says what it is read as, so that a model never meets another kind under it."""
    suffix = {"number": "", "category": "__category", "is_true": "__is_true", "days_since": "__days_since"}[kind]
    if not custom:
        return f"attributes__{prefix}{'age_days' if field == 'created_at' else field}"
    return f"attributes__{prefix}{slug(field)}{suffix}"


def _fields(con: DuckDBPyConnection, table: str, moment: datetime) -> list[tuple[str, str, bool]]:
    """(field, kind, whether it is a custom attribute) of every feature column of a table."""
    canonical = [(field, kind, False) for field, kind in FIELDS[table].items()]
    taken = {slug(field) for field in TABLES[table].by_name}
    custom: list[tuple[str, str, bool]] = []
    for field, kind in _attribute_kinds(con, table, moment).items():
        if slug(field) not in taken and len(custom) < MAX_ATTRIBUTES:
            taken.add(slug(field))
            custom.append((field, kind, True))
    return canonical + custom


def _attribute_kinds(con: DuckDBPyConnection, table: str, moment: datetime) -> dict[str, str]:
    """How each attribute of a table is read, judged on its first values known before ``moment``."""
    key = TABLES[table].key[0]
    known = f"FROM {table} WHERE attributes IS NOT NULL AND known_from < known_to AND known_from < {sql_moment(moment)}"
    values = _attribute_values(
        con,
        f"(SELECT id, attributes FROM (SELECT {key} AS id, known_from, attributes {known} "
        f"ORDER BY known_from, id LIMIT {JUDGED_VERSIONS}) "
        f"QUALIFY sum(len(json_keys(attributes))) OVER (ORDER BY known_from, id) <= {JUDGED_VALUES})",
    )
    catalogue = con.sql(f"SELECT name FROM attribute_catalogue WHERE table_name = '{table}'").fetchall()
    if later := sorted({row[0] for row in catalogue} - set(values["name"])):  # look for these everywhere
        values = pd.concat([values, _attribute_values(con, f"(SELECT {key} AS id, attributes {known})", later)])
    kinds = dict(zip(values["name"], values["kind"], strict=True))
    return {name: kind for name, kind in kinds.items() if kind != "left_out"}


def _attribute_values(con: DuckDBPyConnection, rows: str, names: list[str] | None = None) -> pd.DataFrame:
    """``name``, ``kind`` of every attribute (or of those named) with a value in the rows, sorted by name."""
    keys = "json_keys(attributes)"
    if names is not None:
        keys = f"list_intersect({keys}, [{', '.join(quoted(name) for name in names)}])"
    return fetch(
        con,
        f"""
        WITH names AS (SELECT id, attributes, unnest({keys}) AS name FROM {rows}),
        values AS (
            SELECT id, name, json_type(attributes, pointer) AS type, json_extract_string(attributes, pointer) AS value
            FROM (SELECT *, '/' || replace(replace(name, '~', '~0'), '/', '~1') AS pointer FROM names)
        )
        SELECT name, CASE
            WHEN bool_and(type = 'BOOLEAN') THEN 'is_true'
            WHEN bool_and(type IN ('UBIGINT', 'BIGINT', 'HUGEINT', 'DOUBLE')) THEN 'number'
            WHEN bool_or(type IN ('ARRAY', 'OBJECT')) THEN 'left_out'
            WHEN bool_and(regexp_full_match(value, '{_MOMENT}') AND TRY_CAST(value AS TIMESTAMPTZ) IS NOT NULL)
                THEN 'days_since'
            WHEN count(DISTINCT id) >= 20 AND count(DISTINCT value) > {NEARLY_UNIQUE} * count(DISTINCT id)
                THEN 'left_out'
            ELSE 'category' END AS kind
        FROM values WHERE value IS NOT NULL AND value <> '' GROUP BY name ORDER BY name
        """,
    )


def _create_typed(
    con: DuckDBPyConnection, table: str, fields: list[tuple[str, str, bool]], moment: datetime, wanted: str
) -> None:
    """Register ``_typed_<table>``: versions of wanted ids known before ``moment``, each field read as its kind."""
    key, known = TABLES[table].key[0], f"known_from < {sql_moment(moment)} AND known_from < known_to"
    kept = _first_categories(con, table, fields, moment, known)
    pointers = _pointers(field for field, _, custom in fields if custom)
    texts = iter(f"texts[{i + 1}]" for i in range(len(fields)))
    columns = [(_read(next(texts) if custom else field, kind, custom), kind) for field, kind, custom in fields]
    shown = [
        f"{capped(column, kept[i]) if kind == 'category' else column} AS f{i}"
        for i, (column, kind) in enumerate(columns)
    ]
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _typed_{table} AS SELECT {key} AS id, known_from, known_to, {', '.join(shown)} "
        f"FROM (SELECT *, json_extract_string(attributes, {pointers}) AS texts FROM {table} "
        f"WHERE {known} AND {key} IN ({wanted}))"
    )


def _first_categories(
    con: DuckDBPyConnection, table: str, fields: list[tuple[str, str, bool]], moment: datetime, known: str
) -> dict[int, list[str]]:
    """The values known first of every category, by its place among the fields."""
    categories = {i: (field, custom) for i, (field, kind, custom) in enumerate(fields) if kind == "category"}
    kept = {i: first_values(con, table, field, moment) for i, (field, custom) in categories.items() if not custom}
    typed = {i: field for i, (field, custom) in categories.items() if custom}
    if typed:  # read out of the JSON once, not once for each attribute
        texts = ", ".join(f"texts[{n + 1}] AS f{i}" for n, i in enumerate(typed))
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE _texts AS SELECT known_from, known_to, {texts} FROM (SELECT *, "
            f"json_extract_string(attributes, {_pointers(typed.values())}) AS texts FROM {table} WHERE {known})"
        )
        kept |= {i: first_values(con, "_texts", f"f{i}", moment) for i in typed}
        con.execute("DROP TABLE _texts")
    return kept


def _pointers(fields: Iterable[str]) -> str:
    """SQL list of JSON pointers to attributes."""
    pointers = (quoted("/" + field.replace("~", "~0").replace("/", "~1")) for field in fields)
    return f"[{', '.join(pointers)}]::VARCHAR[]"


def _read(value: str, kind: str, custom: bool) -> str:
    """SQL expression of a field, or of the text of an attribute, read as its kind; NULL where it does not fit."""
    if not custom:
        return f"CAST({value} AS DOUBLE)" if kind == "number" else value
    return {
        "number": f"TRY_CAST({value} AS DOUBLE)",
        "is_true": f"CAST(TRY_CAST({value} AS BOOLEAN) AS DOUBLE)",
        "days_since": f"make_timestamp(epoch_us(TRY_CAST({value} AS TIMESTAMPTZ)))",  # heeds the offset; default UTC
        "category": value,
    }[kind]
