"""People log in, keys have scopes, answers to repeated requests are kept, and the audit log cannot be rewritten."""

import sqlalchemy as sa
from alembic import op

from forecast.adapters.store_tables import Moment

revision = "0005"
down_revision = "0004"

_APPEND_ONLY = "the audit log is append-only"


def upgrade():
    op.add_column("api_keys", sa.Column("scopes", sa.JSON))
    op.create_table(
        "logins",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False, unique=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("user_id", sa.String(200)),
        sa.Column("email", sa.String(320)),
        sa.Column("lang", sa.String(5)),
        sa.Column("password_hash", sa.String(300), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("disabled_at", Moment),
        sa.Column("last_login_at", Moment),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("login_id", sa.Integer, sa.ForeignKey("logins.id"), nullable=False, index=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False, index=True),
    )
    op.create_table(
        "given_answers",
        sa.Column("caller", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("claimed_at", Moment, nullable=False, index=True),
        sa.Column("status", sa.Integer),
        sa.Column("media_type", sa.String(100)),
        sa.Column("body", sa.LargeBinary),
    )
    with op.batch_alter_table("audit_log") as audit_log:
        audit_log.alter_column("action", type_=sa.String(200), existing_type=sa.String(100), existing_nullable=False)
        audit_log.add_column(sa.Column("role", sa.String(20)))
        audit_log.add_column(sa.Column("request_id", sa.String(100)))
    op.create_index("audit_log_by_time", "audit_log", ["at"])
    op.create_index("audit_log_by_actor", "audit_log", ["actor"])
    for statement in _guards(op.get_bind().dialect.name):
        op.execute(statement)


def _guards(dialect):
    """Statements after which no row of the audit log can be changed or removed."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER audit_log_no_{what.lower()} BEFORE {what} ON audit_log"
            f" BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END"
            for what in ("UPDATE", "DELETE")
        ]
    return [
        "CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{_APPEND_ONLY}'; END $$",
        "CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse()",
    ]


def downgrade():
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_log_no_update")
        op.execute("DROP TRIGGER audit_log_no_delete")
    else:
        op.execute("DROP TRIGGER audit_log_append_only ON audit_log")
        op.execute("DROP FUNCTION audit_log_refuse()")
    op.drop_index("audit_log_by_actor", "audit_log")
    op.drop_index("audit_log_by_time", "audit_log")
    with op.batch_alter_table("audit_log") as audit_log:
        audit_log.drop_column("request_id")
        audit_log.drop_column("role")
        audit_log.alter_column("action", type_=sa.String(100), existing_type=sa.String(200), existing_nullable=False)
    for table in ("given_answers", "sessions", "logins"):
        op.drop_table(table)
    op.drop_column("api_keys", "scopes")
