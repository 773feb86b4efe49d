"""Mail leaves through a queue in Redis, from which another process sends it."""

import json

from app.core.redis import get_redis

QUEUE = "mail:outgoing"


async def send(to: str, template: str, **values: str) -> None:
    redis = await get_redis()
    await redis.rpush(QUEUE, json.dumps({"to": to, "template": template, **values}))
