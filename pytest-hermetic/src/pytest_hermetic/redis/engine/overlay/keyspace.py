"""Commands that move whole keys and databases: COPY, RESTORE, SELECT, SWAPDB, FLUSH*."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from pytest_hermetic.redis.engine.adapter import (
    CommandItem,
    Int,
    Item,
    Key,
    SimpleError,
    casematch,
)
from pytest_hermetic.redis.engine.overlay import Overlay, answers
from pytest_hermetic.redis.resp import Status

OK = Status(b"OK")
_OUT_OF_RANGE = "ERR DB index is out of range"
_DATABASES = 16


class KeyspaceCommands(Overlay):
    """COPY, RESTORE, SELECT, SWAPDB, FLUSHDB and FLUSHALL."""

    _db_num: int

    def _number(self, text: bytes, complaint: str | None = None) -> int:
        number = Int.decode(text, complaint)
        if not 0 <= number < _DATABASES:
            raise SimpleError(_OUT_OF_RANGE)
        return number

    @answers("select", bytes)
    def do_select(self, index: bytes) -> Status:
        self._db_num = self._number(index)
        self._db = self._server.dbs[self._db_num]
        self._client_info["db"] = self._db_num
        return OK

    @answers("swapdb", bytes, bytes)
    def do_swapdb(self, first: bytes, second: bytes) -> Status:
        one = self._number(first, "ERR invalid first DB index")
        two = self._number(second, "ERR invalid second DB index")
        if one != two:
            databases = self._server.dbs
            databases[one].swap(databases[two])
            for database in (databases[one], databases[two]):
                for key in list(database):
                    database.notify_watch(key)
        return OK

    @answers("flushdb", more=(bytes,))
    def do_flushdb(self, *mode: bytes) -> Status:
        _check_mode(mode)
        self._db.clear()
        return OK

    @answers("flushall", more=(bytes,))
    def do_flushall(self, *mode: bytes) -> Status:
        _check_mode(mode)
        for database in self._server.dbs.values():
            database.clear()
        return OK

    @answers("copy", Key(), bytes, more=(bytes,))
    def do_copy(self, source: CommandItem, target: bytes, *options: bytes) -> int:
        rest = list(options)
        number, replace = self._db_num, False
        while rest:
            option = rest.pop(0)
            if casematch(option, b"replace"):
                replace = True
            elif casematch(option, b"db") and rest:
                number = self._number(rest.pop(0))
            else:
                raise SimpleError("ERR syntax error")
        if number == self._db_num and source.key == target:
            raise SimpleError("ERR source and destination objects are the same")
        database = self._server.dbs[number]
        if not source or (target in database and not replace):
            return 0
        item: Any = Item(deepcopy(source.value))
        item.expireat = source.expireat
        database.notify_watch(target)
        database[target] = item
        return 1

    @answers("restore", bytes, bytes, bytes, more=(bytes,))
    def do_restore(self, key: bytes, ttl: bytes, payload: bytes, *options: bytes) -> Any:
        if Int.decode(ttl) < 0:
            raise SimpleError("ERR Invalid TTL value, must be >= 0")
        return self._run_engine("restore", [key, ttl, payload, *options])


def _check_mode(mode: tuple[bytes, ...]) -> None:
    if mode and (len(mode) > 1 or mode[0].lower() not in (b"sync", b"async")):
        raise SimpleError("ERR syntax error")
