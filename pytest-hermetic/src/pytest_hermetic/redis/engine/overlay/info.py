"""INFO: the sections and fields of Redis 7.0, with figures of this server where there are any."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pytest_hermetic.redis.engine.adapter import now_ms
from pytest_hermetic.redis.engine.overlay import Overlay, answers
from pytest_hermetic.redis.resp import Verbatim

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_hermetic.redis.engine.adapter import EngineServer

_MEMORY = 1_015_944  # what an idle server reports; the engine's own use says nothing about Redis


def _server(server: EngineServer) -> dict[str, Any]:
    up = max(0, int(now_ms() / 1000 - server.started_at))
    return {
        "redis_version": server.version_text,
        "redis_git_sha1": "00000000",
        "redis_git_dirty": 0,
        "redis_mode": "standalone",
        "os": "Linux",
        "arch_bits": 64,
        "multiplexing_api": "epoll",
        "process_id": os.getpid(),
        "run_id": f"{id(server):040x}",
        "tcp_port": 6379,
        "server_time_usec": now_ms() * 1000,
        "uptime_in_seconds": up,
        "uptime_in_days": up // 86400,
        "hz": 10,
        "configured_hz": 10,
        "executable": "/redis-server",
        "config_file": "",
        "io_threads_active": 0,
    }


def _clients(server: EngineServer) -> dict[str, Any]:
    return {
        "connected_clients": len(server.sockets),
        "cluster_connections": 0,
        "maxclients": 10000,
        "client_recent_max_input_buffer": 0,
        "client_recent_max_output_buffer": 0,
        "blocked_clients": len(server.blocked),
        "tracking_clients": 0,
        "clients_in_timeout_table": 0,
    }


def _memory(server: EngineServer) -> dict[str, Any]:
    return {
        "used_memory": _MEMORY,
        "used_memory_human": "992.13K",
        "used_memory_rss": _MEMORY * 7,
        "used_memory_rss_human": "6.98M",
        "used_memory_peak": _MEMORY,
        "used_memory_peak_human": "992.13K",
        "total_system_memory": 8_589_934_592,
        "total_system_memory_human": "8.00G",
        "used_memory_lua": 32768,
        "used_memory_lua_human": "32.00K",
        "number_of_cached_scripts": len(server.script_cache),
        "maxmemory": 0,
        "maxmemory_human": "0B",
        "maxmemory_policy": "noeviction",
        "mem_fragmentation_ratio": "7.51",
        "mem_allocator": "jemalloc-5.3.0",
        "lazyfree_pending_objects": 0,
    }


def _persistence(server: EngineServer) -> dict[str, Any]:
    return {
        "loading": 0,
        "async_loading": 0,
        "rdb_changes_since_last_save": 0,
        "rdb_bgsave_in_progress": 0,
        "rdb_last_save_time": server.lastsave,
        "rdb_last_bgsave_status": "ok",
        "aof_enabled": 0,
        "aof_rewrite_in_progress": 0,
        "aof_last_write_status": "ok",
    }


def _stats(server: EngineServer) -> dict[str, Any]:
    return {
        "total_connections_received": server.total_connections,
        "total_commands_processed": server.total_commands,
        "instantaneous_ops_per_sec": 0,
        "rejected_connections": 0,
        "expired_keys": 0,
        "evicted_keys": 0,
        "keyspace_hits": 0,
        "keyspace_misses": 0,
        "pubsub_channels": len(server.subscribers),
        "pubsub_patterns": len(server.psubscribers),
    }


def _replication(server: EngineServer) -> dict[str, Any]:
    return {
        "role": "master",
        "connected_slaves": 0,
        "master_failover_state": "no-failover",
        "master_replid": f"{id(server):040x}",
        "master_replid2": "0" * 40,
        "master_repl_offset": 0,
        "second_repl_offset": -1,
        "repl_backlog_active": 0,
        "repl_backlog_size": 1_048_576,
    }


def _cpu(_: EngineServer) -> dict[str, Any]:
    used = os.times()
    return {"used_cpu_sys": f"{used.system:.6f}", "used_cpu_user": f"{used.user:.6f}"}


def _keyspace(server: EngineServer) -> dict[str, Any]:
    rows = {}
    for number in sorted(server.dbs):
        db = server.dbs[number]
        items = [db[key] for key in list(db)]
        if items:
            expiring = [item.expireat for item in items if item.expireat is not None]
            left = sum(max(0.0, moment - db.time) for moment in expiring)
            average = int(left * 1000 / len(expiring)) if expiring else 0
            rows[f"db{number}"] = f"keys={len(items)},expires={len(expiring)},avg_ttl={average}"
    return rows


_SECTIONS: dict[str, Callable[[EngineServer], dict[str, Any]]] = {
    "Server": _server,
    "Clients": _clients,
    "Memory": _memory,
    "Persistence": _persistence,
    "Stats": _stats,
    "Replication": _replication,
    "CPU": _cpu,
    "Modules": lambda _: {},
    "Errorstats": lambda _: {},
    "Cluster": lambda _: {"cluster_enabled": 0},
    "Keyspace": _keyspace,
}
_ALL = frozenset((b"all", b"default", b"everything"))


class InfoCommands(Overlay):
    """INFO."""

    @answers("info", more=(bytes,))
    def do_info(self, *sections: bytes) -> Verbatim:
        wanted = {section.lower() for section in sections} or _ALL
        lines: list[str] = []
        for title, make in _SECTIONS.items():
            if wanted & _ALL or title.lower().encode() in wanted:
                if lines:
                    lines.append("")
                lines.append(f"# {title}")
                values = make(self._server) | self._placed(title)
                lines += [f"{key}:{value}" for key, value in values.items()]
        return Verbatim("".join(f"{line}\r\n" for line in lines).encode())

    def _placed(self, title: str) -> dict[str, Any]:
        """What differs at a node of a cluster, or at a replica."""
        node, clustered = self.place.node, self.place.cluster is not None
        if title == "Cluster" and clustered:
            return {"cluster_enabled": 1}
        if title == "Server" and clustered:
            return {"redis_mode": "cluster"}
        if title != "Replication" or node is None:
            return {}
        if not node.is_replica:
            return {"connected_slaves": len(node.shard.replicas)}
        primary = node.shard.primary
        return {
            "role": "slave",
            "master_host": primary.host,
            "master_port": primary.port,
            "master_link_status": "up",
            "slave_read_only": 1,
        }
