"""What a way in leaves behind until it is gone: mailed links, and sign-ins that lack something."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from ostiary.kernel.database import Base, UtcDateTime


class OneTimeToken(Base):
    """One link. It is used up by deleting its row.

    `email` is the address it was mailed to; where `email_key` is set, the link is good only while
    that is the account's address. Without a `user_id` it is the first administrator's, or nobody's.
    """

    __tablename__ = "one_time_token"
    __table_args__ = (
        Index("ix_one_time_token_user_id_purpose", "user_id", "purpose"),
        Index("ix_one_time_token_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(24))
    user_id: Mapped[str | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    session_id: Mapped[str | None] = mapped_column(String(32))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    email: Mapped[str | None] = mapped_column(String(320))
    email_key: Mapped[str | None] = mapped_column(String(320))
    new_email: Mapped[str | None] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SignIn(Base):
    """One sign-in that is not done. It is used up by deleting its row.

    `digest` is of the token that its browser holds. `answer` is what has to come back by mail: the
    digest of a link's token, or the MAC of a code. `proofs` names what was proven, and of what:
    `password_digest` and `email_key` have to be the account's still. Without a `user_id` it is
    nobody's, and cannot be finished.
    """

    __tablename__ = "sign_in"
    __table_args__ = (
        Index("ix_sign_in_user_id", "user_id"),
        Index("ix_sign_in_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[str | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    proofs: Mapped[str] = mapped_column(String(64))
    password_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    email_key: Mapped[str | None] = mapped_column(String(320))
    device_id: Mapped[str | None] = mapped_column(String(32))
    tries: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
