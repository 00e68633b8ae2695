"""Bring in the rows that a mapping describes: read, check, find what is new, and commit all tables at once."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.history import open_connection
from forecast.mapping.queries import lock, one_row, run_queries
from forecast.mapping.rejected import OPEN, find_rejected, find_resolved, stored_rows
from forecast.mapping.source import Source, describe
from forecast.mapping.spec import MappingSpec
from forecast.mapping.validation import check_duplicates, check_references, check_required_of_new, check_rows
from forecast.mapping.versions import TOUCHED, NewVersions, find_versions
from forecast.ports import Clock
from forecast.schema import TABLES
from forecast.usecases.quality_page import Profile, profile, render_page

COUNTS = ("read", "new", "changed", "unchanged", "quarantined")
#: Tables that others refer to come first, so that a rejected parent is known before its children are checked.
_ORDER = ("teams", "users", *(name for name in TABLES if name not in ("teams", "users")))


class Writer(Protocol):
    """One commit in the making; what `ingest` needs of it."""

    batch: int
    con: DuckDBPyConnection

    def stored(self, table: str) -> str:
        """Relation with all stored rows of a table."""
        ...

    def stored_ids(self, table: str) -> str:
        """Relation with the key of every stored row of a table."""
        ...

    def create_stored_of(self, ids: str, table: str, name: str) -> None:
        """Make a temp table of the stored rows with some ids."""
        ...

    def append(self, table: str, rows: pa.Table) -> None:
        """Add versions."""
        ...

    def reject(self, rows: pa.Table) -> None:
        """Add to the quarantine."""
        ...

    def resolve(self, rejected_ids: Sequence[str]) -> None:
        """Take out of the quarantine."""
        ...

    def attribute_types(self, table: str) -> dict[str, str]:
        """Attribute catalogue of a table."""
        ...

    def note_attributes(self, table: str, types: Mapping[str, str]) -> None:
        """Add to the catalogue."""
        ...

    def filled(self, table: str) -> dict[str, str]:
        """When columns of a table are filled, as noted so far."""
        ...

    def note_filled(self, table: str, columns: Mapping[str, str]) -> None:
        """Add to that."""
        ...

    def commit(self, summary: Mapping[str, Any]) -> int:
        """Make it visible."""
        ...


class WritableLake(Protocol):
    """A lake that can be written to."""

    def head(self) -> int:
        """Last batch."""
        ...

    def writing(self) -> AbstractContextManager[Writer]:
        """Make one commit, or none when left without."""
        ...

    def quarantine(self, open_only: bool = True) -> pd.DataFrame:
        """Rejected rows."""
        ...


@dataclass(frozen=True)
class IngestResult:
    """What an ingest did, or with ``check`` would have done.

    Attributes
    ----------
    counts : mapping of table to {read, new, changed, unchanged, quarantined}
        ``read`` is the sum of the others.
    batch : int
        Number of the commit; the lake's last one when nothing had changed.
    warnings : tuple of str
    page : str
        Data-quality page (HTML) of a dry run, else empty.
    """

    counts: dict[str, dict[str, int]]
    batch: int
    warnings: tuple[str, ...] = ()
    page: str = ""

    def to_frame(self) -> pd.DataFrame:
        """One row per table: table, read, new, changed, unchanged, quarantined."""
        rows = [{"table": table, **counts} for table, counts in self.counts.items()]
        return pd.DataFrame(rows, columns=["table", *COUNTS])


@dataclass
class Findings:
    """What one pass over the rows found, before anything is written."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    versions: dict[str, NewVersions] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    rejected: dict[str, pa.Table] = field(default_factory=dict)
    resolved: list[str] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)

    @property
    def changes_tables(self) -> bool:
        """Whether there is any version to store."""
        return any(versions.rows.num_rows for versions in self.versions.values())

    def append_to(self, writer: Writer) -> None:
        """Add every new version to a commit."""
        for table, versions in self.versions.items():
            writer.note_attributes(table, self.sources[table].types)
            writer.append(table, versions.rows)

    @property
    def new_rejections(self) -> list[pa.Table]:
        """Those that are not in the quarantine already."""
        new = [rows.filter(pc.invert(rows["known"])).drop_columns("known") for rows in self.rejected.values()]
        return [rows for rows in new if rows.num_rows]


