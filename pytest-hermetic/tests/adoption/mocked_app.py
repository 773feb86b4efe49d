"""A service with a Redis client and an engine of its own, for test modules that mock them."""

from __future__ import annotations

APP = {
    "app/__init__.py": "",
    "app/main.py": """
        from fastapi import FastAPI

        app = FastAPI()
    """,
    "app/store.py": """
        import redis.asyncio as redis
        from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

        client = redis.from_url("redis://cache")
        main = create_async_engine("postgresql+asyncpg://db/app")

        async def session() -> AsyncSession:
            return AsyncSession(main)
    """,
    "app/prices.py": "def fetch_prices():\n    return []\n",
    "app/mailing.py": "def deliver():\n    return None\n",
}
