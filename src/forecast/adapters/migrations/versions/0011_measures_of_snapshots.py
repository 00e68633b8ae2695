"""Kept outlooks say of which measure they are."""

import sqlalchemy as sa
from alembic import op

from forecast.adapters.store_tables import Moment

revision = "0011"
down_revision = "0010"

_KEPT = "period, as_of, batch, model_version, level, id, numbers, saved_at"


def upgrade():
    _replace([sa.Column("measure", sa.String(20), primary_key=True, server_default="revenue")])


def downgrade():
    op.execute("DELETE FROM outlook_snapshots WHERE measure <> 'revenue'")
    _replace([])


def _replace(more):
    """The key changes, which SQLite cannot do in place."""
    op.rename_table("outlook_snapshots", "outlook_snapshots_before")
    op.create_table(
        "outlook_snapshots",
        sa.Column("period", sa.String(20), primary_key=True),
        sa.Column("as_of", Moment, primary_key=True),
        sa.Column("batch", sa.BigInteger, primary_key=True),
        sa.Column("model_version", sa.String(300), primary_key=True),
        *more,
        sa.Column("level", sa.String(20), primary_key=True),
        sa.Column("id", sa.String(500), primary_key=True),
        sa.Column("numbers", sa.JSON, nullable=False),
        sa.Column("saved_at", Moment),
    )
    op.execute(f"INSERT INTO outlook_snapshots ({_KEPT}) SELECT {_KEPT} FROM outlook_snapshots_before")
    op.drop_table("outlook_snapshots_before")