def ingest(
    mapping: MappingSpec,
    inputs: Callable[[DuckDBPyConnection], Sequence[str] | None],
    lake: WritableLake,
    clock: Clock,
    *,
    check: bool = False,
    retry_quarantine: bool = False,
) -> IngestResult:
    """Bring in what a mapping describes as one commit: readers see all of its tables or none.

    Ingesting the same rows again changes nothing and makes no commit. Rows that break a rule go to the quarantine.

    Parameters
    ----------
    mapping : MappingSpec
    inputs : callable
        Registers the mapping's inputs as relations of their names on the connection given to it; returns warnings.
    lake : WritableLake
    clock : Clock
    check : bool
        Dry run: the same result and a data-quality page, and nothing is written.
    retry_quarantine : bool
        Try the open rejected rows of this mapping again, by the rules and references of today, after the inputs.

    Raises
    ------
    InvalidInput
        If an input, a query or the mapping is wrong, or if more than the mapping's share of rows is rejected; then the
        rejected rows are kept and no other row is.
    DataUnavailable
        If another writer holds the lake.
    """
    now = clock.now()
    if mapping.exported_at is not None and mapping.exported_at > now:
        raise InvalidInput(
            f"{mapping.name}: exported_at {mapping.exported_at:%Y-%m-%d %H:%M:%S} UTC lies in the future; correct it."
        )
    mapped, warnings = _read(mapping, inputs)
    result, findings = _take(mapping, mapped, lake, now, check=check, limit=mapping.quarantine)
    rounds = _waiting(mapping, lake, findings) if retry_quarantine else []
    results = [result, *(_take(mapping, rows, lake, now, check=check, limit=1.0)[0] for rows in rounds)]
    return _together(results, (*warnings, *_told(mapping, findings)))


def retry_quarantine(mapping: MappingSpec, lake: WritableLake, clock: Clock) -> IngestResult:
    """Try the open rejected rows of a mapping again, by the rules and references of today, without reading its inputs.

    Parameters
    ----------
    mapping : MappingSpec
        Under whose name the rows were rejected.

    Raises
    ------
    DataUnavailable
        If another writer holds the lake.
    """
    now = clock.now()
    rounds = _waiting(mapping, lake, Findings())
    results = [_take(mapping, rows, lake, now, check=False, limit=1.0)[0] for rows in rounds]
    return _together(results or [IngestResult({}, lake.head())], ())


def _read(
    mapping: MappingSpec, inputs: Callable[[DuckDBPyConnection], Sequence[str] | None]
) -> tuple[dict[str, pa.Table], tuple[str, ...]]:
    """Rows of every table as the mapping's queries give them, and what reading the inputs had to say."""
    with open_connection() as con:
        warnings = tuple(inputs(con) or ())
        lock(con)
        return dict(run_queries(con, mapping)), warnings


def _take(
    mapping: MappingSpec,
    mapped: Mapping[str, pa.Table],
    lake: WritableLake,
    now: datetime,
    *,
    check: bool,
    limit: float,
) -> tuple[IngestResult, Findings]:
    """One commit of mapped rows, or none when they change nothing."""
    with lake.writing() as writer:
        findings = examine(mapping, mapped, writer, lake.quarantine(), now, profiled=check)
        refusal = _refusal(mapping, findings, limit)
        if check:
            page = render_page(mapping.name, findings.profiles, findings.counts)
            told = (refusal,) if refusal else ()
            return IngestResult(findings.counts, writer.batch - 1, told, page), findings
        batch = _write(mapping, findings, writer, refused=bool(refusal))
    if refusal:
        raise InvalidInput(refusal)
    return IngestResult(findings.counts, batch), findings


def examine(
    mapping: MappingSpec,
    mapped: Mapping[str, pa.Table],
    writer: Writer,
    quarantine: pd.DataFrame,
    now: datetime,
    *,
    profiled: bool = False,
) -> Findings:
    """Check all rows and find the versions that the lake does not have; writes nothing.

    Parameters
    ----------
    mapping : MappingSpec
    mapped : mapping of canonical table to its rows as the mapping's queries give them
    writer : Writer
    quarantine : DataFrame
        Open rejected rows, as ``WritableLake.quarantine`` gives them.
    now : datetime
        Nothing can have been recorded later.
    profiled : bool
        Also describe every column, for the data-quality page.
    """
    con, findings = writer.con, Findings()
    import_moment = mapping.exported_at or now
    stored = {table: writer.stored_ids(table) for table in TABLES}
    con.register(OPEN, pa.Table.from_pandas(_texts(quarantine), preserve_index=False))
    sources: dict[str, Source] = {}
    for table in sorted(mapped, key=_ORDER.index):
        con.register(f"mapped_{table}", mapped[table])
        (empty,) = one_row(con, f"SELECT NOT EXISTS (FROM {stored[table]})")
        types = writer.attribute_types(table)
        source = describe(con, mapping, table, f"mapped_{table}", types, empty=empty)
        check_rows(con, mapping, source, now if source.recorded else import_moment)
        sources[table] = source
    for table, source in sources.items():
        check_references(con, source, stored, sources)
        check_required_of_new(con, source, stored[table])
        check_duplicates(con, source, mapping.ignore.get(table, ()))
    for table, source in sources.items():
        if profiled:
            findings.profiles.append(profile(con, source, filled=mapping.filled.get(table, {})))
        is_undated = table == "order_lines" and not source.recorded
        orders = _order_moments(sources, writer.stored("orders")) if is_undated else None
        catalogue = sorted(writer.attribute_types(table))
        writer.create_stored_of(source.accepted, table, TOUCHED)
        versions = find_versions(con, mapping, source, import_moment, catalogue, orders)
        rejected = find_rejected(con, mapping, source)
        findings.resolved += find_resolved(con, mapping, source)
        findings.versions[table], findings.rejected[table] = versions, rejected
        findings.sources[table] = source
        counts = (mapped[table].num_rows, versions.new, versions.changed, versions.unchanged, rejected.num_rows)
        findings.counts[table] = dict(zip(COUNTS, counts, strict=True))
        if table != "orders":  # whose accepted rows their lines need
            con.execute(f"DROP VIEW {source.accepted}; DROP TABLE {source.checked}")
    return findings


