"""People keep reports of their own, and reports go by mail on schedule."""

import sqlalchemy as sa
from alembic import op

from forecast.adapters.store_tables import Moment

revision = "0008"
down_revision = "0007"


def upgrade():
    op.create_table(
        "reports",
        sa.Column("owner", sa.String(200), primary_key=True),
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("saved_at", Moment, nullable=False),
    )
    op.create_table(
        "report_schedules",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("report", sa.String(60), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("form", sa.String(10), nullable=False),
        sa.Column("lang", sa.String(5), nullable=False),
        sa.Column("period", sa.String(20), nullable=False),
        sa.Column("every", sa.String(10), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("recipients", sa.JSON, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "report_deliveries",
        sa.Column("schedule_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("due_at", Moment, primary_key=True),
        sa.Column("recipient", sa.String(200), primary_key=True),
        sa.Column("period", sa.String(20), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("at", Moment, nullable=False),
    )


def downgrade():
    op.drop_table("report_deliveries")
    op.drop_table("report_schedules")
    op.drop_table("reports")
