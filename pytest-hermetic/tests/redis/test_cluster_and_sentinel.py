"""Clients of a Redis Cluster and of sentinels meet one in memory, with nothing said beforehand."""

from __future__ import annotations

pytest_plugins = ["pytester"]

CLUSTER = """
import pytest
import {library} as library
import {library}.asyncio
from {library}.asyncio.cluster import {name}Cluster as AsyncCluster
from {library}.backoff import NoBackoff
from {library}.cluster import {name}Cluster as Cluster

ERRORS = library.exceptions
REPLICAS = {{
    protocol: Cluster.from_url(
        "redis://cluster.internal:7000", protocol=protocol, socket_timeout=60, {reading}
    )
    for protocol in {protocols}
}}
CLIENTS = {{
    protocol: Cluster.from_url(
        "redis://cluster.internal:7000", protocol=protocol, socket_timeout=60
    )
    for protocol in {protocols}
}}

@pytest.fixture(params=CLIENTS)
def client(request):
    return CLIENTS[request.param]

@pytest.fixture
def cluster(hermetic):
    return hermetic.redis.cluster

def another(cluster, key):
    owner = cluster.owner(key)
    return next(n for n, role in cluster.nodes.items() if role == "primary" and n != owner)

@pytest.mark.parametrize("turn", range(2))
def test_keys_live_where_their_slots_are(hermetic, client, turn):
    assert client.dbsize(target_nodes="primaries") == 0
    for number in range(40):
        client.set(f"k{{number}}", number)
    assert client.get("k7") == b"7"
    assert client.dbsize(target_nodes="primaries") == len(hermetic.redis.keys()) == 40
    sizes = [client.dbsize(target_nodes=node) for node in client.get_primaries()]
    assert len(sizes) == 3 and all(sizes)
    assert sorted(client.scan_iter("k*", count=7))[0] == b"k0"
    assert client.mget("{{u}}1", "{{u}}2") == [None, None]

def test_keys_of_two_slots_do_not_go_together(client):
    node = client.get_node_from_key("a")
    with pytest.raises(ERRORS.ClusterCrossSlotError):
        client.execute_command("MSET", "a", 1, "b", 2, target_nodes=node)

def test_the_client_follows_a_slot_that_moved(hermetic, client, cluster):
    client.set("k", "v", ex=100)
    there = another(cluster, "k")
    cluster.move("k", there)
    assert client.get("k") == b"v"
    assert client.ttl("k") in (99, 100)
    assert hermetic.redis.commands[-1].server == there

def test_the_client_asks_where_a_key_has_gone(hermetic, client, cluster):
    client.set("k", "v")
    there = another(cluster, "k")
    cluster.migrate("k", there)
    assert client.get("k") == b"v"
    sent = [str(command) for command in hermetic.redis.commands if command.server == there]
    assert sent[-2:] == ["ASKING", "GET k"]
    assert cluster.owner("k") != there

def test_the_client_survives_a_failover(client, cluster):
    client.set("k", "v")
    former = cluster.owner("k")
    new = cluster.fail_over(former)
    assert cluster.nodes[former] == "replica" and cluster.nodes[new] == "primary"
    assert client.get("k") == b"v"
    assert client.set("k", "w")

def test_all_is_as_it_was_after_a_failover(client, cluster):
    assert cluster.owner("k") == "cluster.internal:7001"
    assert set(list(cluster.nodes.values())[:3]) == {{"primary"}}
    assert client.set("k", "v")

@pytest.mark.parametrize("protocol", REPLICAS)
def test_replicas_are_read(hermetic, protocol):
    client = REPLICAS[protocol]
    for number in range(30):
        client.set(f"k{{number}}", number)
        assert client.get(f"k{{number}}") == str(number).encode()
    read = {{c.server for c in hermetic.redis.commands if c.args[0] == b"GET"}}
    roles = {{hermetic.redis.cluster.nodes[server] for server in read}}
    assert "replica" in roles

def test_a_message_reaches_every_node(client):
    with client.pubsub() as listening:
        listening.subscribe("news")
        assert listening.get_message(timeout=60)["type"] == "subscribe"
        for node in client.get_primaries():
            client.execute_command("PUBLISH", "news", node.name, target_nodes=node)
        heard = {{listening.get_message(timeout=60)["data"].decode() for _ in range(3)}}
    assert heard == {{node.name for node in client.get_primaries()}}

def test_what_a_node_tells_of_the_cluster(client):
    assert client.cluster_keyslot("foo") == 12182
    assert client.cluster_info(target_nodes=client.get_primaries()[0])["cluster_state"] == "ok"
    assert len(client.cluster_nodes()) == 6
    assert len(client.cluster_shards(target_nodes=client.get_primaries()[0])) == 3

@pytest.mark.parametrize("protocol", {protocols})
async def test_asynchronously(hermetic, cluster, protocol):
    client = AsyncCluster.from_url(
        "redis://cluster.internal:7000", protocol=protocol, socket_timeout=60
    )
    for number in range(20):
        await client.set(f"k{{number}}", number)
    cluster.move("k1", another(cluster, "k1"))
    cluster.migrate("k2", another(cluster, "k2"))
    assert [await client.get(f"k{{n}}") for n in range(4)] == [b"0", b"1", b"2", b"3"]
    async with client.pipeline() as pipeline:
        assert await pipeline.set("a", 1).set("b", 2).get("k7").execute() == [True, True, b"7"]
    cluster.fail_over(cluster.owner("k9"))
    assert await client.get("k9") == b"9"
    await client.aclose()

def test_a_single_server_is_none(hermetic):
    alone = library.{name}.from_url("redis://alone:6379")
    with pytest.raises(ERRORS.ResponseError, match="cluster support disabled"):
        alone.execute_command("CLUSTER INFO")
    assert alone.set("a", 1) and alone.mset({{"a": 1, "b": 2}})
"""

