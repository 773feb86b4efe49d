"""The people with an account."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from ostiary.kernel.database import Base, UtcDateTime

_ADMINISTRATORS = text("role = 'administrator'")


class User(Base):
    """One account. `email_key` and `username_key` are what is unique; the others are as given."""

    __tablename__ = "user"
    __table_args__ = (
        CheckConstraint("role IN ('user', 'administrator')", name="role"),
        CheckConstraint("status IN ('active', 'suspended')", name="status"),
        # Few: asked for by name before the last one goes, and before the first one comes.
        Index(
            "ix_user_administrator",
            "role",
            "status",
            sqlite_where=_ADMINISTRATORS,
            postgresql_where=_ADMINISTRATORS,
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320), unique=True)
    email_verified: Mapped[bool] = mapped_column(Boolean)
    username: Mapped[str | None] = mapped_column(String(50))
    username_key: Mapped[str | None] = mapped_column(String(50), unique=True)
    first_name: Mapped[str | None] = mapped_column(String(200))
    last_name: Mapped[str | None] = mapped_column(String(200))
    display_name: Mapped[str | None] = mapped_column(String(200))
    locale: Mapped[str | None] = mapped_column(String(35))
    role: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    metadata_public: Mapped[dict[str, Any]] = mapped_column(JSON)
    metadata_private: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
