"""When a fault strikes is counted, and a fault that never struck fails its test."""

from __future__ import annotations

pytest_plugins = ["pytester"]

GREEN = """
import threading
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

client = redis.Redis.from_url("redis://a/0", socket_timeout=30, retry=Retry(NoBackoff(), 0))
other = redis.Redis.from_url("redis://b/0", socket_timeout=30, retry=Retry(NoBackoff(), 0))

def outcomes(times, of=client):
    found = ""
    for _ in range(times):
        try:
            of.set("k", "v")
            found += "."
        except redis.exceptions.OutOfMemoryError:
            found += "x"
    return found

@pytest.mark.fault("redis", "oom")
def test_as_long_as_the_test():
    assert outcomes(4) == "xxxx"

def test_not_in_the_next_test(hermetic_faults):
    assert outcomes(2) == ".."

@pytest.mark.fault("redis", "oom", after=2, times=1)
def test_after_and_times():
    assert outcomes(5) == "..x.."

@pytest.mark.fault("redis", "oom", server="redis://b")
def test_of_one_server():
    assert outcomes(2) + outcomes(2, other) == "..xx"

@pytest.mark.fault("redis", "oom", after=1, times=1)
@pytest.mark.fault("redis", "oom", after=3, times=1)
def test_two_faults():
    # Each counts what reaches it: the one that strikes hides the command from the other.
    assert outcomes(6) == ".x..x."

def test_a_block(hermetic):
    with hermetic.faults.redis("oom", times=2) as fault:
        assert outcomes(3) == "xx."
    assert outcomes(1) == "."
    assert (fault.seen, fault.fired, fault.struck) == (3, 2, ["SET k", "SET k"])

def test_a_block_within_a_block(hermetic):
    with hermetic.faults.redis("readonly", commands="del"):
        with hermetic.faults.redis("oom"):
            assert outcomes(1) == "x"
        assert outcomes(1) == "."
        with pytest.raises(redis.exceptions.ReadOnlyError):
            client.delete("k")

def test_threads_are_counted_together(hermetic):
    found = []
    with hermetic.faults.redis("oom", times=10) as fault:
        threads = [threading.Thread(target=lambda: found.append(outcomes(10))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert "".join(found).count("x") == fault.fired == 10

@pytest.mark.fault("redis", "oom", unused="allow")
def test_it_may_be_unused():
    pass

def test_an_error_in_the_block_is_not_hidden(hermetic):
    with pytest.raises(ZeroDivisionError):
        with hermetic.faults.redis("oom"):
            1 / 0

@pytest.mark.parametrize(
    ("kind", "options", "complaint"),
    [
        ("tiemout", {}, "it has refuse, down, timeout"),
        ("oom", {"secnds": 1}, "no option secnds"),
        ("oom", {"seconds": 1}, "takes no seconds"),
        ("latency", {}, "needs seconds"),
        ("error", {}, "needs text"),
        ("oom", {"at": "connect"}, "cannot be at"),
        ("cut", {"lost": "all"}, "'request' or 'answer'"),
    ],
)
def test_nonsense_is_refused(hermetic, kind, options, complaint):
    with pytest.raises(pytest.UsageError, match=complaint):
        with hermetic.faults.redis(kind, **options):
            pass

@pytest.mark.parametrize(
    ("kind", "options", "complaint"),
    [
        ("oom", {}, "it has disconnect, down"),
        ("down", {"at": "commit"}, "cannot be at"),
        ("deadlock", {"lost": "answer"}, "cannot have lost"),
        ("slow", {}, "needs seconds"),
        ("locked", {"at": "commit", "statements": "x"}, "a commit has no text"),
    ],
)
def test_nonsense_is_refused_of_sql_too(hermetic, kind, options, complaint):
    with pytest.raises(pytest.UsageError, match=complaint):
        with hermetic.faults.sql(kind, **options):
            pass
"""

RED = """
import pytest
import redis

client = redis.Redis.from_url("redis://a/0")

@pytest.mark.fault("redis", "timeout", after=3)
def test_a_marked_fault_that_never_strikes():
    client.get("k")

def test_a_block_without_a_stroke(hermetic):
    with hermetic.faults.redis("noscript"):
        client.get("k")

@pytest.mark.fault("sql", "deadlock")
def test_no_database_at_all():
    client.get("k")
"""


def test_faults_strike_by_count(suite):
    suite(GREEN).assert_outcomes(passed=22)


def test_a_fault_that_never_struck_fails(suite):
    outcome = suite(RED)
    outcome.assert_outcomes(failed=3)
    outcome.stdout.fnmatch_lines_random(
        [
            "*the fault redis 'timeout' after=3 never struck: it met 1 operations of its kind*",
            "*the fault redis 'noscript' never struck: no operation of its kind was met*",
            "*the fault sql 'deadlock' never struck*",
        ]
    )


def test_a_marker_without_a_resource_is_an_error(suite):
    suite(
        """
        import pytest

        @pytest.mark.fault("down")
        def test_it():
            pass

        @pytest.mark.fault("mongo", "down")
        def test_another():
            pass
        """
    ).assert_outcomes(errors=2)


def test_strokes_are_explained(suite):
    outcome = suite(
        """
        import pytest
        import redis

        @pytest.mark.fault("redis", "refuse")
        def test_it():
            with pytest.raises(redis.ConnectionError):
                redis.Redis.from_url("redis://a/0").get("k")
        """,
        args=("--hermetic-explain",),
    )
    outcome.assert_outcomes(passed=1)
    outcome.stdout.fnmatch_lines(["*fault*redis refuse*connect to a:6379*"])
