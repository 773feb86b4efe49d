"""The engine of billing, and what it does."""

from datetime import timedelta

from sqlalchemy import create_engine, func, select, update

from shop.billing.tables import invoice

engine = create_engine("postgresql+psycopg://shop:secret@billing.db.internal:5433/billing")
DUE_AFTER = timedelta(days=14)


def issue(customer_id: int, cents: int) -> int:
    with engine.begin() as tx:
        return tx.execute(
            invoice.insert().values(customer_id=customer_id, cents=cents).returning(invoice.c.id)
        ).scalar_one()


def pay(invoice_id: int) -> bool:
    """Whether this call paid the invoice."""
    with engine.begin() as tx:
        # The row lock makes a second payment wait, and see the first.
        found = tx.execute(
            select(invoice.c.paid_at).where(invoice.c.id == invoice_id).with_for_update()
        ).one_or_none()
        if found is None or found.paid_at is not None:
            return False
        tx.execute(update(invoice).where(invoice.c.id == invoice_id).values(paid_at=func.now()))
        return True


def overdue() -> list[int]:
    late = select(invoice.c.id).where(
        invoice.c.paid_at.is_(None), invoice.c.issued_at < func.now() - DUE_AFTER
    )
    with engine.connect() as connection:
        return list(connection.scalars(late))
