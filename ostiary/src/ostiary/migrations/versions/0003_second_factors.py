"""Sign-ins that lack something, failures in a row, and when a second factor was last proven."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "sign_in",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("proofs", sa.String(length=64), nullable=False),
        sa.Column("password_digest", sa.LargeBinary(), nullable=True),
        sa.Column("email_key", sa.String(length=320), nullable=True),
        sa.Column("device_id", sa.String(length=32), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_sign_in_user_id_user", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in"),
    )
    op.create_index("ix_sign_in_user_id", "sign_in", ["user_id"])
    op.create_index("ix_sign_in_expires_at", "sign_in", ["expires_at"])
    for table in ("authenticator", "device"):
        op.add_column(
            table, sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False)
        )
    op.add_column(
        "session", sa.Column("second_factor_at", sa.DateTime(timezone=True), nullable=True)
    )
