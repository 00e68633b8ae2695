"""A first mapping for an export, by the names of its columns and the shapes of their values; for a person to finish."""

from collections.abc import Sequence

from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.mapping.casting import as_kind, as_text, family, identifier, literal
from forecast.mapping.queries import one_row
from forecast.mapping.synonyms import LASTING, LOST, PERSONAL, SYNONYMS, TELLING, WON, plain
from forecast.periods import time_zone
from forecast.schema import TABLES, Kind

_DATE_FORMATS = (
    "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y年%m月%d日", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%d.%m.%Y",
    "%d.%m.%Y %H:%M", "%d-%m-%Y", "%d-%b-%Y",
    "%b %d, %Y", "%b %d, %Y %I:%M %p", "%Y%m%d",
)  # fmt: skip
_MONEY = r"[^0-9A-Za-z]{0,2}-?\d{1,3}(,\d{3})*(\.\d+)?[^0-9A-Za-z]{0,2}"


def draft_mapping(
    con: DuckDBPyConnection, relation: str, file: str, source: str, *, timezone: str = "UTC", currency: str = "EUR"
) -> str:
    """YAML of a mapping that brings the rows of one file into the canonical table that they look like most.

    Parameters
    ----------
    con : DuckDB connection
    relation : str
        Holds the rows of the file.
    file : str
        Name of the file, as the mapping is to give it.
    source : str
        Name of the source.
    timezone, currency : str
        What the draft says of times without an offset, and proposes for amounts without a currency.

    Raises
    ------
    InvalidInput
        If the columns look like no canonical table.
    """
    described = con.execute(f"DESCRIBE {relation}").fetchall()
    columns = {name: duckdb_type for name, duckdb_type, *_ in described}
    table, matched = _best_table(list(columns), file)
    key = TABLES[table].key[0]
    if key not in matched:
        matched[key] = _unique_column(con, relation, columns, taken=list(matched.values()), file=file)
    lines, notes, conditions = [], [], []
    for name in [*TABLES[table].by_name, "recorded_at"]:
        if name in matched:
            kind = Kind.TIMESTAMP if name == "recorded_at" else TABLES[table].by_name[name].kind
            sql, note = _reading(con, relation, matched[name], columns[matched[name]], kind)
            lines.append((name, sql))
            notes += [f"{name}: {note}"] if note else []
    if table == "opportunities":
        lines = _with_outcome(con, relation, matched, columns, dict(lines), notes)
    for column in TABLES[table].columns:
        if not column.required or column.name == key:
            continue
        if column.name not in matched:
            notes.append(f"{column.name}: no column looks like it, and every row needs it; add `... as {column.name}`")
            continue
        text = as_text(matched[column.name], columns[matched[column.name]])
        (missing,) = one_row(con, f"SELECT count(*) - count({text}) FROM {relation}")
        if missing:
            conditions.append(f"{identifier(matched[column.name])} is not null")
            notes.append(f"{column.name}: {missing:,} rows have none and are left out, since every row needs it")
    others = [name for name in columns if name not in matched.values()]
    lines += [(name, identifier(name)) for name in others]
    personal = [name for name in others if any(part in plain(name) for part in PERSONAL)]
    defaults = [f"timezone: {timezone}   # of times without an offset"]
    if "currency" in TABLES[table].by_name:
        defaults.append(f"# currency: {currency}   # of amounts without one")
    recorded = "recorded_at" in matched
    return _yaml(table, file, source, lines, notes, conditions, personal, defaults=defaults, recorded=recorded)


def _best_table(columns: Sequence[str], file: str) -> tuple[str, dict[str, str]]:
    """The canonical table that most columns fit, and which column fits which of its own."""
    best: tuple[int, str, dict[str, str]] = (0, "", {})
    for table, synonyms in SYNONYMS.items():
        matched = _match(columns, synonyms)
        telling = sum(name in matched for name in TELLING[table])
        score = len(matched) + 2 * telling + (3 if table.rstrip("s") in plain(file) else 0)
        if telling and score > best[0]:
            best = (score, table, matched)
    if not best[0]:
        raise InvalidInput(
            f"{file}: its columns ({', '.join(columns[:8])}{', ...' if len(columns) > 8 else ''}) look like none of "
            f"{', '.join(SYNONYMS)}; write the mapping by hand."
        )
    return best[1], best[2]


def _match(columns: Sequence[str], synonyms: dict[str, tuple[str, ...]]) -> dict[str, str]:
    by_plain: dict[str, str] = {}
    for name in columns:
        by_plain.setdefault(plain(name), name)
    matched: dict[str, str] = {}
    for canonical, names in synonyms.items():
        for candidate in (plain(canonical), *names):
            if candidate in by_plain and by_plain[candidate] not in matched.values():
                matched[canonical] = by_plain[candidate]
                break
    return matched


def _unique_column(
    con: DuckDBPyConnection, relation: str, columns: dict[str, str], taken: Sequence[str], file: str
) -> str:
    """The first column that could be a key: a value in every row, and none twice."""
    for name, duckdb_type in columns.items():
        text = as_text(name, duckdb_type)
        rows, distinct = one_row(con, f"SELECT count(*), count(DISTINCT {text}) FROM {relation}")
        if rows == distinct and rows and name not in taken and family(duckdb_type) in ("text", "number"):
            return name
    raise InvalidInput(f"{file} has no column that names each row once; an id is needed to follow a row over time.")


