"""The application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from slowapi import _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from sqlalchemy import text

from app.core.limiter import limiter
from app.core.redis import get_redis, init_redis
from app.database import engine
from app.dependencies import Database
from app.routers import auth, mfa


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    redis = await init_redis()
    yield
    await redis.aclose()
    await engine.dispose()


app = FastAPI(title="Accounts", lifespan=lifespan)
app.state.limiter = limiter
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
app.include_router(auth.router)
app.include_router(mfa.router)


@app.get("/health")
async def health(db: Database) -> dict[str, str]:
    redis = await get_redis()
    await db.execute(text("SELECT 1"))
    await redis.ping()
    return {"status": "ok"}
