"""SCAN, SSCAN, HSCAN and ZSCAN: what is refused, and in which order."""

from __future__ import annotations

import re
from typing import Any

from pytest_hermetic.redis.engine.adapter import Int, SimpleError
from pytest_hermetic.redis.engine.overlay import Overlay, answers

_CURSOR = re.compile(rb"\d{1,20}\Z")
_SYNTAX = "ERR syntax error"


def _checked(cursor: bytes, options: tuple[bytes, ...], *, typed: bool) -> list[bytes]:
    """The options, valid; the cursor of a key that holds nothing is checked as well."""
    if not _CURSOR.match(cursor) or int(cursor) >= 2**64:
        raise SimpleError("ERR invalid cursor")
    rest = list(options)
    while rest:
        name = rest.pop(0).lower()
        if name not in (b"match", b"count", b"type") or not rest or (name == b"type" and not typed):
            raise SimpleError(_SYNTAX)
        value = rest.pop(0)
        if name == b"count" and Int.decode(value) < 1:
            raise SimpleError(_SYNTAX)
    return list(options)


class ScanCommands(Overlay):
    """The four iterations."""

    @answers("scan", bytes, more=(bytes,))
    def do_scan(self, cursor: bytes, *options: bytes) -> Any:
        checked = _checked(cursor, options, typed=True)
        return self._scan(self._db, int(cursor), *checked)

    def _scan_key(self, name: str, given: bytes, cursor: bytes, options: tuple[bytes, ...]) -> Any:
        if not _CURSOR.match(cursor):
            raise SimpleError("ERR invalid cursor")
        if self._db.get(given) is None:
            return [b"0", []]
        _checked(cursor, options, typed=False)
        return self._run_engine(name, [given, cursor, *options])

    @answers("sscan", bytes, bytes, more=(bytes,))
    def do_sscan(self, key: bytes, cursor: bytes, *options: bytes) -> Any:
        return self._scan_key("sscan", key, cursor, options)

    @answers("hscan", bytes, bytes, more=(bytes,))
    def do_hscan(self, key: bytes, cursor: bytes, *options: bytes) -> Any:
        return self._scan_key("hscan", key, cursor, options)

    @answers("zscan", bytes, bytes, more=(bytes,))
    def do_zscan(self, key: bytes, cursor: bytes, *options: bytes) -> Any:
        return self._scan_key("zscan", key, cursor, options)
