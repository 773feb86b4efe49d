"""The one door to Redis: a real server, or a private one in this process.

Redis holds only what may be lost (counters, caches); what must survive a restart is in SQL.
"""

import re
from urllib.parse import parse_qsl, urlsplit

from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import RedisError

from ostiary.kernel.faults import Code, wrong

__all__ = [
    "Redis",
    "RedisError",
    "check_redis_url",
    "is_embedded",
    "open_redis",
    "sweep_embedded",
]

_SECONDS = 1.0

# Of the client's options those that are text, figures or switches, and leave its answers as we
# read them: no decode_responses, no encoding.
_OPTIONS = (
    *("db", "username", "password", "client_name", "protocol", "max_connections"),
    *("socket_timeout", "socket_connect_timeout", "socket_keepalive", "health_check_interval"),
)
_TLS_OPTIONS = (
    *("ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname"),
    *("ssl_ciphers", "ssl_keyfile", "ssl_password"),
)


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


def check_redis_url(url: str) -> None:
    """Refuse a URL of a server that the client could not use, or would read in another way.

    Nothing is connected. Raises `ValueError`, which repeats no value of the URL.
    """
    parts = urlsplit(url)
    malformed = wrong(
        Code.MALFORMED,
        "use redis://user:password@host:port/0. Percent-encode /, #, ? and @ in the password.",
    )
    # Of a password with one of these characters, the client takes the first part for the host.
    if "@" in parts.path + parts.query or "#" in url:
        raise malformed
    if not re.fullmatch(r"(/[0-9]*)?", parts.path):
        raise malformed
    known = _OPTIONS + (_TLS_OPTIONS if parts.scheme == "rediss" else ())
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            raise wrong(Code.UNKNOWN, _unknown_option(name, known))
    try:
        # Made and not connected: only so are the options' values looked at.
        ConnectionPool.from_url(url).make_connection()  # type: ignore[no-untyped-call]  # it has no types
    except (ValueError, TypeError, RedisError):
        # Ours, because theirs may quote a part of the password.
        if parts.query:
            raise wrong(
                Code.MALFORMED, "an option behind ? has a wrong value. Correct it, or leave it out."
            ) from None
        raise malformed from None


def _unknown_option(name: str, known: tuple[str, ...]) -> str:
    if name in _TLS_OPTIONS:
        return f"{name} needs TLS. Use rediss:// instead of redis://, or leave it out."
    return f"{name} is not an option of this URL. Leave it out; known are {', '.join(known)}."


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
