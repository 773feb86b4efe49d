"""INCRBYFLOAT and HINCRBYFLOAT: Redis adds in x87 long doubles and prints 17 decimals.

Python has no such type; the 64-bit mantissa is kept with exact fractions, rounded to even.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation, localcontext
from fractions import Fraction

from pytest_hermetic.redis.engine.adapter import CommandItem, Hash, Key, SimpleError
from pytest_hermetic.redis.engine.overlay import Overlay, answers

_MANTISSA = 64
_LARGEST = Fraction((2**_MANTISSA - 1) * 2 ** (16383 - 63))
_NOT_FLOAT = "ERR value is not a valid float"
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z")
_INFINITE = re.compile(rb"[+-]?inf(?:inity)?\Z", re.IGNORECASE)


class Infinite(Exception):
    """The text names an infinity."""


def parse(text: bytes, complaint: str = _NOT_FLOAT) -> Fraction:
    """A number as ``strtold`` reads it, rounded to a long double."""
    if _INFINITE.match(text):
        raise Infinite
    if not _NUMBER.match(text):
        raise SimpleError(complaint)
    try:
        exact = Fraction(Decimal(text.decode("ascii")))
    except (InvalidOperation, OverflowError):
        raise SimpleError(complaint) from None
    if abs(exact) > _LARGEST:
        raise SimpleError(complaint)
    return rounded(exact)


def rounded(value: Fraction) -> Fraction:
    """The nearest number with a 64-bit mantissa."""
    if not value:
        return value
    top, bottom = abs(value.numerator), value.denominator
    shift = top.bit_length() - bottom.bit_length() - _MANTISSA
    while True:
        scale = Fraction(2) ** shift
        mantissa = round(abs(value) / scale)
        if mantissa.bit_length() > _MANTISSA and mantissa != 2**_MANTISSA:
            shift += 1
            continue
        if mantissa.bit_length() < _MANTISSA:
            shift -= 1
            continue
        return mantissa * scale * (1 if value > 0 else -1)


def text(value: Fraction) -> bytes:
    """``%.17Lf`` without trailing zeros."""
    with localcontext() as context:
        context.prec = 5000
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        out = f"{exact:.17f}"
    out = out.rstrip("0").rstrip(".")
    return b"0" if out in ("-0", "") else out.encode()


class DecimalCommands(Overlay):
    """INCRBYFLOAT and HINCRBYFLOAT."""

    @answers("incrbyfloat", Key(bytes), bytes)
    def do_incrbyfloat(self, key: CommandItem, increment: bytes) -> bytes:
        unusable = "ERR increment would produce NaN or Infinity"
        try:
            held = parse(key.value) if key else Fraction(0)
        except Infinite:
            held = None
        try:
            added = parse(increment)
        except Infinite:
            held = None
        if held is None:
            raise SimpleError(unusable)
        total = rounded(held + added)
        if abs(total) > _LARGEST:
            raise SimpleError(unusable)
        result = text(total)
        key.update(result)
        return result

    @answers("hincrbyfloat", Key(Hash), bytes, bytes)
    def do_hincrbyfloat(self, key: CommandItem, field: bytes, increment: bytes) -> bytes:
        try:
            added = parse(increment)
        except Infinite:
            raise SimpleError("ERR value is NaN or Infinity") from None
        unusable = "ERR increment would produce NaN or Infinity"
        present = key.value.get(field)
        try:
            held = Fraction(0)
            if present is not None:
                held = parse(present, "ERR hash value is not a float")
        except Infinite:
            raise SimpleError(unusable) from None
        total = rounded(held + added)
        if abs(total) > _LARGEST:
            raise SimpleError(unusable)
        result = text(total)
        key.value[field] = result
        key.updated()
        return result
