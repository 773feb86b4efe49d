"""Mailed links, and the indexes by which what has expired is found."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "one_time_token",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=24), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=True),
        sa.Column("session_id", sa.String(length=32), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("email_key", sa.String(length=320), nullable=True),
        sa.Column("new_email", sa.String(length=320), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_one_time_token_user_id_user", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_one_time_token"),
    )
    op.create_index("ix_one_time_token_user_id_purpose", "one_time_token", ["user_id", "purpose"])
    op.create_index("ix_one_time_token_expires_at", "one_time_token", ["expires_at"])
    op.create_table(
        "mail",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mail"),
    )
    op.create_index("ix_mail_due_at_id", "mail", ["due_at", "id"])
    _partial("ix_mail_failed_at", "mail", ["failed_at"], "failed_at IS NOT NULL")
    op.create_index("ix_session_expires_at", "session", ["expires_at"])
    _partial("ix_session_revoked_at", "session", ["revoked_at"], "revoked_at IS NOT NULL")
    op.create_index("ix_refresh_token_expires_at", "refresh_token", ["expires_at"])
    _partial(
        "ix_refresh_token_used_at", "refresh_token", ["used_at"], "successor_sealed IS NOT NULL"
    )
    op.create_index("ix_device_expires_at", "device", ["expires_at"])
    _partial("ix_user_administrator", "user", ["role", "status"], "role = 'administrator'")


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
