"""Tables of the reports."""

from sqlalchemy import Column, Date, Integer, MetaData, Table

metadata = MetaData()
daily = Table(
    "daily",
    metadata,
    Column("day", Date, primary_key=True),
    Column("customers", Integer, nullable=False),
    Column("invoiced_cents", Integer, nullable=False),
)
