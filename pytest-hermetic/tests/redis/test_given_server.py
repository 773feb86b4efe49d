"""A Redis given by URL: used when it is empty, refused when a test would delete what it holds."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest

pytest_plugins = ["pytester"]

pytestmark = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="no redis-server on the PATH"
)

TWO_TESTS = """
import pytest
import redis

client = redis.Redis.from_url("redis://cache/0")

@pytest.mark.parametrize("turn", range(2))
def test_it(turn):
    assert client.dbsize() == 0
    client.set("k", "v")
    client.config_set("maxmemory-samples", "7")
"""


@pytest.fixture
def given(tmp_path):
    path = tmp_path / "given.sock"
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", ""],
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    try:
        for _ in range(3000):
            if path.exists():
                break
            time.sleep(0.02)
        yield path
    finally:
        server.terminate()
        server.wait()


def cli(path, *words):
    command = ["redis-cli", "-s", str(path), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_it_is_used(suite, given):
    suite(TWO_TESTS, f"hermetic_redis = unix://{given}").assert_outcomes(passed=2)
    assert cli(given, "get", "k") == "v"


def test_it_is_refused_when_it_holds_keys(suite, given):
    cli(given, "set", "precious", "data")
    result = suite(TWO_TESTS, f"hermetic_redis = unix://{given}")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*holds keys, and every test would delete them*"])
    assert cli(given, "get", "precious") == "data"


def test_it_stands_for_one_server_only(suite, given):
    result = suite(
        """
        import redis

        def test_it():
            redis.Redis.from_url("redis://one/0").ping()
            redis.Redis.from_url("redis://two/0").ping()
        """,
        f"hermetic_redis = unix://{given}",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*stands for one:6379; the service also connects to two:6379*"])


def test_xdist_workers_may_not_share_it(suite, given):
    result = suite(TWO_TESTS, f"hermetic_redis = unix://{given}", args=("-n", "2"))
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*cannot be shared by xdist workers*"])


def test_a_missing_binary_is_named(suite, monkeypatch):
    import sys
    from pathlib import Path

    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    result = suite(TWO_TESTS, "hermetic_redis = server")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*needs redis-server or valkey-server on the PATH*"])


def test_spawned_servers_are_gone_afterwards(suite, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    suite(
        """
        import redis

        def test_it():
            for host in ("one", "two"):
                assert redis.Redis(host=host).set("k", host)
            assert redis.Redis(host="one").get("k") == b"one"
        """,
        "hermetic_redis = server",
    ).assert_outcomes(passed=1)
    assert not list(tmp_path.glob("hermetic-redis-*"))
