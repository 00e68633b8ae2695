"""Tables of the store. A change here needs a migration in ``migrations/versions``; a test compares the two."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    TypeDecorator,
)

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """A UTC-aware datetime; SQLite keeps it without its zone, as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC, so that moments order as they happened."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"A moment in the store needs its zone, got {value!r}.")
        return value.astimezone(UTC).replace(tzinfo=None if dialect.name == "sqlite" else UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Back with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Amount(TypeDecorator[Decimal]):
    """Money, exact to 4 decimals; SQLite, which knows only floats, keeps it as text."""

    impl = Numeric(18, 4)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """NUMERIC(18, 4) where there is one."""
        return dialect.type_descriptor(String(24) if dialect.name == "sqlite" else Numeric(18, 4))

    def process_bind_param(self, value: Decimal | float | None, dialect: Dialect) -> Any:
        """Rounded to 4 decimals."""
        if value is None:
            return None
        exact = Decimal(str(value)).quantize(Decimal("0.0001"))
        return str(exact) if dialect.name == "sqlite" else exact

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """A Decimal on every database."""
        return None if value is None else Decimal(value)


api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("user_id", String(200)),
    Column("prefix", String(20), nullable=False),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Column("scopes", JSON),  # parts of the service that the key opens; empty: all that its role may use
)

