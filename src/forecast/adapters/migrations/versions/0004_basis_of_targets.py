"""Approved targets say what they rest on."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade():
    op.add_column("target_approvals", sa.Column("basis", sa.Text))


def downgrade():
    op.drop_column("target_approvals", "basis")
