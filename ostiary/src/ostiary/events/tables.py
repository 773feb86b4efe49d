"""The audit log. Rows are only ever added; they keep ids, which outlive what they name."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from ostiary.kernel.database import Base, UtcDateTime


class Event(Base):
    """One thing that happened: who did what to whom, from where, when."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_type_id", "type", "id"),
        Index("ix_event_actor_id", "actor", "id"),
        Index("ix_event_subject_id", "subject", "id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    type: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str | None] = mapped_column(String(64))
    subject: Mapped[str | None] = mapped_column(String(64))
    session_id: Mapped[str | None] = mapped_column(String(32))
    ip_address: Mapped[str | None] = mapped_column(String(45))
    request_id: Mapped[str | None] = mapped_column(String(32))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
