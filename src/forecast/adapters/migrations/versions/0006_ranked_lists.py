"""Ranked lists are read from the store, page by page, and searched; what was scored before is scored anew for them."""

import sqlalchemy as sa
from alembic import op

from forecast.adapters.store_tables import Id, Moment, Word

revision = "0006"
down_revision = "0005"

ORDERS = ("probability", "expected_value", "amount_reporting", "expected_close_date", "change")


def upgrade():
    op.create_table(
        "listed_scores",
        sa.Column("entity", sa.String(20), primary_key=True),
        sa.Column("entity_id", Id, primary_key=True),
        sa.Column("owner_id", sa.String(500)),
        sa.Column("probability", sa.Float, nullable=False),
        sa.Column("grade", sa.String(2), nullable=False),
        sa.Column("account_id", sa.String(500)),
        sa.Column("title", sa.Text),
        sa.Column("account_name", sa.Text),
        sa.Column("stage", sa.String(500)),
        sa.Column("amount", sa.Float),
        sa.Column("currency", sa.String(3)),
        sa.Column("amount_reporting", sa.Float),
        sa.Column("expected_value", sa.Float),
        sa.Column("created_at", Moment),
        sa.Column("expected_close_date", sa.Date),
        sa.Column("previous_probability", sa.Float),
        sa.Column("previous_as_of", Moment),
        sa.Column("change", sa.Float),
        sa.Column("words", sa.Text, nullable=False),
    )
    for name in ORDERS:
        order = [sa.text(f"{name} DESC"), "entity_id"]
        op.create_index(f"listed_scores_by_{name}", "listed_scores", ["entity", *order])
        op.create_index(f"listed_scores_by_owner_{name}", "listed_scores", ["entity", "owner_id", *order])
    op.create_table(
        "score_words",
        sa.Column("entity", sa.String(20), primary_key=True),
        sa.Column("word", Word, primary_key=True),
        sa.Column("entity_id", Id, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "score_states",
        sa.Column("entity", sa.String(20), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("as_of", Moment, nullable=False),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("model_version", sa.String(300)),
        sa.Column("backdated", sa.Boolean, nullable=False),
        sa.Column("whole_as_of", Moment, nullable=False),
        sa.Column("whole_batch", sa.BigInteger, nullable=False),
        sa.Column("saved_at", Moment, nullable=False),
    )
    op.create_table(
        "score_closings",
        sa.Column("entity", sa.String(20), primary_key=True),
        sa.Column("entity_id", Id, primary_key=True),
        sa.Column("as_of", Moment, nullable=False),
    )
    # Rows of older releases lack what lists show; the next `forecast nightly` or `forecast score` saves them whole.
    op.execute("DELETE FROM latest_scores")


def downgrade():
    for name in ("score_closings", "score_states", "score_words", "listed_scores"):
        op.drop_table(name)
