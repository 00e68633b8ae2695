"""Tokens of embedded panels are good for one use."""

import sqlalchemy as sa
from alembic import op

from forecast.adapters.store_tables import Moment

revision = "0010"
down_revision = "0009"


def upgrade():
    op.create_table(
        "used_tokens",
        sa.Column("token_id", sa.String(64), primary_key=True),
        sa.Column("expires_at", Moment, nullable=False, index=True),
    )


def downgrade():
    op.drop_table("used_tokens")
