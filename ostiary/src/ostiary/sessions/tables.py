"""A session is one signed-in browser or application; a family, its chain of refresh tokens."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from ostiary.kernel.database import Base, UtcDateTime


def _where(condition: str) -> dict[str, Any]:
    """The arguments of an index over the rows of which `condition` is true."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Session(Base):
    """One signed-in browser. Alive while `revoked_at` is null and `expires_at` is to come."""

    __tablename__ = "session"
    __table_args__ = (
        Index("ix_session_user_id_id", "user_id", "id"),
        Index("ix_session_expires_at", "expires_at"),
        Index("ix_session_revoked_at", "revoked_at", **_where("revoked_at IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    auth_time: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ip_address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(400))
    amr: Mapped[str] = mapped_column(String(64))
    acr: Mapped[str] = mapped_column(String(16))
    second_factor_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Family(Base):
    """The refresh tokens that follow from one sign-in, for one client."""

    __tablename__ = "family"
    __table_args__ = (Index("ix_family_session_id", "session_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"))
    client_id: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RefreshToken(Base):
    """One refresh token. `successor_sealed` opens only with the secret of this very token."""

    __tablename__ = "refresh_token"
    __table_args__ = (
        Index("ix_refresh_token_family_id", "family_id"),
        Index("ix_refresh_token_expires_at", "expires_at"),
        Index("ix_refresh_token_used_at", "used_at", **_where("successor_sealed IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    family_id: Mapped[str] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    successor_id: Mapped[str | None] = mapped_column(String(32))
    successor_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


class Device(Base):
    """A browser that one user has signed in on: it has a sign-in budget of its own.

    `failures` counts wrong passwords in a row; with too many of them it is no longer known.
    """

    __tablename__ = "device"
    __table_args__ = (
        Index("ix_device_user_id", "user_id"),
        Index("ix_device_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(Integer, server_default=text("0"))
