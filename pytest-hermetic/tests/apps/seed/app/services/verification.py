"""A verification token is kept in Redis, is used once, and lives a day."""

import secrets
from datetime import timedelta

from app.config import settings
from app.core import mail
from app.core.redis import get_redis
from app.models import User


async def send_verification(user: User) -> None:
    redis = await get_redis()
    token = secrets.token_urlsafe(32)
    lifetime = timedelta(hours=settings.VERIFICATION_HOURS)
    previous = await redis.set(f"verification:of:{user.id}", token, ex=lifetime, get=True)
    if previous:
        await redis.delete(f"verification:{previous}")
    await redis.set(f"verification:{token}", user.id, ex=lifetime)
    await mail.send(user.email, "verify", token=token)


async def claim_verification(token: str) -> str | None:
    """The id of the user the token was sent to, once."""
    redis = await get_redis()
    user_id: str | None = await redis.getdel(f"verification:{token}")
    if user_id is not None:
        await redis.delete(f"verification:of:{user_id}")
    return user_id
