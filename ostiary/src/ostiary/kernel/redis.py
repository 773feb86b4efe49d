"""The one door to Redis: a real server, or a private one in this process.

Redis holds only what may be lost (counters, caches); what must survive a restart is in SQL.
"""

from redis.asyncio import Redis
from redis.exceptions import RedisError

__all__ = ["Redis", "RedisError", "is_embedded", "open_redis", "sweep_embedded"]

_SECONDS = 1.0


def is_embedded(url: str) -> bool:
    """Whether `url` asks for the store inside this process, which no other process sees."""
    return url == "memory://"


def open_redis(url: str) -> Redis:
    """A client for `url`: `memory://`, `redis://…` or `rediss://…` (Redis 7.0 or newer).

    Connections to a server are made on first use and time out after a second. Raises
    `ValueError` for another scheme.
    """
    if is_embedded(url):
        # Imported here: a process with a real server never pays for it. Never `from_url`: two
        # fakes made from one URL would share their data.
        from fakeredis import FakeAsyncRedis, FakeServer

        embedded: Redis = FakeAsyncRedis(server=FakeServer())
        return embedded
    return Redis.from_url(
        url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, health_check_interval=30
    )


async def sweep_embedded(redis: Redis, *, max_keys: int) -> int:
    """Make the store inside this process forget what has expired; return how many keys it keeps.

    A server does that by itself; the store in this process only when it is asked for its size.
    Of more than `max_keys` it gives up any: they are caches and counters, and memory is finite.
    """
    size = int(await redis.dbsize())
    if size <= max_keys:
        return size
    surplus = []
    async for key in redis.scan_iter(count=1_000):
        surplus.append(key)
        if len(surplus) == size - max_keys:
            break
    return size - int(await redis.delete(*surplus))
