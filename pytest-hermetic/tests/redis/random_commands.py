"""Seeded random commands of the shapes that services use: sessions, counters, queues, limits."""

from __future__ import annotations

import random  # noqa: TID251  # the same commands from the same seed
from collections.abc import Callable, Iterator

Command = list[bytes]

_STRINGS = ["s1", "s2", "s3"]
_LISTS = ["l1", "l2"]
_SETS = ["t1", "t2", "t3"]
_ZSETS = ["z1", "z2"]
_HASHES = ["h1", "h2"]
_STREAMS = ["x1"]
_ALL = [*_STRINGS, *_LISTS, *_SETS, *_ZSETS, *_HASHES, *_STREAMS, "missing"]
_VALUES = [
    "",
    "a",
    "b",
    "hello",
    "1",
    "-1",
    "0",
    "10",
    "3.5",
    "1e3",
    "abc def",
    "9223372036854775807",
    "01",
    " 1",
    "inf",
]
_FIELDS = ["f", "g", "n"]
_COUNTS = ["0", "1", "2", "-1", "-2", "10", "x"]
_SCORES = ["0", "1", "2.5", "-1", "inf", "-inf", "1e10", "x", "0.1", "3"]
_SECONDS = ["100", "1000", "0", "-1", "x", "99999999999999999"]