def _reading(con: DuckDBPyConnection, relation: str, name: str, duckdb_type: str, kind: Kind) -> tuple[str, str]:
    """SQL that reads a column as a kind, and a note where a person should look."""
    column, text = identifier(name), as_text(name, duckdb_type)
    if family(duckdb_type) != "text" or kind in (Kind.TEXT, Kind.INTEGER):
        return column, ""
    readable = as_kind(name, duckdb_type, kind, time_zone("UTC"))
    filled, read = one_row(con, f"SELECT count({text}), count({readable}) FROM {relation}")
    if read == filled:
        return column, ""
    if kind in (Kind.TIMESTAMP, Kind.DATE):
        readings = ", ".join(f"count(try_strptime({text}, {literal(form)}))" for form in _DATE_FORMATS)
        counts = one_row(con, f"SELECT {readings} FROM {relation}")
        fitting = [form for form, count in zip(_DATE_FORMATS, counts, strict=True) if count == filled]
        if fitting:
            doubt = f"read as {fitting[0]}; {fitting[1]} fits too" if len(fitting) > 1 else ""
            return f"try_strptime({text}, {literal(fitting[0])})", doubt
        return column, f"{filled - read:,} of {filled:,} values are no date; convert them here"
    (money,) = one_row(con, f"SELECT count_if(regexp_full_match(trim({text}), '{_MONEY}')) FROM {relation}")
    if money == filled:
        return f"regexp_replace({column}, '[^0-9.-]', '', 'g')", ""
    return column, f"{filled - read:,} of {filled:,} values are no number; convert them here"


def _with_outcome(
    con: DuckDBPyConnection,
    relation: str,
    matched: dict[str, str],
    columns: dict[str, str],
    sql: dict[str, str],
    notes: list[str],
) -> list[tuple[str, str]]:
    """Outcome from the names of the last stages; a closing date belongs to closed rows, to open ones it is expected."""
    stage = matched.get("stage")
    if stage is None or "outcome" in matched:
        return list(sql.items())
    text = f"lower(trim({as_text(stage, columns[stage])}))"
    found = {value for (value,) in con.execute(f"SELECT DISTINCT {text} FROM {relation}").fetchall() if value}
    ends = {outcome: sorted(found & set(names)) for outcome, names in (("won", WON), ("lost", LOST))}
    if not any(ends.values()):
        return list(sql.items())
    cases = " ".join(
        f"when lower({identifier(stage)}) in ({', '.join(map(literal, names))}) then '{outcome}'"
        for outcome, names in ends.items()
        if names
    )
    closed, expected = sql.pop("closed_at", None), sql.pop("expected_close_date", None)
    lines = [*sql.items(), ("outcome", f"case {cases} end")]
    if closed is None:
        notes.append("closed_at: no column says when a row closed; the expected day is taken for closed rows, check it")
    at_end, before = closed or expected, expected or closed
    if at_end is not None and before is not None:
        lines.append(("closed_at", f"case when outcome is not null then {at_end} end"))
        lines.append(
            ("expected_close_date", before if closed and expected else f"case when outcome is null then {before} end")
        )
    return lines


def _yaml(
    table: str,
    file: str,
    source: str,
    lines: Sequence[tuple[str, str]],
    notes: Sequence[str],
    conditions: Sequence[str],
    personal: Sequence[str],
    *,
    defaults: Sequence[str],
    recorded: bool,
) -> str:
    names = [name for name, _ in lines]
    selected = ",\n      ".join(sql if sql == identifier(name) else f"{sql} as {_alias(name)}" for name, sql in lines)
    where = f"\n    where {' and '.join(conditions)}" if conditions else ""
    lasting = [name for name in LASTING.get(table, ()) if name in names]
    parts = [
        f"# Draft for {file}: check every line, then try `forecast ingest --check` on it.",
        *(f"# {note}" for note in notes),
        f"source: {source}",
        *defaults,
        "inputs:",
        f"  export: {{file: {_quoted(file)}}}",
        "tables:",
        f"  {table}: |",
        f"    select\n      {selected}\n    from export{where}",
    ]
    if not recorded:
        parts.append(
            "# The export has no recorded_at: only what is listed here counts as known when a row was created."
        )
        parts.append(f"at_creation: {{{table}: [{', '.join(lasting)}]}}")
        canonical = TABLES[table].by_name
        if open_to_add := [name for name in names if name not in canonical and name not in personal]:
            listed = ", ".join(map(_quoted, open_to_add[:12]))
            parts.append(f"# Add what is filled at creation and not changed later, so that models may use it: {listed}")
        parts.append("# exported_at: 2026-01-01   # when the export was taken; now if left out")
    if personal:
        parts.append(f"personal: {{{table}: [{', '.join(map(_quoted, personal))}]}}")
    return "\n".join(parts) + "\n"


def _alias(name: str) -> str:
    return identifier(name) if name == "at" else name  # the only canonical name that is a word of SQL


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
