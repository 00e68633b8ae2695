"""Latest scores say when and how much: interval of the close date, slip, amount if won with its range."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

COLUMNS = {
    "predicted_close_low": sa.Date,
    "predicted_close_high": sa.Date,
    "slip_probability": sa.Float,
    "amount_if_won": sa.Float,
    "amount_low": sa.Float,
    "amount_high": sa.Float,
}


def upgrade():
    for name, kind in COLUMNS.items():
        op.add_column("latest_scores", sa.Column(name, kind))


def downgrade():
    for name in reversed(COLUMNS):
        op.drop_column("latest_scores", name)
