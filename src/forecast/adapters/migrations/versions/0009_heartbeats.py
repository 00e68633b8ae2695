"""When each process and each nightly step was last seen."""

import sqlalchemy as sa
from alembic import op

from forecast.adapters.store_tables import Moment

revision = "0009"
down_revision = "0008"


def upgrade():
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("is_well", sa.Boolean, nullable=False),
    )


def downgrade():
    op.drop_table("heartbeats")
