"""Tables."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "book"

    isbn: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]


class Loan(Base):
    __tablename__ = "loan"

    # The key is the book: a book is lent to one reader.
    isbn: Mapped[str] = mapped_column(ForeignKey("book.isbn"), primary_key=True)
    reader: Mapped[str]
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
