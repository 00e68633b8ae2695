"""First tables: keys, latest scores, promotions, target approvals, outlook snapshots, audit."""

import sqlalchemy as sa
from alembic import op

from forecast.adapters.store_tables import Amount, Moment

revision = "0001"
down_revision = None


def upgrade():
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("user_id", sa.String(200)),
        sa.Column("prefix", sa.String(20), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment),
        sa.Column("revoked_at", Moment),
    )
    op.create_table(
        "latest_scores",
        sa.Column("entity", sa.String(20), primary_key=True),
        sa.Column("entity_id", sa.String(500), primary_key=True),
        sa.Column("owner_id", sa.String(500)),
        sa.Column("as_of", Moment, nullable=False),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("model_version", sa.String(300), nullable=False),
        sa.Column("probability", sa.Float, nullable=False),
        sa.Column("low", sa.Float, nullable=False),
        sa.Column("high", sa.Float, nullable=False),
        sa.Column("within", sa.JSON, nullable=False),
        sa.Column("predicted_close_date", sa.Date),
        sa.Column("percentile", sa.Float, nullable=False),
        sa.Column("grade", sa.String(2), nullable=False),
        sa.Column("base", sa.Float, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("backdated", sa.Boolean, nullable=False),
    )
    op.create_index("latest_scores_by_owner", "latest_scores", ["owner_id", "probability"])
    op.create_table(
        "promotions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False, index=True),
        sa.Column("version", sa.String(50), nullable=False),
        sa.Column("cutoff", Moment, nullable=False),
        sa.Column("promoted_at", Moment, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
    )
    op.create_table(
        "target_approvals",
        sa.Column("period", sa.String(20), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("owner_kind", sa.String(20), primary_key=True),
        sa.Column("owner_id", sa.String(500), primary_key=True),
        sa.Column("measure", sa.String(50), primary_key=True),
        sa.Column("amount", Amount, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("odds", sa.Float),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("approved_at", Moment, nullable=False),
        sa.Column("effective_from", Moment, nullable=False),
    )
    op.create_table(
        "outlook_snapshots",
        sa.Column("period", sa.String(20), primary_key=True),
        sa.Column("as_of", Moment, primary_key=True),
        sa.Column("batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("model_version", sa.String(300), primary_key=True),
        sa.Column("level", sa.String(20), primary_key=True),
        sa.Column("id", sa.String(500), primary_key=True),
        sa.Column("numbers", sa.JSON, nullable=False),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
    )


def downgrade():
    for table in (
        "audit_log",
        "outlook_snapshots",
        "target_approvals",
        "promotions",
        "latest_scores",
        "api_keys",
    ):
        op.drop_table(table)