SENTINEL = """
import pytest
import {library} as library
from {library}.asyncio.sentinel import Sentinel as AsyncSentinel
from {library}.sentinel import Sentinel

ERRORS = library.exceptions
WHERE = [("sentinel-1", 26379), ("sentinel-2", 26379)]

def options(protocol):
    of_each = {{"protocol": protocol, "socket_timeout": 60}}
    return {{**of_each, "sentinel_kwargs": of_each, "min_other_sentinels": 2}}

@pytest.fixture(params={protocols})
def sentinel(request):
    return Sentinel(WHERE, **options(request.param))

def test_the_primary_and_its_replica(hermetic, sentinel):
    primary, replica = sentinel.master_for("orders"), sentinel.slave_for("orders")
    primary.set("k", "v")
    assert replica.get("k") == b"v"
    assert primary.role()[0] == b"master" and replica.role()[0] == b"slave"
    assert replica.info("replication")["role"] == "slave"
    assert sentinel.discover_master("orders") == ("orders-1", 6379)
    assert sentinel.discover_slaves("orders") == [("orders-2", 6379)]
    first = sentinel.sentinels[0]
    assert first.sentinel_get_master_addr_by_name("orders")[1] == 6379
    assert len(first.sentinel_sentinels("orders")) == 2
    assert hermetic.redis.keys() == ["k"]

def test_a_replica_only_reads(sentinel):
    replica = sentinel.slave_for("orders")
    with pytest.raises(ERRORS.ReadOnlyError):
        replica.set("k", "v")
    with pytest.raises(ERRORS.ReadOnlyError):
        replica.eval("return redis.call('set', KEYS[1], 1)", 1, "k")

PRIMARY = Sentinel(WHERE, **options(2)).master_for("orders")

@pytest.mark.parametrize("turn", range(3))
def test_a_client_of_the_module_survives_a_failover_in_each_test(hermetic, turn):
    PRIMARY.set("k", "v")
    assert hermetic.redis.sentinel.fail_over("orders") == "orders-2:6379"
    PRIMARY.set("k", "w")

def test_a_failover(hermetic, sentinel):
    primary = sentinel.master_for("orders")
    primary.set("k", "v")
    with sentinel.sentinels[0].pubsub() as listening:
        listening.subscribe("+switch-master")
        listening.get_message(timeout=60)
        assert hermetic.redis.sentinel.fail_over("orders") == "orders-2:6379"
        told = listening.get_message(timeout=60)
    assert told["data"] == b"orders orders-1 6379 orders-2 6379"
    assert primary.get("k") == b"v"
    primary.set("k", "w")
    assert hermetic.redis.commands[-1].server == "orders-2:6379"

def test_services_are_apart_and_begin_anew(hermetic, sentinel):
    assert hermetic.redis.sentinel.primary("orders") == "orders-1:6379"
    sentinel.master_for("orders").set("k", "v")
    assert sentinel.master_for("carts").get("k") is None

@pytest.mark.parametrize("protocol", {protocols})
async def test_asynchronously(hermetic, protocol):
    sentinel = AsyncSentinel(WHERE, **options(protocol))
    primary, replica = sentinel.master_for("orders"), sentinel.slave_for("orders")
    await primary.set("k", "v")
    assert await replica.get("k") == b"v"
    with pytest.raises(ERRORS.ReadOnlyError):
        await replica.set("k", "w")
    hermetic.redis.sentinel.fail_over("orders")
    await primary.set("k", "w")
    assert await replica.get("k") == b"w"
    for client in (primary, replica, *sentinel.sentinels):
        await client.aclose()
"""

_REDIS = {
    "library": "redis",
    "name": "Redis",
    "protocols": "(2, 3)",
    "reading": "load_balancing_strategy=library.cluster.LoadBalancingStrategy.ROUND_ROBIN",
}
# In RESP3 valkey-py 6 takes MOVED for any error, and cannot read a sentinel's maps.
_VALKEY = {
    "library": "valkey",
    "name": "Valkey",
    "protocols": "(2,)",
    "reading": "read_from_replicas=True",
}


def test_a_cluster_for_redis(suite):
    outcome = suite(CLUSTER.format(**_REDIS), "hermetic_redis = memory")
    outcome.assert_outcomes(passed=23)


def test_a_cluster_for_valkey(suite):
    outcome = suite(CLUSTER.format(**_VALKEY), "hermetic_redis = memory")
    outcome.assert_outcomes(passed=12)


def test_sentinels_for_redis(suite):
    outcome = suite(SENTINEL.format(**_REDIS), "hermetic_redis = memory")
    outcome.assert_outcomes(passed=13)


def test_sentinels_for_valkey(suite):
    outcome = suite(SENTINEL.format(**_VALKEY), "hermetic_redis = memory")
    outcome.assert_outcomes(passed=8)


def test_a_real_server_is_no_cluster(suite):
    suite(
        """
        import pytest

        @pytest.mark.hermetic(redis="server")
        def test_it(hermetic):
            with pytest.raises(LookupError, match="in memory only"):
                hermetic.redis.cluster
        """
    ).assert_outcomes(passed=1)
