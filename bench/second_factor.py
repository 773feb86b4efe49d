"""Sign-ins per second with a code of an authenticator app, against those without one; print both.

The same server and generator as run.py, on PostgreSQL and on SQLite. A code is good once, so each
round takes fresh people, who sign in at most twice each.
"""

import hashlib
import hmac
import json
import os
import statistics
import struct
import sys
import tempfile
import time
from base64 import b32decode
from contextlib import ExitStack

from load import NextRequest, Result, drive, post
from run import (
    API,
    CONNECTIONS,
    PASSWORD,
    ROUNDS,
    People,
    Table,
    measure,
    prepared_database,
    product,
)

SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
EACH = 10  # people behind one connection


class App:
    """Somebody's authenticator app (RFC 6238), which shows each code once."""

    def __init__(self, secret: str) -> None:
        self._secret = b32decode(secret + "=" * (-len(secret) % 8))
        self._last = 0

    def code(self) -> str:
        """The first code that the server may still accept."""
        self._last = max(self._last + 1, int(time.time()) // 30 - 1)  # noqa: TID251 -- the server has its own clock
        digest = hmac.digest(self._secret, struct.pack(">Q", self._last), hashlib.sha1)
        start = digest[-1] & 15
        return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 1_000_000:06}"


def protected(people: People) -> list[NextRequest]:
    """Sign in with a password and a code, each connection as its own people in turn."""

    def taking_turns(mine: list[tuple[bytes, App]]) -> NextRequest:
        turns = iter(mine * 2)
        app = mine[0][1]

        def following(body: bytes) -> bytes:
            nonlocal app
            challenge = json.loads(body).get("challenge_token") if body else None
            if challenge is None:
                request, app = next(turns)
                return request
            answer = {"challenge_token": challenge, "code": app.code()}
            return post("/api/v1/auth/mfa/verify", json.dumps(answer).encode())

        return following

    everybody = []
    for email, signed_up in people.everybody():
        bearer = signed_up["tokens"]["access_token"]
        app = App(people.send("/api/v1/auth/mfa/totp/setup", {}, bearer)["secret"])  # type: ignore[arg-type]
        people.send("/api/v1/auth/mfa/totp/confirm", {"code": app.code()}, bearer)
        body = {"email": email, "password": PASSWORD, "device_token": signed_up["device_token"]}
        everybody.append((post(f"{API}/signin", json.dumps(body).encode()), app))
    return [taking_turns(everybody[number::CONNECTIONS]) for number in range(CONNECTIONS)]


def two_requests_each(port: int, makers: list[NextRequest]) -> Result:
    """What was measured, where a sign-in takes two requests."""
    result = drive(port, makers, SECONDS)
    result.latencies = result.latencies[::2]
    return result


def measure_both(table: Table, label: str, port: int, **settings: str) -> None:
    """One round on one database."""
    with product(port, **settings):
        plain = People(port)
        measure(table, f"{label}: password", lambda: drive(port, plain.signin(), SECONDS))
        makers = protected(People(port, CONNECTIONS * EACH))
        measure(table, f"{label}: password and code", lambda: two_requests_each(port, makers))


def main() -> None:
    """Run the rounds and print the table."""
    os.sched_setaffinity(0, {1})
    table: Table = {}
    for number in range(ROUNDS):
        print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            measure_both(table, "SQLite", 8391, OSTIARY_DATABASE_URL=f"sqlite:///{folder}/bench.db")
        measure_both(table, "PostgreSQL", 8392, **prepared_database())
    for label in ("SQLite", "PostgreSQL"):
        without, with_code = (
            statistics.median(table[f"{label}: {how}"]) for how in ("password", "password and code")
        )
        print(f"{label}: {without:.1f}/s, with a code {with_code:.1f}/s: {with_code / without:.2f}")


if __name__ == "__main__":
    main()
