"""Strings as bits and as texts: BITFIELD_RO, LCS, PFADD, DECRBY."""

from __future__ import annotations

from typing import Any

from pytest_hermetic.redis.engine.adapter import CommandItem, Int, Key, SimpleError, casematch
from pytest_hermetic.redis.engine.overlay import Overlay, answers, shapes


@shapes("lcs")
def _ascending(session: Any, reply: Any) -> Any:  # noqa: ARG001  # every shape is called so
    """LCS IDX: each range from its first to its last position."""
    if not isinstance(reply, (dict, list)):
        return reply
    pairs = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
    matches = pairs.get(b"matches")
    if isinstance(matches, list):
        pairs[b"matches"] = [
            [sorted(part) if isinstance(part, list) else part for part in match]
            for match in matches
        ]
    return pairs


class BitCommands(Overlay):
    """BITFIELD_RO, BITOP's checks and DECRBY."""

    @answers("bitfield_ro", bytes, more=(bytes,))
    def do_bitfield_ro(self, key: bytes, *operations: bytes) -> Any:
        rest = list(operations)
        while rest:
            if not casematch(rest[0], b"get"):
                raise SimpleError("ERR BITFIELD_RO only supports the GET subcommand")
            if len(rest) < 3:
                raise SimpleError("ERR syntax error")
            rest = rest[3:]
        return self._run_engine("bitfield", [key, *operations])

    @answers("bitop", bytes, bytes, bytes, more=(bytes,))
    def do_bitop(self, operation: bytes, target: bytes, *sources: bytes) -> Any:
        if operation.lower() not in (b"and", b"or", b"xor", b"not"):
            raise SimpleError("ERR syntax error")
        if casematch(operation, b"not") and len(sources) != 1:
            raise SimpleError("ERR BITOP NOT must be called with a single source key.")
        return self._run_engine("bitop", [operation, target, *sources])

    @answers("decrby", Key(bytes), bytes)
    def do_decrby(self, key: CommandItem, amount: bytes) -> int:
        by = Int.decode(amount)
        if by == -(2**63):
            raise SimpleError("ERR decrement would overflow")
        total = Int.decode(key.get(b"0")) - by
        key.update(Int.encode(total))
        return total
