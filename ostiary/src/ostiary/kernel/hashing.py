"""Argon2id off the event loop, in a pool of the cores' size, bounded in waiting.

NIST SP 800-63B-4 §3.1.1.2 asks for a memory-hard hash; RFC 9106 is Argon2. libsodium's
implementation is the fastest that ships as a wheel (docs/decisions/0008).
"""

import asyncio
import contextlib
import os
import re
import secrets
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from nacl.exceptions import InvalidkeyError
from nacl.pwhash import argon2id

from ostiary.kernel.problems import Unavailable

T = TypeVar("T")

_PARAMETERS = re.compile(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$")
_NICENESS = 10  # on Linux a thread has its own: hashing yields to the event loop
_SMOOTHING = 0.1
_KIB_PER_SECOND = 2_000_000  # what a core of today fills; a guess until the first hash is done


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of one check: whether the password is right, and its hash of an older cost."""

    is_right: bool
    is_outdated: bool


class PasswordHasher:
    """Hashes and verifies passwords without ever holding up the event loop."""

    def __init__(self, *, memory_kib: int, iterations: int, threads: int, max_wait: float) -> None:
        """`memory_kib` and `iterations` are Argon2's m and t (p is 1).

        `threads` is the pool's size, 0 for the machine's cores; `max_wait` in seconds is the
        longest wait that a caller is let in for.
        """
        self._memory_kib = memory_kib
        self._iterations = iterations
        self._threads = threads or len(os.sched_getaffinity(0))
        self._max_wait = max_wait
        self._pool = ThreadPoolExecutor(self._threads, "hash", initializer=_be_nice)
        self._lock = threading.Lock()
        self._waiting = 0
        self._seconds = memory_kib * iterations / _KIB_PER_SECOND
        self._is_guess = True
        self._dummy = self._make_dummy()

    async def hash(self, password: str) -> str:
        """The encoded Argon2id hash of `password`. Raises `Unavailable` when the pool is full."""
        encoded = await self._run(
            lambda: argon2id.str(password.encode(), self._iterations, self._memory_kib * 1024)
        )
        return encoded.decode()

    async def verify(self, encoded: str | None, password: str) -> Verified:
        """Check `password` against `encoded`; None costs the same work and is never right.

        Raises `Unavailable` when the pool is full.
        """
        against = (encoded or self._dummy).encode()
        is_right = await self._run(lambda: _matches(against, password.encode()))
        if encoded is None or not is_right:
            return Verified(is_right=False, is_outdated=False)
        return Verified(is_right=True, is_outdated=self._is_outdated(encoded))

    def close(self) -> None:
        """Stop the threads once the hashes under way are done."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _is_outdated(self, encoded: str) -> bool:
        match = _PARAMETERS.match(encoded)
        return match is None or tuple(map(int, match.groups())) != (
            self._memory_kib,
            self._iterations,
            1,
        )

    def _make_dummy(self) -> str:
        # A hash of no password at all: its digest is random, so nothing has to be computed and
        # nothing can match it, yet checking it costs what checking a real one does.
        salt, digest = (
            b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32)
        )
        return f"$argon2id$v=19$m={self._memory_kib},t={self._iterations},p=1${salt}${digest}"

    async def _run(self, work: Callable[[], T]) -> T:
        with self._lock:
            wait = self._waiting / self._threads * self._seconds
            if self._waiting >= self._threads and wait > self._max_wait:
                raise Unavailable("Too many sign-ins at once", retry_after=max(1, round(wait)))
            self._waiting += 1
        future = self._pool.submit(self._timed, work)
        # Counted by the work, not by who waits for it: a caller that hangs up frees no core.
        future.add_done_callback(self._count_out)
        return await asyncio.wrap_future(future)

    def _timed(self, work: Callable[[], T]) -> T:
        started = perf_counter()
        result = work()
        spent = perf_counter() - started
        self._seconds += (spent - self._seconds) * (1 if self._is_guess else _SMOOTHING)
        self._is_guess = False
        return result

    def _count_out(self, _future: "Future[T]") -> None:
        with self._lock:
            self._waiting -= 1


def _matches(encoded: bytes, password: bytes) -> bool:
    try:
        return argon2id.verify(encoded, password)
    except InvalidkeyError:
        return False


def _be_nice() -> None:
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
