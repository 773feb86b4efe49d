"""Five wrong passwords in a quarter of an hour lock the address for the rest of it."""

from app.config import settings
from app.core.redis import get_redis


async def is_locked(email: str) -> bool:
    redis = await get_redis()
    return int(await redis.get(f"failures:{email}") or 0) >= settings.LOCKOUT_ATTEMPTS


async def count_failure(email: str) -> None:
    redis = await get_redis()
    async with redis.pipeline(transaction=True) as pipe:
        pipe.incr(f"failures:{email}")
        pipe.expire(f"failures:{email}", settings.LOCKOUT_MINUTES * 60, nx=True)
        await pipe.execute()


async def forget_failures(email: str) -> None:
    redis = await get_redis()
    await redis.delete(f"failures:{email}")
