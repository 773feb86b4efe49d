"""One table for every kind: a new factor needs no new one (docs/decisions/0005)."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from ostiary.kernel.database import Base, UtcDateTime

_SINGLE = text("kind IN ('password', 'totp')")


class Authenticator(Base):
    """One authenticator, bound to one user.

    `secret` is a hash or sealed; `lookup` a digest by which one is found; `counter` only grows.
    `failures` counts wrong presentations in a row.
    """

    __tablename__ = "authenticator"
    __table_args__ = (
        Index("ix_authenticator_user_id_kind", "user_id", "kind"),
        Index(
            "uq_authenticator_single",
            "user_id",
            "kind",
            unique=True,
            sqlite_where=_SINGLE,
            postgresql_where=_SINGLE,
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(String(200))
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    lookup: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    counter: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(Integer, server_default=text("0"))
