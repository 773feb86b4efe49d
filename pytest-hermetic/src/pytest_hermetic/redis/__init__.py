"""Redis at connection level: every client of redis-py and valkey-py meets a private server.

Owns the redirection of those libraries, the in-memory server and the real one it can be
exchanged for. Does not own the order of resources (``facade``) nor the clock, which moves TTLs
by moving ``time.time``.
"""

from pytest_hermetic.redis.resource import Command, RedisResource

__all__ = ["Command", "RedisResource"]
