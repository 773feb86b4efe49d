"""How many of many tests that write the same keys and rows see what another one wrote.

python bench/leaks.py                     the published figure: 1,000 tests, 20 orders
python bench/leaks.py --tests 200 --orders 2 --workers 0
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

INI = """
[pytest]
hermetic = {active}
hermetic_metadata = test_leaks:metadata
hermetic_env = SECRET=@secret:32
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""

SUITE = """
import cachetools, limits.storage, pytest, redis, redis.asyncio, sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

metadata = sa.MetaData()
user = sa.Table("user", metadata, sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("email", sa.String, unique=True))
cache = redis.Redis(host="cache.internal")
async_cache = redis.asyncio.Redis(host="cache.internal")
engine = sa.create_engine("sqlite:///shop.db")
async_engine = create_async_engine("sqlite+aiosqlite:///shop.db")
kept = cachetools.LRUCache(10)
counts = limits.storage.MemoryStorage()

def private(number):
    assert not kept and counts.get("k") == 0
    kept["k"] = counts.incr("k", 60)

@pytest.mark.parametrize("number", range({half}))
def test_sync(number):
    private(number)
    assert cache.get("k") is None and cache.dbsize() == 0
    cache.set("k", number)
    cache.incr("n")
    with engine.begin() as connection:
        connection.execute(user.insert().values(email="same"))
        assert connection.execute(sa.select(user.c.id)).all() == [(1,)]
    assert cache.mget("k", "n") == [str(number).encode(), b"1"]

@pytest.mark.parametrize("number", range({half}))
async def test_async(number):
    private(number)
    assert await async_cache.get("k") is None and await async_cache.dbsize() == 0
    await async_cache.set("k", number)
    await async_cache.incr("n")
    async with async_engine.begin() as connection:
        await connection.execute(user.insert().values(email="same"))
        assert (await connection.execute(sa.select(user.c.id))).all() == [(1,)]
    assert await async_cache.mget("k", "n") == [str(number).encode(), b"1"]
"""

# What the tests meet where nothing is reset: one Redis and one file for all, as in production.
SHARED = """
import fakeredis, pytest

@pytest.fixture(scope="session", autouse=True)
def shared():
    import test_leaks
    server = fakeredis.FakeServer()
    test_leaks.cache = fakeredis.FakeRedis(server=server)
    test_leaks.async_cache = fakeredis.FakeAsyncRedis(server=server)
    test_leaks.metadata.create_all(test_leaks.engine)
"""


def main() -> int:
    """Print one line per number of workers; the exit code is 1 if anything leaked."""
    options = _options()
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        active = "false" if options.leak else "true"
        (folder / "pytest.ini").write_text(INI.format(active=active))
        (folder / "test_leaks.py").write_text(SUITE.format(half=options.tests // 2))
        if options.leak:
            (folder / "conftest.py").write_text(SHARED)
        for workers in options.workers:
            leaks, ran, began = 0, 0, time.perf_counter()
            for seed in range(options.orders):
                passed, others = _run(folder, workers, seed)
                ran += passed + others
                leaks += others
            took = time.perf_counter() - began
            what = f"{ran} tests in {options.orders} orders"
            print(f"workers {workers}: {what}, {leaks} leaks, {took:.0f} s")
            failed = failed or leaks > 0 or ran != options.orders * (options.tests // 2 * 2)
    return int(failed)


def _run(folder: Path, workers: int, seed: int) -> tuple[int, int]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short"]
    command += [f"--randomly-seed={seed}"]
    if workers:
        command += ["-n", str(workers)]
    run = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
    output = run.stdout
    found = re.findall(r"(\d+) (passed|failed|error)", output)
    counts = {word: int(number) for number, word in found}
    if not counts:
        print(output[-2000:])
    return counts.get("passed", 0), counts.get("failed", 0) + counts.get("error", 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=int, default=1000)
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--leak", action="store_true", help="run without the plugin")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
