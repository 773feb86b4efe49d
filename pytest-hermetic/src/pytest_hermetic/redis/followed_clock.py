"""A real server's clock cannot be moved, so what it keeps is: lifetimes shrink when time advances.

Before a command goes to the server, the test's clock is compared with the monotonic one. When it
has run ahead, every key's remaining lifetime is shortened by as much, and moments that a command
names are given in the server's time. Forwards only; TIME and EXPIRETIME tell the server's time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_hermetic.redis.raw import RawClient

_UNNOTICED_MS = 50  # the two clocks drift apart by less than this in a test
_SHORTEN = """
local gone = 0
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then
    if left > tonumber(ARGV[1]) then
      redis.call('PEXPIRE', key, left - ARGV[1])
    else
      redis.call('DEL', key)
      gone = gone + 1
    end
  end
end
return gone
"""
_MOMENTS = {b"EXPIREAT": 1, b"PEXPIREAT": 1000}
_OPTIONS = {b"EXAT": 1, b"PXAT": 1000}


class FollowedClock:
    """How far the test's clock is ahead of the server's, in milliseconds."""

    def __init__(self) -> None:
        self._start = _distance()
        self._ahead = 0

    def restart(self) -> None:
        """A test begins: the clocks agree."""
        self._start = _distance()
        self._ahead = 0

    def follow(self, admin: RawClient) -> None:
        """Shorten the lifetimes of all keys by what the clock has advanced since last time."""
        step = _distance() - self._start - self._ahead
        if step <= _UNNOTICED_MS:
            return
        self._ahead += step
        for line in admin.call("INFO", "keyspace").decode().splitlines():
            if line.startswith("db"):
                admin.call("SELECT", line[2:].partition(":")[0])
                admin.call("EVAL", _SHORTEN, 0, step)

    def adapt(self, fields: list[bytes]) -> list[bytes]:
        """A command with its moments in the server's time."""
        if not self._ahead:
            return fields
        name = fields[0].upper()
        adapted = list(fields)
        if name in _MOMENTS and len(fields) > 2:
            adapted[2] = self._earlier(fields[2], _MOMENTS[name])
        elif name in (b"SET", b"GETEX"):
            for position, word in enumerate(fields[:-1]):
                if position > 1 and word.upper() in _OPTIONS:
                    unit = _OPTIONS[word.upper()]
                    adapted[position + 1] = self._earlier(fields[position + 1], unit)
        return adapted

    def _earlier(self, moment: bytes, unit: int) -> bytes:
        try:
            return b"%d" % (int(moment) - self._ahead * unit // 1000)
        except ValueError:
            return moment  # the server says what is wrong with it


def _distance() -> int:
    """Milliseconds between the wall clock, which tests move, and the monotonic one, which runs."""
    moved = time.time()  # noqa: TID251  # the library under test has no runtime
    return round((moved - time.monotonic()) * 1000)
