"""Refresh tokens rotate; one that was used before ends the whole session."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from app.config import settings
from app.core import jwt
from app.core.redis import get_redis
from app.schemas import Tokens

REFRESH_FOR = timedelta(days=settings.REFRESH_TOKEN_DAYS)
ACCESS_FOR = timedelta(minutes=settings.ACCESS_TOKEN_MINUTES)

# Compare and replace in one step: two requests with one token cannot both win.
ROTATE = """
local current = redis.call('GET', KEYS[1])
if not current then return 0 end
if current ~= ARGV[1] then redis.call('DEL', KEYS[1]) return -1 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""


def _sign(user_id: str, session: str, refresh_id: str) -> Tokens:
    return Tokens(
        access_token=jwt.sign(user_id, "access", ACCESS_FOR, sid=session),
        refresh_token=jwt.sign(user_id, "refresh", REFRESH_FOR, sid=session, jti=refresh_id),
        expires_in=int(ACCESS_FOR.total_seconds()),
    )


async def open_session(user_id: str) -> Tokens:
    redis = await get_redis()
    session, refresh_id = uuid4().hex, uuid4().hex
    await redis.set(f"session:{session}", refresh_id, ex=REFRESH_FOR)
    await redis.sadd(f"sessions:{user_id}", session)
    return _sign(user_id, session, refresh_id)


async def rotate(refresh_token: str) -> Tokens | None:
    claims = jwt.read(refresh_token, "refresh")
    if claims is None:
        return None
    redis = await get_redis()
    following = uuid4().hex
    rotated = await redis.eval(
        ROTATE,
        1,
        f"session:{claims['sid']}",
        claims["jti"],
        following,
        int(REFRESH_FOR.total_seconds()),
    )
    return _sign(claims["sub"], claims["sid"], following) if rotated == 1 else None


async def close_session(claims: dict[str, Any]) -> None:
    """End the session of an access token, and the token itself."""
    redis = await get_redis()
    remaining = claims["exp"] - int(datetime.now(UTC).timestamp())
    await redis.delete(f"session:{claims['sid']}")
    await redis.srem(f"sessions:{claims['sub']}", claims["sid"])
    await redis.set(f"revoked:{claims['sid']}", "1", ex=max(remaining, 1))


async def close_all_sessions(user_id: str) -> int:
    redis = await get_redis()
    sessions = await redis.smembers(f"sessions:{user_id}")
    async with redis.pipeline(transaction=True) as pipe:
        for session in sessions:
            pipe.delete(f"session:{session}")
            pipe.set(f"revoked:{session}", "1", ex=ACCESS_FOR)
        pipe.delete(f"sessions:{user_id}")
        await pipe.execute()
    return len(sessions)


async def is_revoked(claims: dict[str, Any]) -> bool:
    redis = await get_redis()
    return bool(await redis.exists(f"revoked:{claims['sid']}"))
