"""The figures of the core and of SQL, measured on this machine; run it while it is quiet.

    python bench/figures.py

The figures of the Redis wire are in bench/redis*.py, those of isolation in bench/leaks.py.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

INI = """
[pytest]
hermetic = true
hermetic_metadata = test_figures:metadata
hermetic_app = test_figures:app
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""
QUIET_INI = "[pytest]\nhermetic = true\nasyncio_default_fixture_loop_scope = function\n"

COMMON = """
import statistics, time, pytest, redis, sqlalchemy as sa
metadata = sa.MetaData()
for number in range(60):
    sa.Table(f"t{number}", metadata, sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("a", sa.String, index=True), sa.Column("b", sa.String),
        sa.Column("at", sa.DateTime, server_default=sa.func.now()))
took, first = [], []

async def app(scope, receive, send):
    raise AssertionError("not asked")

@pytest.fixture(scope="module", autouse=True)
def say():
    yield
    middle, late = statistics.median(took), sorted(took)[int(len(took) * 0.95)]
    line = f"median {middle * 1e3:.2f} ms, p95 {late * 1e3:.2f} ms, of {len(took)}"
    if first:
        line += f"; first connect {first[0]:.2f} s"
    with open("figures", "w") as file:
        file.write(line)
"""

SETUP = """
engine = sa.create_engine("sqlite:///shop.db")
cache = redis.Redis()

@pytest.mark.parametrize("number", range(300))
def test_it(number, hermetic):
    # All that happens between a test and the first line of the next.
    cache.set("k", number)
    test = hermetic.settings.test
    with engine.connect() as connection:
        connection.execute(sa.text("select 1"))
    began = time.perf_counter()
    hermetic.end("this")
    hermetic.begin("next", test)
    with engine.connect() as connection:
        connection.execute(sa.text("select 1"))
    hermetic.keys.pem("es256")
    assert hermetic.client
    if number > 20:
        took.append(time.perf_counter() - began)
    assert cache.get("k") is None
"""

ADVANCE = """
cache = redis.Redis()

@pytest.mark.parametrize("number", range(300))
def test_it(number, hermetic):
    cache.set("k", 1, ex=60)
    began = time.perf_counter()
    hermetic.clock.advance(minutes=2)
    took.append(time.perf_counter() - began)
    assert cache.get("k") is None
"""

POSTGRES = """
engine = sa.create_engine("postgresql+psycopg://u@db.internal/app")

@pytest.fixture(autouse=True)
def timed(monkeypatch):
    from pytest_hermetic.sql.postgres.cloner import Cloner
    take = Cloner.take
    def timed_take(cloner, template):
        began = time.perf_counter()
        name = take(cloner, template)
        if len(first) > 0:
            took.append(time.perf_counter() - began)
        return name
    monkeypatch.setattr(Cloner, "take", timed_take)

@pytest.mark.parametrize("number", range(60))
def test_it(number):
    began = time.perf_counter()
    with engine.begin() as connection:
        connection.execute(sa.text("insert into t1 (a) values ('x')"))
        if not first:
            first.append(time.perf_counter() - began)
    # The rest of a test of ordinary length.
    time.sleep(0.03)
"""


def main() -> None:
    """Print each figure on a line of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = name
        print("set-up (Redis reset, 60 tables, key, client):", _measured(folder, SETUP))
        print("one advance of the clock:", _measured(folder, ADVANCE))
        print("PostgreSQL clone, first session ever:", _measured(folder, POSTGRES))
        print("PostgreSQL clone, next session:", _measured(folder, POSTGRES))
        print("idle cost:", _idle(folder))


def _measured(folder: Path, source: str) -> str:
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_figures.py").write_text(f"{COMMON}{source}")
    figures = folder / "figures"
    figures.unlink(missing_ok=True)
    run = _pytest(folder)
    return figures.read_text() if figures.exists() else f"failed:\n{run[-3000:]}"


def _idle(folder: Path) -> str:
    """What an active plugin adds to a suite that uses neither Redis nor a database."""
    (folder / "pytest.ini").write_text(QUIET_INI)
    (folder / "test_figures.py").write_text("def test_it(): pass\n")
    spans: dict[str, list[float]] = {"with": [], "without": []}
    for number in range(24):
        for word, args in (("with", ()), ("without", ("-p", "no:hermetic"))):
            before = _processor_time()
            _pytest(folder, *args)
            if number > 3:
                spans[word].append(_processor_time() - before)
    difference = statistics.median(spans["with"]) - statistics.median(spans["without"])
    return f"{difference * 1e3:.1f} ms of processor time per session"


def _processor_time() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _pytest(folder: Path, *args: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    run = subprocess.run([*command, *args], check=False, cwd=folder, capture_output=True, text=True)
    return f"{run.stdout}{run.stderr}"


if __name__ == "__main__":
    main()
