"""Tables of billing."""

from sqlalchemy import CheckConstraint, Column, DateTime, Integer, MetaData, Table, func

metadata = MetaData()
invoice = Table(
    "invoice",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("customer_id", Integer, nullable=False),
    Column("cents", Integer, CheckConstraint("cents > 0"), nullable=False),
    Column("paid_at", DateTime(timezone=True)),
    Column("issued_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
)
