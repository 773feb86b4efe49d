"""EXPIRE and its family: whole milliseconds, overflow refused, a moment in the past deletes."""

from __future__ import annotations

from pytest_hermetic.redis.engine.adapter import CommandItem, Int, Key, SimpleError, now_ms
from pytest_hermetic.redis.engine.overlay import Overlay, answers
from pytest_hermetic.redis.resp import Status

_MAX = 2**63 - 1
_MIN = -(2**63)


class ExpiryCommands(Overlay):
    """EXPIRE, TTL and EXPIRETIME with their kin; SETEX, PSETEX and GETEX."""

    def _expire(
        self, key: CommandItem, amount: bytes, options: tuple[bytes, ...], name: str
    ) -> int:
        chosen = _options(options)
        when = Int.decode(amount)
        invalid = SimpleError(f"ERR invalid expire time in '{name}' command")
        if not name.startswith("p"):
            if not _MIN // 1000 < when <= _MAX // 1000:
                raise invalid
            when *= 1000
        if not name.endswith("at"):
            if when > _MAX - now_ms():
                raise invalid
            when += now_ms()
        if not key:
            return 0
        present = None if key.expireat is None else round(key.expireat * 1000)
        if "NX" in chosen and present is not None:
            return 0
        if "XX" in chosen and present is None:
            return 0
        if "GT" in chosen and (present is None or when <= present):
            return 0
        if "LT" in chosen and present is not None and when >= present:
            return 0
        if when <= now_ms():
            key.value = None
        else:
            key.expireat = when / 1000
        return 1

    @answers("expire", Key(), bytes, more=(bytes,))
    def do_expire(self, key: CommandItem, amount: bytes, *options: bytes) -> int:
        return self._expire(key, amount, options, "expire")

    @answers("pexpire", Key(), bytes, more=(bytes,))
    def do_pexpire(self, key: CommandItem, amount: bytes, *options: bytes) -> int:
        return self._expire(key, amount, options, "pexpire")

    @answers("expireat", Key(), bytes, more=(bytes,))
    def do_expireat(self, key: CommandItem, amount: bytes, *options: bytes) -> int:
        return self._expire(key, amount, options, "expireat")

    @answers("pexpireat", Key(), bytes, more=(bytes,))
    def do_pexpireat(self, key: CommandItem, amount: bytes, *options: bytes) -> int:
        return self._expire(key, amount, options, "pexpireat")

    def _lasting(self, key: CommandItem, given: bytes, name: str, value: bytes) -> Status:
        moment = _deadline(b"ex" if name == "setex" else b"px", given, name)
        key.value = value
        key.expireat = moment / 1000
        return Status(b"OK")

    @answers("setex", Key(), bytes, bytes)
    def do_setex(self, key: CommandItem, seconds: bytes, value: bytes) -> Status:
        return self._lasting(key, seconds, "setex", value)

    @answers("psetex", Key(), bytes, bytes)
    def do_psetex(self, key: CommandItem, milliseconds: bytes, value: bytes) -> Status:
        return self._lasting(key, milliseconds, "psetex", value)

    @answers("getex", Key(bytes), more=(bytes,))
    def do_getex(self, key: CommandItem, *options: bytes) -> bytes | None:
        held = key.value
        match [options[0].lower() if options else b"", *options[1:]]:
            case [b""]:
                moment: int | None = 0
            case [b"persist"]:
                moment = None
            case [b"ex" | b"px" | b"exat" | b"pxat" as unit, given]:
                moment = 0 if held is None else _deadline(unit, given, "getex")
            case _:
                raise SimpleError("ERR syntax error")
        if held is None:
            return None
        if moment is None:
            if key.expireat is not None:
                key.expireat = None
        elif moment:
            if moment <= now_ms():
                key.value = None
            else:
                key.expireat = moment / 1000
        return bytes(held)

    @answers("pttl", Key())
    def do_pttl(self, key: CommandItem) -> int:
        moment = self.do_pexpiretime(key)
        return moment if moment < 0 else max(0, moment - round(self._db.time * 1000))

    @answers("ttl", Key())
    def do_ttl(self, key: CommandItem) -> int:
        left = self.do_pttl(key)
        return left if left < 0 else (left + 500) // 1000

    @answers("pexpiretime", Key())
    def do_pexpiretime(self, key: CommandItem) -> int:
        if not key:
            return -2
        return -1 if key.expireat is None else round(key.expireat * 1000)

    @answers("expiretime", Key())
    def do_expiretime(self, key: CommandItem) -> int:
        moment = self.do_pexpiretime(key)
        return moment if moment < 0 else (moment + 500) // 1000


def _deadline(unit: bytes, given: bytes, name: str) -> int:
    """The Unix time in milliseconds that EX, PX, EXAT or PXAT means."""
    amount = Int.decode(given)
    invalid = SimpleError(f"ERR invalid expire time in '{name}' command")
    if amount <= 0 or (unit in (b"ex", b"exat") and amount > _MAX // 1000):
        raise invalid
    if unit in (b"ex", b"exat"):
        amount *= 1000
    if unit in (b"ex", b"px"):
        if amount > _MAX - now_ms():
            raise invalid
        amount += now_ms()
    return amount


def _options(options: tuple[bytes, ...]) -> set[str]:
    chosen = set()
    for option in options:
        name = option.decode("utf-8", "replace")
        if name.upper() not in ("NX", "XX", "GT", "LT"):
            raise SimpleError(f"ERR Unsupported option {name}")
        chosen.add(name.upper())
    if "NX" in chosen and len(chosen) > 1:
        raise SimpleError("ERR NX and XX, GT or LT options at the same time are not compatible")
    if {"GT", "LT"} <= chosen:
        raise SimpleError("ERR GT and LT options at the same time are not compatible")
    return chosen
