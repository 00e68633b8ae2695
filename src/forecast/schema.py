"""The canonical tables: names, columns, kinds and rules. What an export of any CRM becomes.

All ids are strings; all times are UTC. Beside its own columns every stored row carries ``SYSTEM_COLUMNS``.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property


class Kind(StrEnum):
    """What a column holds; decides its type in Arrow, DuckDB and pandas."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    MONEY = "money"  # and quantities: exact decimals, so that sums do not depend on the order of rows
    TIMESTAMP = "timestamp"
    DATE = "date"


#: DuckDB type of each kind as it appears in history views; timestamps are plain and UTC (TIMESTAMPTZ is 7x slower).
DUCKDB_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.INTEGER: "BIGINT",
    Kind.NUMBER: "DOUBLE",
    Kind.MONEY: "DECIMAL(18,4)",
    Kind.TIMESTAMP: "TIMESTAMP",
    Kind.DATE: "DATE",
}

#: Beside each table's own columns: where a row came from, its two clocks, its place in its batch, everything else.
SYSTEM_COLUMNS = {
    "source": Kind.TEXT,
    "recorded_at": Kind.TIMESTAMP,
    "batch": Kind.INTEGER,
    "row": Kind.INTEGER,
    "deleted_at": Kind.TIMESTAMP,
    "merged_into": Kind.TEXT,
    "attributes": Kind.TEXT,  # JSON object; types are in the attribute catalogue
}

#: Open end of a validity interval.
FOREVER = datetime(9999, 12, 31)
#: When a fact counts as known that a mapping declares known at creation but whose table has no moment of creation.
ALWAYS = datetime(1970, 1, 1)

CHANNELS = ("phone", "email", "meeting", "web", "social", "chat", "other")
OUTCOMES = ("won", "lost")


@dataclass(frozen=True)
class Column:
    """One column of a canonical table and the rules that a value must keep."""

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    references: str | None = None  # table whose key the value must be, once that table has rows
    personal: bool = False  # of a person: kept in the rewritable table, never in the fact tables
    currency: bool = False


@dataclass(frozen=True)
class Table:
    """One canonical table.

    ``moment`` is the column that says when the row came to be (what a source without ``recorded_at`` may claim);
    ``closed`` the one that says when it ended. An ``entity`` changes over time, other rows are immutable facts.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    entity: bool = False
    moment: str | None = None
    closed: str | None = None

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by name, in order."""
        return {column.name: column for column in self.columns}

    @cached_property
    def personal(self) -> tuple[str, ...]:
        """Names of the personal columns."""
        return tuple(column.name for column in self.columns if column.personal)


def _text(name: str, **rules: object) -> Column:
    return Column(name, Kind.TEXT, **rules)  # type: ignore[arg-type]  # rules are Column's own keywords


def _id(name: str, references: str | None = None) -> Column:
    return Column(name, required=references is None, references=references)


def _at(name: str, *, required: bool = False) -> Column:
    return Column(name, Kind.TIMESTAMP, required=required)


def _money(name: str, *, minimum: float | None = 0) -> Column:
    return Column(name, Kind.MONEY, minimum=minimum)


_CURRENCY = Column("currency", currency=True)

