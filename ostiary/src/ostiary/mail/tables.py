"""The outbox: a row is a message that is not known to be delivered."""

from datetime import datetime

from sqlalchemy import Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from ostiary.kernel.database import Base, UtcDateTime

_DEAD = text("failed_at IS NOT NULL")


class Mail(Base):
    """One message. `due_at` is when it may be tried; a try in progress has moved it ahead.

    A dead letter has no `due_at` but `failed_at` and `failure`. `user_id` is no foreign key:
    the last message is kept after its account is deleted. `sealed` holds recipient, language and
    values, links included.
    """

    __tablename__ = "mail"
    __table_args__ = (
        Index("ix_mail_due_at_id", "due_at", "id"),
        Index("ix_mail_failed_at", "failed_at", sqlite_where=_DEAD, postgresql_where=_DEAD),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[str | None] = mapped_column(String(32))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    attempts: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure: Mapped[str | None] = mapped_column(String(200))