def _write(mapping: MappingSpec, findings: Findings, writer: Writer, *, refused: bool) -> int:
    """Append what is new and commit; only the quarantine when the ingest is refused, nothing when nothing is new."""
    rejections = findings.new_rejections
    declared = {table: {**writer.filled(table), **columns} for table, columns in mapping.filled.items()}
    declares = any(writer.filled(table) != columns for table, columns in declared.items())
    taken = not refused and (findings.changes_tables or findings.resolved or declares)
    if not taken and not rejections:
        return writer.batch - 1
    for rows in rejections:
        writer.reject(rows)
    if taken:
        findings.append_to(writer)
        for table, columns in declared.items():
            writer.note_filled(table, columns)
        writer.resolve(findings.resolved)
    summary = {
        "source": mapping.source,
        "mapping": mapping.name,
        "refused": refused,
        "counts": findings.counts,
        "stages": list(mapping.stages),
        "series": list(mapping.series),
    }
    return writer.commit(summary)


def _refusal(mapping: MappingSpec, findings: Findings, limit: float) -> str:
    """Why the ingest must not be taken, empty if it may."""
    read = sum(counts["read"] for counts in findings.counts.values())
    rejected = sum(counts["quarantined"] for counts in findings.counts.values())
    if rejected <= limit * read:
        return ""
    reasons = pd.concat([rows.select(["table_name", "reason"]).to_pandas() for rows in findings.rejected.values()])
    table, reason = reasons.iloc[0]
    more = f" and {len(reasons) - 1:,} more" if len(reasons) > 1 else ""
    return (
        f"{mapping.name}: {rejected:,} of {read:,} rows were rejected, more than quarantine: {limit:g} allows, so none "
        f"was taken. First: {table}: {reason}{more}. See `forecast ingest {mapping.name} --check` for all reasons; "
        "a higher quarantine: in the mapping takes the other rows."
    )


def _waiting(mapping: MappingSpec, lake: WritableLake, findings: Findings) -> list[dict[str, pa.Table]]:
    """Open rejected rows of the mapping that the inputs have not just brought again, to be tried once more."""
    waiting = lake.quarantine()
    seen = {content for rows in findings.rejected.values() for content in rows["content"].to_pylist()}
    waiting = waiting[~waiting["content"].isin(seen) & ~waiting["rejected_id"].isin(findings.resolved)]
    with open_connection() as con:
        con.register(OPEN, pa.Table.from_pandas(_texts(waiting), preserve_index=False))
        return stored_rows(con, mapping)


def _texts(quarantine: pd.DataFrame) -> pd.DataFrame:
    """The quarantine with text columns of text type even when it is empty."""
    texts = ["rejected_id", "source", "table_name", "content", "mapping"]
    return quarantine[[*texts, "row_number", "batch"]].astype(dict.fromkeys(texts, "string"))


def _order_moments(sources: Mapping[str, Source], stored: str) -> str:
    """Relation of (order_id, ordered_at) of all known orders, for the moment of their lines."""
    parts = [f"SELECT order_id, ordered_at FROM {stored}"]
    if "orders" in sources and "ordered_at" in sources["orders"].present:
        parts.append(f"SELECT order_id, ordered_at FROM {sources['orders'].accepted}")
    return f"(SELECT order_id, min(ordered_at) AS ordered_at FROM ({' UNION ALL '.join(parts)}) GROUP BY order_id)"


def _together(results: Sequence[IngestResult], warnings: tuple[str, ...]) -> IngestResult:
    """One result of several passes."""
    counts: dict[str, dict[str, int]] = {}
    for result in results:
        for table, given in result.counts.items():
            sums = counts.setdefault(table, dict.fromkeys(COUNTS, 0))
            counts[table] = {name: sums[name] + given[name] for name in COUNTS}
    told = tuple(warning for result in results for warning in result.warnings)
    return IngestResult(counts, results[-1].batch, (*told, *warnings), results[0].page)


def _told(mapping: MappingSpec, findings: Findings) -> tuple[str, ...]:
    """What people should know about the rows that came."""
    empty = [table for table, counts in findings.counts.items() if counts["read"] == 0]
    current = [table for table, source in findings.sources.items() if source.table.entity and not source.recorded]
    warnings = [
        f"{mapping.name}: tables.{table} gave no rows; if that is a surprise, look at its query." for table in empty
    ]
    if current:
        warnings.append(
            f"{mapping.name}: {', '.join(current)} come without recorded_at: what at_creation lists counts as known "
            "from the start, all else from the closing or this import on."
        )
    for table, columns in mapping.personal.items():
        left_out = [name for name in columns if name not in TABLES[table].by_name]
        if left_out:
            warnings.append(
                f"{mapping.name}: personal.{table}: {', '.join(left_out)} tell of a person and were left out."
            )
    return tuple(warnings)