class Generator:
    """Makes the same commands from the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._entry = 0

    def commands(self, count: int) -> Iterator[Command]:
        """``count`` commands."""
        for _ in range(count):
            words = self._random.choice(_SHAPES)(self)
            yield [word.encode() for word in words]

    def pick(self, options: list[str]) -> str:
        return self._random.choice(options)

    def key(self, own: list[str]) -> str:
        """Mostly a key of the right type, now and then another."""
        return self.pick(own if self._random.random() < 0.93 else _ALL)

    def some(self, options: list[str], most: int = 3) -> list[str]:
        return [self.pick(options) for _ in range(self._random.randint(1, most))]

    def maybe(self, *words: str) -> list[str]:
        return list(words) if self._random.random() < 0.3 else []

    def next_entry(self) -> str:
        self._entry += 1
        return f"{self._entry}-{self._random.randint(1, 3)}"


Shape = Callable[[Generator], list[str]]


def _set(g: Generator) -> list[str]:
    unit = g.pick(["EX", "PX", "KEEPTTL", "NX", "XX", "GET", "EXAT", "bad", ""])
    tail = [unit] if unit in ("KEEPTTL", "NX", "XX", "GET", "bad") else []
    if unit in ("EX", "PX"):
        tail = [unit, g.pick(_SECONDS)]
    if unit == "EXAT":
        tail = [unit, g.pick(["4102444800", "1", "x"])]
    return ["SET", g.key(_STRINGS), g.pick(_VALUES), *tail, *g.maybe(g.pick(["NX", "XX", "GET"]))]


def _expire(g: Generator) -> list[str]:
    name = g.pick(["EXPIRE", "PEXPIRE"])
    amount = g.pick(_SECONDS) if name == "EXPIRE" else g.pick(["100000", "0", "-5", "x"])
    return [name, g.pick(_ALL), amount, *g.maybe(g.pick(["NX", "XX", "GT", "LT", "bad"]))]


def _zadd(g: Generator) -> list[str]:
    flags = [*g.maybe(g.pick(["NX", "XX", "GT", "LT"])), *g.maybe("CH"), *g.maybe("INCR")]
    pairs = [word for _ in g.some(["x"], 2) for word in (g.pick(_SCORES), g.pick(_VALUES))]
    return ["ZADD", g.key(_ZSETS), *flags, *pairs]


def _zrange(g: Generator) -> list[str]:
    mode = g.pick(["", "BYSCORE", "BYLEX"])
    low, high = g.pick(_COUNTS), g.pick(_COUNTS)
    if mode == "BYSCORE":
        low, high = g.pick(["-inf", "(1", "0", "2"]), g.pick(["+inf", "(3", "1", "x"])
    if mode == "BYLEX":
        low, high = g.pick(["-", "[a", "(b", "x"]), g.pick(["+", "[c", "(z"])
    tail = [*([mode] if mode else []), *g.maybe("REV"), *g.maybe("LIMIT", "0", g.pick(_COUNTS))]
    return ["ZRANGE", g.key(_ZSETS), low, high, *tail, *g.maybe("WITHSCORES")]


def _mget(g: Generator) -> list[str]:
    return ["MGET", *g.some(_ALL)]


def _mset(g: Generator) -> list[str]:
    pairs = [word for _ in g.some(["x"]) for word in (g.pick(_STRINGS), g.pick(_VALUES))]
    return [g.pick(["MSET", "MSETNX"]), *pairs, *g.maybe("odd")]


def _hset(g: Generator) -> list[str]:
    pairs = [word for _ in g.some(["x"]) for word in (g.pick(_FIELDS), g.pick(_VALUES))]
    return ["HSET", g.key(_HASHES), *pairs, *g.maybe("odd")]


def _xadd(g: Generator) -> list[str]:
    entry = g.next_entry() if g._random.random() < 0.9 else g.pick(["0-0", "1-1", "bad"])
    trim = g.maybe("MAXLEN", g.pick(["2", "-1", "x", "5"]))
    return ["XADD", g.key(_STREAMS), *trim, entry, g.pick(_FIELDS), g.pick(_VALUES)]


def _fixed(*words: object) -> Shape:
    """A shape of words; a list is a choice, a tuple a key of a kind."""

    def make(g: Generator) -> list[str]:
        out = []
        for word in words:
            if isinstance(word, tuple):
                out.append(g.key(list(word)))
            elif isinstance(word, list):
                out.append(g.pick(word))
            else:
                out.append(str(word))
        return out

    return make


_S, _L, _T, _Z, _H, _X = (
    tuple(names) for names in (_STRINGS, _LISTS, _SETS, _ZSETS, _HASHES, _STREAMS)
)
_SHAPES: list[Shape] = [
    _set,
    _set,
    _set,
    _expire,
    _expire,
    _zadd,
    _zadd,
    _zrange,
    _zrange,
    _mget,
    _mset,
    _hset,
    _hset,
    _xadd,
    _xadd,
    *(
        _fixed(*shape)
        for shape in (
            ("GET", _S),
            ("GET", _S),
            ("GETDEL", _S),
            ("GETSET", _S, _VALUES),
            ("SETNX", _S, _VALUES),
            ("SETEX", _S, _SECONDS, _VALUES),
            ("PSETEX", _S, ["100000", "0", "x"], _VALUES),
            ("GETEX", _S, ["EX", "PX", "PERSIST", "bad"], ["100000", "0"]),
            ("GETEX", _S, "PERSIST"),
            ("APPEND", _S, _VALUES),
            ("STRLEN", _S),
            ("INCR", _S),
            ("DECR", _S),
            ("INCRBY", _S, _VALUES),
            ("DECRBY", _S, _VALUES),
            ("INCRBYFLOAT", _S, ["0.1", "1.5", "x", "-3", "1e5", "inf"]),
            ("GETRANGE", _S, _COUNTS, _COUNTS),
            ("SETRANGE", _S, _COUNTS, _VALUES),
            ("SETBIT", _S, ["1", "7", "12", "-1", "x"], ["0", "1", "2"]),
            ("GETBIT", _S, ["1", "7", "100"]),
            ("BITCOUNT", _S),
            ("DEL", _ALL),
            ("DEL", _ALL, _ALL),
            ("UNLINK", _ALL),
            ("EXISTS", _ALL, _ALL),
            ("TYPE", _ALL),
            ("TOUCH", _ALL, _ALL),
            ("TTL", _ALL),
            ("PERSIST", _ALL),
            ("EXPIRETIME", _ALL),
            ("RENAME", _S, _S),
            ("RENAMENX", _S, _S),
            ("COPY", _ALL, _ALL),
            ("COPY", _ALL, _ALL, "REPLACE"),
            ("DBSIZE",),
            ("KEYS", ["*", "s*", "?1", "[lt]*", "nope"]),
            ("EXPIREAT", _ALL, ["4102444800", "1", "x"]),
            ("PEXPIREAT", _ALL, ["4102444800000", "1"]),
            ("LPUSH", _L, _VALUES),
            ("RPUSH", _L, _VALUES, _VALUES),
            ("LPUSHX", _L, _VALUES),
            ("LPOP", _L),
            ("RPOP", _L),
            ("LPOP", _L, _COUNTS),
            ("RPOP", _L, _COUNTS),
            ("LLEN", _L),
            ("LRANGE", _L, _COUNTS, _COUNTS),
            ("LINDEX", _L, _COUNTS),
            ("LSET", _L, _COUNTS, _VALUES),
            ("LREM", _L, _COUNTS, _VALUES),
            ("LTRIM", _L, _COUNTS, _COUNTS),
            ("LINSERT", _L, ["BEFORE", "AFTER", "bad"], _VALUES, _VALUES),
            ("LMOVE", _L, _L, ["LEFT", "RIGHT"], ["LEFT", "RIGHT", "bad"]),
            ("RPOPLPUSH", _L, _L),
            ("LPOS", _L, _VALUES),
            ("LPOS", _L, _VALUES, "COUNT", _COUNTS),
            ("LPOS", _L, _VALUES, "RANK", _COUNTS),
            ("LMPOP", ["1", "2", "0"], _L, _L, ["LEFT", "RIGHT"], "COUNT", _COUNTS),
            ("SADD", _T, _VALUES, _VALUES),
            ("SREM", _T, _VALUES),
            ("SCARD", _T),
            ("SISMEMBER", _T, _VALUES),
            ("SMISMEMBER", _T, _VALUES, _VALUES),
            ("SMEMBERS", _T),
            ("SMOVE", _T, _T, _VALUES),
            ("SINTER", _T, _T),
            ("SUNION", _T, _T),
            ("SDIFF", _T, _T),
            ("SINTERSTORE", _T, _T, _T),
            ("SUNIONSTORE", _T, _T, _T),
            ("SDIFFSTORE", _T, _T, _T),
            ("SINTERCARD", ["1", "2", "x"], _T, _T),
            ("ZSCORE", _Z, _VALUES),
            ("ZMSCORE", _Z, _VALUES, _VALUES),
            ("ZCARD", _Z),
            ("ZCOUNT", _Z, ["-inf", "(1", "0", "x"], ["+inf", "(3", "2"]),
            ("ZRANK", _Z, _VALUES),
            ("ZREVRANK", _Z, _VALUES),
            ("ZREM", _Z, _VALUES, _VALUES),
            ("ZINCRBY", _Z, _SCORES, _VALUES),
            ("ZPOPMIN", _Z),
            ("ZPOPMAX", _Z, _COUNTS),
            ("ZRANGEBYSCORE", _Z, ["-inf", "(1", "0", "x"], ["+inf", "(3", "2"]),
            ("ZREVRANGE", _Z, _COUNTS, _COUNTS, "WITHSCORES"),
            ("ZREVRANGEBYSCORE", _Z, ["+inf", "2"], ["-inf", "(0"], "WITHSCORES"),
            ("ZREMRANGEBYSCORE", _Z, ["-inf", "1", "x"], ["0", "2", "+inf"]),
            ("ZREMRANGEBYRANK", _Z, _COUNTS, _COUNTS),
            ("ZUNIONSTORE", _Z, ["2", "1", "0"], _Z, _T),
            ("ZINTERSTORE", _Z, "2", _Z, _Z),
            ("ZUNION", "2", _Z, _Z, "WITHSCORES"),
            ("ZMPOP", "2", _Z, _Z, ["MIN", "MAX"], "COUNT", _COUNTS),
            ("HGET", _H, _FIELDS),
            ("HMGET", _H, _FIELDS, _FIELDS),
            ("HGETALL", _H),
            ("HDEL", _H, _FIELDS),
            ("HLEN", _H),
            ("HKEYS", _H),
            ("HVALS", _H),
            ("HEXISTS", _H, _FIELDS),
            ("HSETNX", _H, _FIELDS, _VALUES),
            ("HINCRBY", _H, _FIELDS, _VALUES),
            ("HSTRLEN", _H, _FIELDS),
            ("HINCRBYFLOAT", _H, _FIELDS, ["0.1", "1", "x", "-2.5", "1e3"]),
            ("XLEN", _X),
            ("XRANGE", _X, "-", "+"),
            ("XREVRANGE", _X, "+", "-", "COUNT", _COUNTS),
            ("XDEL", _X, ["1-1", "2-2", "3-1", "bad"]),
            ("XTRIM", _X, "MAXLEN", _COUNTS),
            ("XREAD", "COUNT", _COUNTS, "STREAMS", _X, ["0", "5", "$", "bad"]),
            ("XGROUP", "CREATE", _X, "g", ["0", "$"], "MKSTREAM"),
            (
                "XREADGROUP",
                "GROUP",
                "g",
                ["c", "d"],
                "COUNT",
                ["1", "2"],
                "STREAMS",
                _X,
                [">", "0"],
            ),
            ("XACK", _X, "g", ["1-1", "2-1", "9-2"]),
            ("PING",),
            ("ECHO", _VALUES),
            ("NOSUCH", _VALUES),
            ("GET",),
            ("SELECT", ["0", "x", "16"]),
            ("EVAL", "return redis.call('incr', KEYS[1])", "1", _S),
            ("EVAL", "return redis.call('hgetall', KEYS[1])", "1", _H),
            ("EVAL", "return {KEYS[1], ARGV[1], 3.7, false}", "1", _S, _VALUES),
        )
    ),
]
