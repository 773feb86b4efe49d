"""Times the Redis of the plugin: a command, a connection, a reset, the cost of not using it.

    python pytest-hermetic/bench/redis_figures.py

Every figure is the best of several rounds: what is wanted is the cost, not the weather.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

ROUNDS, CALLS = 9, 1000


def best(work: Callable[[], None], calls: int = CALLS) -> float:
    """Microseconds for one call in the best round of ``work``, which makes ``calls``."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        rounds.append((time.perf_counter() - started) / calls * 1e6)
    return min(rounds)


async def best_of(one: Callable[[], Awaitable[object]]) -> float:
    """The same for an awaitable."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(CALLS):
            await one()
        rounds.append((time.perf_counter() - started) / CALLS * 1e6)
    return min(rounds)


def report(name: str, figure: float, unit: str = "µs") -> None:
    print(f"{name:<58}{figure:10.1f} {unit}")


async def compared(ours: object, theirs: object) -> tuple[float, float]:
    """GET on two clients in turns, so that both meet the same weather."""
    best_times = [float("inf"), float("inf")]
    for client in (ours, theirs):
        await client.set("k", "v")  # type: ignore[attr-defined]
    for _ in range(60):
        for index, client in enumerate((ours, theirs)):
            get = client.get  # type: ignore[attr-defined]
            started = time.perf_counter()
            for _ in range(100):
                await get("k")
            spent = (time.perf_counter() - started) / 100 * 1e6
            best_times[index] = min(best_times[index], spent)
    return best_times[0], best_times[1]


async def commands(client: object, name: str) -> float:
    await client.set("k", "v")  # type: ignore[attr-defined]
    figure = await best_of(lambda: client.get("k"))  # type: ignore[attr-defined]
    report(f"async GET, {name}", figure)
    return figure


def main() -> None:
    import fakeredis
    import redis
    import redis.asyncio

    from pytest_hermetic.clock import Clock
    from pytest_hermetic.faults import Faults
    from pytest_hermetic.redis import RedisResource
    from pytest_hermetic.settings import Settings

    settings = Settings(redis="memory")
    resource = RedisResource(settings, Faults(Clock("off"), settings.explain))
    resource.install()
    resource.begin("bench")
    url = "redis://cache/0"
    print(f"redis-py {redis.__version__}, fakeredis {fakeredis.__version__}")

    async def asynchronous() -> None:
        # redis-py 8 wraps each send in wait_for unless told not to; fakeredis does not send at all.
        ours = redis.asyncio.Redis.from_url(url, protocol=2, socket_timeout=None)
        theirs = fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer(), protocol=2)
        mine, fake = await compared(ours, theirs)
        report("async GET, through the plugin", mine)
        report("async GET, fakeredis' own client", fake)
        report("async GET, difference (target: at most 15)", mine - fake)
        default = redis.asyncio.Redis.from_url(url, protocol=2)
        await commands(default, "through the plugin, default timeouts")
        pipe = ours.pipeline(transaction=True)

        async def transaction() -> None:
            for _ in range(4):
                pipe.incr("n")
            await pipe.execute()

        report("async MULTI of four", await best_of(transaction))
        report("async EVAL", await best_of(lambda: ours.eval("return redis.call('get','k')", 0)))

    asyncio.run(asynchronous())

    client = redis.Redis.from_url(url, protocol=2)
    client.set("k", "v")
    report("sync GET", best(lambda: [client.get("k") for _ in range(CALLS)] and None))

    def connect() -> None:
        for _ in range(100):
            other = redis.Redis.from_url(url, protocol=2)
            other.ping()
            other.close()

    report("connect, ping, close", best(connect, 100))

    times = []
    for _ in range(2000):
        for number in range(50):
            client_set(resource, number)
        started = time.perf_counter()
        resource.begin("bench")
        times.append((time.perf_counter() - started) * 1e6)
    times.sort()
    report("reset of 50 keys, median", statistics.median(times))
    report("reset of 50 keys, p95", times[int(len(times) * 0.95)])
    resource.close()
    report("import of the plugin's Redis part alone", import_time(), "ms")


def client_set(resource: object, number: int) -> None:
    """A key without the cost of a client."""
    (link,) = resource._backends["memory"]._links.values()  # type: ignore[attr-defined]
    link.server.sockets[0].handle([b"SET", b"key:%d" % number, b"v"])


def import_time() -> float:
    """Milliseconds to import what every suite with redis imports, redis itself not counted."""
    code = (
        "import pytest, redis.asyncio, time; t = time.perf_counter(); "
        "import pytest_hermetic.redis; print((time.perf_counter() - t) * 1e3)"
    )
    runs = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(3)
    ]
    return min(runs)


if __name__ == "__main__":
    main()
