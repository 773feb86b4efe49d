"""The Redis client: one per process, made on first use or at start-up."""

import redis.asyncio as redis

from app.config import settings

redis_client: redis.Redis | None = None


async def init_redis() -> redis.Redis:
    global redis_client
    redis_client = redis.from_url(settings.REDIS_URL, decode_responses=True)
    await redis_client.ping()
    return redis_client


async def get_redis() -> redis.Redis:
    if redis_client is None:
        return await init_redis()
    return redis_client
