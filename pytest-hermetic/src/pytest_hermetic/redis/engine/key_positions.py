"""Which arguments of a command are keys, and to which of a cluster's slots a key belongs.

As `COMMAND GETKEYS` of Redis 7.0 answers; slots by the cluster specification of redis.io.
"""

from __future__ import annotations

from binascii import crc_hqx

from pytest_hermetic.redis.engine import table

SLOTS = 16384
# Where the number of keys stands; the keys follow it.
_COUNTED = {
    **dict.fromkeys(("eval", "eval_ro", "evalsha", "evalsha_ro", "fcall", "fcall_ro"), 2),
    **dict.fromkeys(("zunion", "zinter", "zdiff", "sintercard", "zintercard"), 1),
    **dict.fromkeys(("lmpop", "zmpop"), 1),
    **dict.fromkeys(("blmpop", "bzmpop", "zunionstore", "zinterstore", "zdiffstore"), 2),
}
_STORING = {
    "sort": (b"STORE",),
    "georadius": (b"STORE", b"STOREDIST"),
    "georadiusbymember": (b"STORE", b"STOREDIST"),
}


def keys_of(fields: list[bytes]) -> list[bytes]:
    """The keys a request names, in their order; none for a command that does not exist."""
    name = fields[0].decode("utf-8", "replace").lower()
    if name in table.containers() and len(fields) > 1:
        name = f"{name}|{fields[1].decode('utf-8', 'replace').lower()}"
    spec = table.commands().get(name)
    if spec is None or not spec.accepts(len(fields)):
        return []
    found: list[bytes] = []
    if spec.first_key > 0:
        last = spec.last_key if spec.last_key >= 0 else len(fields) + spec.last_key
        found += fields[spec.first_key : last + 1 : spec.step]
    if name in _COUNTED:
        found += _counted(fields, _COUNTED[name])
    elif name in ("xread", "xreadgroup"):
        found += _streams(fields)
    elif name in _STORING:
        words = [field.upper() for field in fields]
        for position, word in enumerate(words[2:-1], start=2):
            if word in _STORING[name]:
                found.append(fields[position + 1])
    elif name == "migrate" and b"KEYS" in (words := [field.upper() for field in fields]):
        found = fields[words.index(b"KEYS") + 1 :]
    return found


def slot_of(key: bytes) -> int:
    """The slot of a key: of what stands between its first braces, if anything does."""
    start = key.find(b"{")
    if start >= 0:
        end = key.find(b"}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    return crc_hqx(key, 0) % SLOTS


def _counted(fields: list[bytes], position: int) -> list[bytes]:
    try:
        count = int(fields[position])
    except (IndexError, ValueError):
        return []
    return fields[position + 1 : position + 1 + max(count, 0)]


def _streams(fields: list[bytes]) -> list[bytes]:
    words = [field.upper() for field in fields]
    if b"STREAMS" not in words:
        return []
    rest = fields[words.index(b"STREAMS") + 1 :]
    return rest[: len(rest) // 2]
