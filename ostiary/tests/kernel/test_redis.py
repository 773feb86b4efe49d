"""The one door to Redis: a private store in this process, or a server by its address."""

import pytest

from ostiary.kernel.redis import is_embedded, open_redis


async def test_two_embedded_stores_never_share() -> None:
    first, second = open_redis("memory://"), open_redis("memory://")
    await first.set("name", "first")
    assert await second.get("name") is None
    await second.flushall()
    assert await first.get("name") == b"first"
    await first.aclose()
    await second.aclose()


async def test_an_embedded_store_needs_no_server_and_loses_nothing_while_open() -> None:
    redis = open_redis("memory://")
    async with redis.pipeline(transaction=True) as pipe:
        pipe.zadd("budget", {"mark": 1.5})
        pipe.zcard("budget")
        pipe.zrange("budget", 0, 0, withscores=True)
        assert await pipe.execute() == [1, 1, [(b"mark", 1.5)]]
    assert await redis.zcard("budget") == 1
    await redis.aclose()


def test_only_memory_is_embedded() -> None:
    assert is_embedded("memory://")
    assert not is_embedded("redis://127.0.0.1:6379")


@pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:6379", ""])
def test_another_scheme_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="scheme"):
        open_redis(url)
