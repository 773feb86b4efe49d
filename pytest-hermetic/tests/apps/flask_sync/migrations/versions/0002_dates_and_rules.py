"""Entries are dated; an author does not say the same thing twice; the house has rules."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("entry") as entry:
        entry.add_column(sa.Column("at", sa.DateTime, nullable=False, server_default=sa.func.now()))
        entry.create_unique_constraint("uq_entry_author_text", ["author", "text"])
    rule = op.create_table(
        "rule",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("text", sa.String(200), nullable=False),
    )
    op.bulk_insert(
        rule, [{"number": 1, "text": "Be kind"}, {"number": 2, "text": "Sign with your name"}]
    )


def downgrade() -> None:
    op.drop_table("rule")
    with op.batch_alter_table("entry") as entry:
        entry.drop_constraint("uq_entry_author_text", type_="unique")
        entry.drop_column("at")
