"""Outlooks say when they were saved, and what managers expect instead is kept beside them."""

import sqlalchemy as sa
from alembic import op

from forecast.adapters.store_tables import Amount, Moment

revision = "0003"
down_revision = "0002"


def upgrade():
    op.add_column("outlook_snapshots", sa.Column("saved_at", Moment))
    op.create_table(
        "outlook_overrides",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("period", sa.String(20), nullable=False, index=True),
        sa.Column("level", sa.String(20), nullable=False),
        sa.Column("node_id", sa.String(500), nullable=False),
        sa.Column("amount", Amount, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("made_at", Moment, nullable=False),
    )


def downgrade():
    op.drop_table("outlook_overrides")
    op.drop_column("outlook_snapshots", "saved_at")
