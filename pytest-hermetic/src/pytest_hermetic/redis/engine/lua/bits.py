"""What the bundled Lua libraries need beyond doubles: Lua BitOp, floats as bytes, chance."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_MASK = 0xFFFFFFFF
_INITIAL = 0x1234ABCD330E
_CHANCE_MAX = 2**31 - 1


def _unsigned(number: float) -> int:
    """A number as BitOp takes it: rounded, modulo 2^32."""
    return round(number) & _MASK


def _signed(value: int) -> int:
    value &= _MASK
    return value - (1 << 32) if value & 0x80000000 else value


def _folded(combine: Callable[[int, int], int]) -> Callable[..., int]:
    def operation(first: float, *rest: float) -> int:
        value = _unsigned(first)
        for number in rest:
            value = combine(value, _unsigned(number))
        return _signed(value)

    return operation


def _shifted(shift: Callable[[int, int], int]) -> Callable[[float, float], int]:
    def operation(number: float, count: float) -> int:
        return _signed(shift(_unsigned(number), _unsigned(count) & 31))

    return operation


def _to_hex(number: float, digits: float = 8) -> bytes:
    count = int(digits)
    text = f"{_unsigned(number):08x}"
    text = text.upper() if count < 0 else text
    return text[8 - min(abs(count), 8) :].encode()


OPERATIONS: dict[str, Callable[..., Any]] = {
    "band": _folded(lambda one, two: one & two),
    "bor": _folded(lambda one, two: one | two),
    "bxor": _folded(lambda one, two: one ^ two),
    "bnot": lambda number: _signed(~_unsigned(number)),
    "tobit": lambda number: _signed(_unsigned(number)),
    "lshift": _shifted(lambda value, count: value << count),
    "rshift": _shifted(lambda value, count: value >> count),
    "arshift": _shifted(lambda value, count: _signed(value) >> count),
    "rol": _shifted(lambda value, count: value << count | value >> (32 - count)),
    "ror": _shifted(lambda value, count: value >> count | value << (32 - count)),
    "bswap": lambda number: _signed(int.from_bytes(_unsigned(number).to_bytes(4, "little"), "big")),
    "tohex": _to_hex,
}


def pack_integer(number: float) -> bytes:
    """A signed 64-bit big-endian integer."""
    return struct.pack(">q", int(number))


def pack_number(number: float) -> bytes:
    """MessagePack's float when it loses nothing, else its double."""
    try:
        short = struct.pack(">f", number)
    except OverflowError:
        short = b""
    if short and struct.unpack(">f", short)[0] == number:
        return b"\xca" + short
    return b"\xcb" + struct.pack(">d", number)


def unpack_number(data: bytes) -> float:
    """A big-endian float (4 bytes) or double (8 bytes)."""
    return float(struct.unpack(">f" if len(data) == 4 else ">d", data)[0])


def pack_real(number: float, size: int, little: bool) -> bytes:
    """A float (4 bytes) or double (8 bytes) in the given byte order."""
    return struct.pack(("<" if little else ">") + ("f" if size == 4 else "d"), number)


def unpack_real(data: bytes, little: bool) -> float:
    """The reverse of ``pack_real``."""
    order = "<" if little else ">"
    return float(struct.unpack(order + ("f" if len(data) == 4 else "d"), data)[0])


class Chance:
    """``drand48`` as a freshly started Redis has it: the same numbers on every server."""

    def __init__(self) -> None:
        self._state = _INITIAL

    def restart(self) -> None:
        """Be as on a fresh server."""
        self._state = _INITIAL

    def seed(self, number: float) -> None:
        """Start over from ``number``."""
        self._state = (int(number) & _MASK) << 16 | 0x330E

    def next(self) -> float:
        """A number from 0 up to but excluding 1."""
        self._state = (self._state * 0x5DEECE66D + 0xB) & (2**48 - 1)
        return (self._state >> 17) % _CHANCE_MAX / _CHANCE_MAX
