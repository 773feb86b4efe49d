"""Tables, the engine and the scoped session, as Flask services have them."""

from datetime import datetime

from sqlalchemy import DateTime, String, UniqueConstraint, create_engine, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker

engine = create_engine("sqlite:///guestbook.db")
db_session = scoped_session(sessionmaker(engine))


class Base(DeclarativeBase):
    query = db_session.query_property()


class Entry(Base):
    __tablename__ = "entry"
    __table_args__ = (UniqueConstraint("author", "text", name="uq_entry_author_text"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    author: Mapped[str] = mapped_column(String(80))
    text: Mapped[str] = mapped_column(String(1000))
    at: Mapped[datetime] = mapped_column(DateTime, server_default=func.now())


class Rule(Base):
    """The rules of the house; the migrations hold their texts."""

    __tablename__ = "rule"

    number: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(200))