logins = Table(
    "logins",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("user_id", String(200)),
    Column("email", String(320)),
    Column("lang", String(5)),
    Column("password_hash", String(300), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("disabled_at", Moment),
    Column("last_login_at", Moment),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("login_id", Integer, ForeignKey("logins.id"), nullable=False, index=True),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)

given_answers = Table(
    "given_answers",
    metadata,
    Column("caller", String(64), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("fingerprint", String(64), nullable=False),  # of method, address and body
    Column("claimed_at", Moment, nullable=False, index=True),
    Column("status", Integer),  # empty while the first request is being answered
    Column("media_type", String(100)),
    Column("body", LargeBinary),
)

latest_scores = Table(
    "latest_scores",
    metadata,
    Column("entity", String(20), primary_key=True),
    Column("entity_id", String(500), primary_key=True),
    Column("owner_id", String(500)),
    Column("as_of", Moment, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("model_version", String(300), nullable=False),
    Column("probability", Float, nullable=False),
    Column("low", Float, nullable=False),
    Column("high", Float, nullable=False),
    Column("within", JSON, nullable=False),  # {"p_30d": 0.1, ...}: the horizons are settings
    Column("predicted_close_date", Date),
    Column("predicted_close_low", Date),
    Column("predicted_close_high", Date),
    Column("slip_probability", Float),
    Column("amount_if_won", Float),
    Column("amount_low", Float),
    Column("amount_high", Float),
    Column("percentile", Float, nullable=False),
    Column("grade", String(2), nullable=False),
    Column("base", Float, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("backdated", Boolean, nullable=False),
    Index("latest_scores_by_owner", "owner_id", "probability"),
)

#: Text that every database orders by code points: pages of a list go on after an id, wherever the store is.
Id = String(500).with_variant(String(500, collation="C"), "postgresql")
Word = String(40).with_variant(String(40, collation="C"), "postgresql")

#: What ranked lists show, filter and sort by, without the wide columns of `latest_scores`; a row for each of its rows.
listed_scores = Table(
    "listed_scores",
    metadata,
    Column("entity", String(20), primary_key=True),
    Column("entity_id", Id, primary_key=True),
    Column("owner_id", String(500)),
    Column("probability", Float, nullable=False),
    Column("grade", String(2), nullable=False),
    Column("account_id", String(500)),
    Column("title", Text),
    Column("account_name", Text),
    Column("stage", String(500)),
    Column("amount", Float),
    Column("currency", String(3)),
    Column("amount_reporting", Float),
    Column("expected_value", Float),
    Column("created_at", Moment),
    Column("expected_close_date", Date),
    Column("previous_probability", Float),
    Column("previous_as_of", Moment),
    Column("change", Float),  # of the probability since the previous one
    Column("words", Text, nullable=False),  # of `score_words`, each with a blank before and behind
)
for _name in ("probability", "expected_value", "amount_reporting", "expected_close_date", "change"):
    _order = (listed_scores.c[_name].desc(), listed_scores.c.entity_id)
    Index(f"listed_scores_by_{_name}", listed_scores.c.entity, *_order)
    Index(f"listed_scores_by_owner_{_name}", listed_scores.c.entity, listed_scores.c.owner_id, *_order)

score_words = Table(
    "score_words",
    metadata,
    Column("entity", String(20), primary_key=True),
    Column("word", Word, primary_key=True),
    Column("entity_id", Id, primary_key=True),
    sqlite_with_rowid=False,
)

#: What the latest scores of a kind of entity are of; every change of theirs makes the next version.
score_states = Table(
    "score_states",
    metadata,
    Column("entity", String(20), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("as_of", Moment, nullable=False),  # of the newest score
    Column("batch", BigInteger, nullable=False),  # all facts up to here are in the scores
    Column("model_version", String(300)),  # empty when nothing was open
    Column("backdated", Boolean, nullable=False),
    Column("whole_as_of", Moment, nullable=False),  # when all were scored last
    Column("whole_batch", BigInteger, nullable=False),
    Column("saved_at", Moment, nullable=False),
)

#: What closed after all were scored: scores of an earlier moment that are saved later do not open it again.
score_closings = Table(
    "score_closings",
    metadata,
    Column("entity", String(20), primary_key=True),
    Column("entity_id", Id, primary_key=True),
    Column("as_of", Moment, nullable=False),
)

#: What changed among the latest scores, in the order in which it became visible.
score_changes = Table(
    "score_changes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("entity", String(20), nullable=False),
    Column("entity_id", String(500)),  # empty when all of a kind were replaced
    Column("owner_id", String(500)),
    Column("what", String(10), nullable=False),  # scored, gone, all
    Column("as_of", Moment, nullable=False),
    Column("at", Moment, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice
)

#: Events that were accepted and could not be stored.
dead_events = Table(
    "dead_events",
    metadata,
    Column("event_id", String(200), primary_key=True),
    Column("table_name", String(50), nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("failed_at", Moment, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("content", Text, nullable=False),  # JSON
)

promotions = Table(
    "promotions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, index=True),
    Column("version", String(50), nullable=False),
    Column("cutoff", Moment, nullable=False),
    Column("promoted_at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", String(200), nullable=False),
)

target_approvals = Table(
    "target_approvals",
    metadata,
    Column("period", String(20), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("owner_kind", String(20), primary_key=True),
    Column("owner_id", String(500), primary_key=True),
    Column("measure", String(50), primary_key=True),
    Column("amount", Amount, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("odds", Float),
    Column("author", String(200), nullable=False),
    Column("approved_at", Moment, nullable=False),
    Column("effective_from", Moment, nullable=False),
    Column("basis", Text),  # what the proposal rested on; empty before it was kept
)

outlook_snapshots = Table(
    "outlook_snapshots",
    metadata,
    Column("period", String(20), primary_key=True),
    Column("as_of", Moment, primary_key=True),
    Column("batch", BigInteger, primary_key=True),
    Column("model_version", String(300), primary_key=True),
    Column("measure", String(20), primary_key=True, server_default="revenue"),
    Column("level", String(20), primary_key=True),
    Column("id", String(500), primary_key=True),
    Column("numbers", JSON, nullable=False),
    Column("saved_at", Moment),  # empty in rows of older releases
)

outlook_overrides = Table(
    "outlook_overrides",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("period", String(20), nullable=False, index=True),
    Column("level", String(20), nullable=False),
    Column("node_id", String(500), nullable=False),
    Column("amount", Amount, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("author", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(200), nullable=False),
    Column("subject", Text, nullable=False),
    Column("role", String(20)),
    Column("request_id", String(100)),
    Index("audit_log_by_time", "at"),
    Index("audit_log_by_actor", "actor"),
)

#: Tokens that were used, until they would be refused anyway.
used_tokens = Table(
    "used_tokens",
    metadata,
    Column("token_id", String(64), primary_key=True),
    Column("expires_at", Moment, nullable=False, index=True),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("is_well", Boolean, nullable=False),
)

reports = Table(
    "reports",
    metadata,
    Column("owner", String(200), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("spec", Text, nullable=False),  # YAML
    Column("saved_at", Moment, nullable=False),
)

report_schedules = Table(
    "report_schedules",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("report", String(60), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("form", String(10), nullable=False),
    Column("lang", String(5), nullable=False),
    Column("period", String(20), nullable=False),
    Column("every", String(10), nullable=False),
    Column("day", Integer, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("recipients", JSON, nullable=False),  # names of logins
    Column("created_at", Moment, nullable=False),
    Column("is_active", Boolean, nullable=False),
    sqlite_autoincrement=True,  # what was sent stays on record under the number of a schedule that is gone
)

report_deliveries = Table(
    "report_deliveries",
    metadata,
    Column("schedule_id", Integer, primary_key=True, autoincrement=False),
    Column("due_at", Moment, primary_key=True),
    Column("recipient", String(200), primary_key=True),
    Column("period", String(20), nullable=False),
    Column("status", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("at", Moment, nullable=False),
)
