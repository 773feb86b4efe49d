"""The engine of the accounts, and what they do."""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from shop.accounts.tables import customer

engine = create_async_engine("postgresql+asyncpg://shop:secret@accounts.db.internal:5432/accounts")


async def register(email: str, **preferences: object) -> int | None:
    try:
        async with engine.begin() as tx:
            inserted = await tx.execute(
                customer.insert()
                .values(email=email, preferences=preferences)
                .returning(customer.c.id)
            )
            return inserted.scalar_one()
    except IntegrityError:
        return None


async def who_prefer(**preferences: object) -> list[str]:
    async with engine.connect() as connection:
        found = await connection.scalars(
            select(customer.c.email)
            .where(customer.c.preferences.contains(preferences))
            .order_by(customer.c.email)
        )
        return list(found)
