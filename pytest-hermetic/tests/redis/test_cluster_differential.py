"""Nodes of the in-memory cluster answer as real ones do: the same commands, replies compared."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from pytest_hermetic.explain import Recorder
from pytest_hermetic.redis.endpoints import Endpoint
from pytest_hermetic.redis.engine.key_positions import SLOTS, slot_of
from pytest_hermetic.redis.memory import MemoryBackend
from pytest_hermetic.redis.raw import RawClient, ReplyError, plain
from pytest_hermetic.redis.topologies import Topologies

pytestmark = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="no redis-server on the PATH"
)

# The slots are dealt alike: "b" (3300) is the first node's, "a" (15495) and "foo" (12182) are not.
CASES = """
CLUSTER KEYSLOT foo ; CLUSTER KEYSLOT {a}x ; CLUSTER KEYSLOT {}x ; CLUSTER KEYSLOT a{b
SET b 1 ; GET b ; GET a ; SET foo 1
MSET b 1 a 2 ; MGET {b}1 {b}2 ; MGET {a}1 {a}2 ; DEL b a
EVAL return(redis.call('get',KEYS[1])) 1 b ; EVAL return(1) 2 b a ; EVAL return(1) 1 a
EVAL return(1) 0
EVAL return(redis.call('get','a')) 0 ; EVAL return(redis.call('get','a')) 1 b
ZUNIONSTORE b 2 {b}1 {b}2 ; ZUNIONSTORE b 2 {b}1 a ; SINTERCARD 2 b a ; LMPOP 2 {b}1 b LEFT
XREAD STREAMS b a 0 0 ; XREAD STREAMS b {b}2 0 0 ; SORT b STORE a ; SORT b STORE {b}2
MULTI ; SET b 1 ; SET {b}2 2 ; EXEC
MULTI ; SET b 1 ; SET a 2 ; EXEC ; GET b
MULTI ; SET b 1 ; SET {x}b 2 ; EXEC
SELECT 0 ; SELECT 1 ; MOVE b 1 ; SWAPDB 0 1
READONLY ; READWRITE ; ASKING ; GET a ; PING
CLUSTER COUNTKEYSINSLOT 3300 ; SET b 1 ; CLUSTER COUNTKEYSINSLOT 3300 ; CLUSTER GETKEYSINSLOT 3300 5
CLUSTER COUNTKEYSINSLOT 99999 ; CLUSTER COUNTKEYSINSLOT x ; CLUSTER GETKEYSINSLOT 3300 -1
CLUSTER REPLICAS nobody ; CLUSTER FOO ; CLUSTER COUNTKEYSINSLOT
SSUBSCRIBE a ; SPUBLISH a m ; SPUBLISH b m ; PUBLISH a m
KEYS * ; DBSIZE ; RANDOMKEY ; FLUSHALL ; WATCH a ; WATCH b ; UNWATCH ; OBJECT ENCODING a ; TOUCH b a
GET ; NOSUCH a ; GEORADIUS b 0 0 1 m STORE a ; MIGRATE h 1 a 0 1
"""
MIGRATING = """
GET {m}1 ; GET {m}2 ; MGET {m}1 {m}2 ; SET {m}3 1 ; DEL {m}1 ; GET {m}1
"""
IMPORTING = """
GET {m}1 ; ASKING ; GET {m}2 ; GET {m}2 ; ASKING ; SET {m}4 x ; ASKING ; MGET {m}2 {m}9
"""


def _free_port() -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 55000:  # the bus listens 10000 above
            return port


@contextmanager
def _real(folder: str) -> Iterator[list[RawClient]]:
    """Three primaries without replicas, the slots dealt as ours are."""
    ports = [_free_port() for _ in range(3)]
    started = [
        subprocess.Popen(
            [
                *("redis-server", "--port", str(port), "--cluster-enabled", "yes", "--save", ""),
                *("--cluster-config-file", f"{folder}/{port}.conf", "--dir", folder),
            ],
            stdout=subprocess.DEVNULL,
        )
        for port in ports
    ]
    nodes: list[RawClient] = []
    try:
        nodes += [_connected(port) for port in ports]
        for node, (first, last) in zip(nodes, _RANGES, strict=True):
            node.call("CLUSTER", "ADDSLOTSRANGE", first, last)
            node.call("CLUSTER", "MEET", "127.0.0.1", ports[0])
        _until(
            lambda: all(
                b"cluster_state:ok" in node.call("CLUSTER", "INFO")
                and len(node.call("CLUSTER", "SLOTS")) == 3
                for node in nodes
            )
        )
        yield nodes
    finally:
        for node in nodes:
            node.close()
        for process in started:
            process.kill()
            process.wait()


_RANGES = ((0, 5460), (5461, 10922), (10923, SLOTS - 1))


def _connected(port: int) -> RawClient:
    def dial() -> bool:
        try:
            found.append(RawClient(socket.create_connection(("127.0.0.1", port))))
        except ConnectionError:
            return False
        return True

    found: list[RawClient] = []
    _until(dial)
    return found[0]


def _until(holds) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _replies(client: RawClient, line: str) -> list[object]:
    """What each command of a line answers; addresses are those of a cluster, not compared."""
    found: list[object] = []
    for command in line.split(" ; "):
        try:
            reply = client.call(*command.split())
        except ReplyError as error:
            reply = str(error).partition(" script:")[0]
            if reply.startswith(("MOVED", "ASK ")):
                reply = " ".join(reply.split()[:2])
        found.append(plain(reply))
    return found


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def test_a_node_answers_as_a_real_one(tmp_path):
    backend = MemoryBackend((7, 0), lambda *_: None, None, Topologies((7, 0), (), Recorder()))
    link = backend.link(Endpoint("cluster", 7000))
    with _real(str(tmp_path)) as real:
        with closing(RawClient(link.socket(None))) as ours:
            assert [row[:2] for row in ours.call("CLUSTER", "SLOTS")] == [list(r) for r in _RANGES]
        for line in _lines(CASES):
            for node in real:
                node.call("FLUSHALL")
            backend.reset()
            with closing(RawClient(link.socket(None))) as ours:
                fresh = RawClient(socket.create_connection(real[0]._sock.getpeername()))
                with closing(fresh):
                    assert _replies(ours, line) == _replies(fresh, line), line


def test_a_slot_on_its_way_answers_as_a_real_one(tmp_path):
    topologies = Topologies((7, 0), (), Recorder())
    backend = MemoryBackend((7, 0), lambda *_: None, None, topologies)
    slot = slot_of(b"m")
    with _real(str(tmp_path)) as real:
        owner = next(n for n, (a, b) in enumerate(_RANGES) if a <= slot <= b)
        target = (owner + 1) % 3
        names = [node.call("CLUSTER", "MYID") for node in real]
        real[owner].call("SET", "{m}1", "here")
        real[target].call("CLUSTER", "SETSLOT", slot, "IMPORTING", names[owner])
        real[owner].call("CLUSTER", "SETSLOT", slot, "MIGRATING", names[target])
        real[target].call("ASKING")
        real[target].call("SET", "{m}2", "there")

        first = RawClient(backend.link(Endpoint("cluster", 7000)).socket(None))
        first.call("CLUSTER", "SLOTS")
        ours = [
            RawClient(backend.link(Endpoint("cluster", 7000 + number)).socket(None))
            for number in range(3)
        ]
        for key, value in (("{m}1", "here"), ("{m}2", "there")):
            ours[owner].call("SET", key, value)
        assert topologies.cluster is not None
        topologies.cluster.migrate(b"{m}2", topologies.cluster.shards[target])
        for line in _lines(MIGRATING):
            assert _replies(ours[owner], line) == _replies(real[owner], line), line
        for line in _lines(IMPORTING):
            assert _replies(ours[target], line) == _replies(real[target], line), line
        for client in (first, *ours):
            client.close()
