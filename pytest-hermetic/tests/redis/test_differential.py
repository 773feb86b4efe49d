"""The in-memory server answers as a real Redis 7 does: the same commands, reply by reply."""

from __future__ import annotations

import differential
import pytest
from random_commands import Generator

pytestmark = pytest.mark.skipif(
    not differential.have_server(), reason="no redis-server on the PATH to compare with"
)

# What is known to differ, and why.
KNOWN = {
    "zsets:67": "GEODIST: fakeredis keeps ten letters of a geohash, Redis 52 bits",
    "zsets:69": "GEOSEARCH WITHDIST: the same, and four decimals",
    "strings:126": "PFADD without elements creates a key in Redis",
    "scripts:105": "a script's big_number is text in RESP3",
}


@pytest.mark.parametrize("protocol", [2, 3])
def test_scripted_cases_are_exact(protocol):
    everything = [case for topic in differential.topics() for case in differential.cases(topic)]
    with differential.both(protocol) as (memory, real):
        found = [
            mismatch
            for case in everything
            for mismatch in differential.replay(case, memory, real)
            if f"{case.topic}:{case.number}" not in KNOWN
        ]
    assert len(everything) >= 800
    assert len(KNOWN) <= len(everything) // 100
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("protocol", [2, 3])
def test_random_commands_have_the_same_values(protocol):
    """The bench script runs 50,000; these are enough to notice a command that broke."""
    values, texts = [], []
    with differential.both(protocol) as (memory, real):
        for number, command in enumerate(Generator(seed=protocol).commands(4000)):
            ours, theirs = memory.run(command), real.run(command)
            if differential.same(command[0], ours, theirs):
                continue
            case = differential.Case("random", number, "")
            mismatch = differential.Mismatch(case, b" ".join(command), ours, theirs)
            (texts if mismatch.kind == "text" else values).append(mismatch)
            if mismatch.kind == "value":
                memory.run([b"FLUSHALL"])
                real.run([b"FLUSHALL"])
    assert len(values) <= 2, "\n".join(map(str, values))
    assert len(texts) <= 12, "\n".join(map(str, texts))


def test_the_comparison_can_fail():
    """A harness that calls everything equal would prove nothing."""
    reply = differential.Reply
    assert not differential.same(b"GET", b"a", b"b")
    assert not differential.same(b"GET", None, reply("*", None))
    assert not differential.same(b"SMEMBERS", [b"a"], reply("~", [b"a"]))
    assert not differential.same(b"LRANGE", [b"a", b"b"], [b"b", b"a"])
    assert not differential.same(b"GET", reply("-", "ERR x"), reply("-", "ERR y"))
    assert differential.same(b"SMEMBERS", [b"a", b"b"], [b"b", b"a"])
