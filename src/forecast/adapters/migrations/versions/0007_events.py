"""Open pages learn which scores changed, and events that could not be stored wait to be looked at."""

import sqlalchemy as sa
from alembic import op

from forecast.adapters.store_tables import Moment

revision = "0007"
down_revision = "0006"


def upgrade():
    op.create_table(
        "score_changes",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("entity", sa.String(20), nullable=False),
        sa.Column("entity_id", sa.String(500)),
        sa.Column("owner_id", sa.String(500)),
        sa.Column("what", sa.String(10), nullable=False),
        sa.Column("as_of", Moment, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "dead_events",
        sa.Column("event_id", sa.String(200), primary_key=True),
        sa.Column("table_name", sa.String(50), nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("failed_at", Moment, nullable=False, index=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )


def downgrade():
    op.drop_table("dead_events")
    op.drop_table("score_changes")
