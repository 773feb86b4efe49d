"""The engine of the reports, and what they do: read from two databases, write to the third."""

from datetime import date

from sqlalchemy import Date, cast, create_engine, func, select
from sqlalchemy.dialects.sqlite import insert

from shop.accounts.service import engine as accounts_engine
from shop.accounts.tables import customer
from shop.billing.service import engine as billing_engine
from shop.billing.tables import invoice
from shop.reports.tables import daily

engine = create_engine("sqlite:////var/lib/shop/reports.db")


async def close_day(day: date) -> dict[str, int]:
    async with accounts_engine.connect() as connection:
        customers = await connection.scalar(
            select(func.count()).where(cast(customer.c.created_at, Date) == day)
        )
    with billing_engine.connect() as connection:
        cents = connection.scalar(
            select(func.coalesce(func.sum(invoice.c.cents), 0)).where(
                cast(invoice.c.issued_at, Date) == day
            )
        )
    figures = {"customers": customers or 0, "invoiced_cents": int(cents or 0)}
    with engine.begin() as tx:
        tx.execute(
            insert(daily).values(day=day, **figures).on_conflict_do_update(["day"], set_=figures)
        )
    return figures


def closed_days() -> list[date]:
    with engine.connect() as connection:
        return list(connection.scalars(select(daily.c.day).order_by(daily.c.day)))