_TABLES = (
    Table(
        "accounts",
        ("account_id",),
        (_id("account_id"), _text("name"), _text("industry"), Column("size", Kind.NUMBER, minimum=0), _text("region"),
         _text("country"), _id("owner_id", "users"), _at("created_at")),
        entity=True, moment="created_at",
    ),
    Table(
        "contacts",
        ("contact_id",),
        (_id("contact_id"), _text("account_id"), _text("name", personal=True), _text("email", personal=True),
         _text("title", personal=True), _at("created_at")),
        entity=True, moment="created_at",
    ),
    Table(
        "leads",
        ("lead_id",),
        (_id("lead_id"), _text("account_id"), _text("contact_id"), _id("owner_id", "users"), _text("channel"),
         _text("status"), _at("created_at", required=True), _at("converted_at"), _at("closed_at"),
         _text("opportunity_id")),
        entity=True, moment="created_at", closed="closed_at",
    ),
    Table(
        "opportunities",
        ("opportunity_id",),
        (_id("opportunity_id"), _text("account_id"), _id("owner_id", "users"), _text("product_id"), _text("name"),
         _text("stage"), _money("amount"), _CURRENCY, _at("created_at", required=True),
         Column("expected_close_date", Kind.DATE), _at("closed_at"), _text("outcome", choices=OUTCOMES),
         _text("lost_reason"), _text("forecast_category")),
        entity=True, moment="created_at", closed="closed_at",
    ),
    Table(
        "interactions",
        ("interaction_id",),
        (_id("interaction_id"), _at("at", required=True), _at("due_at"), _text("channel", choices=CHANNELS),
         _text("kind"), _text("direction", choices=("in", "out")), _text("result"), _text("account_id"),
         _text("contact_id"), _text("lead_id"), _text("opportunity_id"), _text("user_id"),
         Column("duration_s", Kind.NUMBER, minimum=0), Column("value", Kind.NUMBER), _text("text", personal=True)),
        moment="at",
    ),
    Table(
        "products",
        ("product_id",),
        (_id("product_id"), _text("name"), _text("category"), _money("list_price"), _money("cost"), _CURRENCY),
        entity=True,
    ),
    Table(
        "orders",
        ("order_id",),
        (_id("order_id"), _text("account_id"), _id("user_id", "users"), _text("opportunity_id"), _text("region"),
         _at("ordered_at", required=True), _text("status"), _CURRENCY),
        moment="ordered_at",
    ),
    Table(
        "order_lines",
        ("order_id", "line"),
        (_id("order_id", "orders"), Column("line", Kind.INTEGER, required=True), _text("product_id"),
         _money("quantity", minimum=None), _money("unit_price"),
         Column("discount_pct", Kind.NUMBER, minimum=0, maximum=100)),
    ),
    Table(
        "demand",
        ("unique_id", "date"),
        (_id("unique_id"), Column("date", Kind.DATE, required=True), _money("quantity", minimum=None),
         _money("revenue", minimum=None)),
        moment="date",
    ),
    Table(
        "drivers",
        ("name", "unique_id", "date"),
        (Column("name", required=True), _id("unique_id"), Column("date", Kind.DATE, required=True),
         Column("value", Kind.NUMBER)),
        moment="date",
    ),
    Table(
        "feedback",
        ("feedback_id",),
        (_id("feedback_id"), _at("at", required=True), _text("account_id"), _text("contact_id"), _text("user_id"),
         _text("order_id"), _text("opportunity_id"), _text("kind", choices=("csat", "nps", "review")),
         Column("score", Kind.NUMBER), Column("scale_max", Kind.NUMBER), _text("text", personal=True)),
        moment="at",
    ),
    Table(
        "users",
        ("user_id",),
        (_id("user_id"), _text("name", personal=True), _text("email", personal=True), _id("team_id", "teams"),
         _text("role"), _at("active_from"), _at("active_to")),
        entity=True, moment="active_from",
    ),
    Table(
        "teams",
        ("team_id",),
        (_id("team_id"), _text("name"), _id("parent_team_id", "teams"), _text("manager_id")),
        entity=True,
    ),
    Table(
        "targets",
        ("owner_kind", "owner_id", "period", "measure"),
        (_text("owner_kind", required=True, choices=("user", "team", "company")), _text("owner_id", required=True),
         _text("period", required=True), _text("measure", required=True), _money("amount"), _CURRENCY,
         Column("version", Kind.INTEGER), _at("effective_from"), _text("approved_by")),
        entity=True, moment="effective_from",
    ),
    Table(
        "fx_rates",
        ("currency", "date"),
        (Column("currency", required=True, currency=True), Column("date", Kind.DATE, required=True),
         Column("rate", Kind.NUMBER, required=True, minimum=0)),
        moment="date",
    ),
)  # fmt: skip

#: Every canonical table by name, parents before the tables that refer to them.
TABLES = {table.name: table for table in _TABLES}

#: The kinds of entity that are scored, with their table and key.
SCORED_ENTITIES = {"lead": ("leads", "lead_id"), "opportunity": ("opportunities", "opportunity_id")}
