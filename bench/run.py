"""Measure a running server against the raw limits in the same run; write bench/results.md.

Server on one core, generator on the other, 16 connections, five interleaved rounds. Environment:
BENCH_DATABASE_URL, BENCH_REDIS_URL (default: the servers on loopback), BENCH_SECONDS (3).
"""

import asyncio
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from load import NextRequest, Result, always, drive, drive_two, get, post
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

HERE = Path(__file__).parent
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
CONNECTIONS = 16
SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
DATABASE = os.environ.get("BENCH_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/15")
PASSWORD = "correct horse battery"
API = "/api/v1/auth"

Table = dict[str, list[float]]


@contextmanager
def server(port: int, *command: str, **settings: str) -> Iterator[tuple[int, float]]:
    """A process on the first core; yields its id and the seconds until its first 200."""
    environment = {**os.environ, **settings}
    started = time.perf_counter()
    process = subprocess.Popen(
        ["taskset", "-c", "0", sys.executable, *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        path = "/constant" if "reference.py" in command[0] else "/health/live"
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1).read()
                break
            except OSError:
                time.sleep(0.005)
        yield process.pid, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def product(port: int, **settings: str) -> "contextmanager":  # type: ignore[type-arg]
    """The product, with budgets that a load does not use up."""
    return server(
        port,
        *("-m", "ostiary", "serve", "--port", str(port)),
        OSTIARY_SECRET_KEYS=b64encode(bytes(32)).decode(),
        OSTIARY_LIMITS__SIGNIN_ATTEMPTS="1000000000",
        OSTIARY_LIMITS__SIGNUPS="1000000000",
        OSTIARY_HASHING__MAX_WAIT="30",  # a refusal at once would flatter the rate
        **settings,
    )


async def _recreate(name: str) -> str:
    url = make_url(DATABASE)
    engine = create_async_engine(
        url.set(drivername="postgresql+asyncpg"), isolation_level="AUTOCOMMIT"
    )
    async with engine.connect() as connection:
        await connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    await engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


class People:
    """Some accounts, and the requests that they make."""

    def __init__(self, port: int, count: int = CONNECTIONS) -> None:
        self._port = port
        self._emails = [f"{secrets.token_hex(6)}@example.com" for _ in range(count)]
        self._signed_up = [
            self.send(f"{API}/signup", {"email": email, "password": PASSWORD})
            for email in self._emails
        ]

    def send(
        self, path: str, body: dict[str, str], bearer: str | None = None
    ) -> dict[str, dict[str, str]]:
        """The answer to a POST."""
        headers = {"Content-Type": "application/json"}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{path}", json.dumps(body).encode(), headers
        )
        return dict(json.load(urllib.request.urlopen(request)))

    def everybody(self) -> list[tuple[str, Any]]:
        """Each one's address, and the answer to the sign-up."""
        return list(zip(self._emails, self._signed_up, strict=True))

    def me(self, count: int = CONNECTIONS) -> list[NextRequest]:
        """Check a session."""
        tokens = [one["tokens"]["access_token"] for one in self._signed_up[:count]]
        return [always(get(f"{API}/me", token)) for token in tokens]

    def signin(self) -> list[NextRequest]:
        """Sign in, on a known device."""
        bodies = (
            {"email": email, "password": PASSWORD, "device_token": str(one["device_token"])}
            for email, one in self.everybody()
        )
        return [always(post(f"{API}/signin", json.dumps(body).encode())) for body in bodies]

    def refresh(self) -> list[NextRequest]:
        """Refresh, each with the token that its last answer gave."""

        def chain(email: str) -> NextRequest:
            opened = self.send(f"{API}/signin", {"email": email, "password": PASSWORD})
            token = opened["tokens"]["refresh_token"]

            def following(body: bytes) -> bytes:
                nonlocal token
                if body:
                    token = json.loads(body)["refresh_token"]
                return post(f"{API}/refresh", b'{"refresh_token":"%s"}' % token.encode())

            return following

        return [chain(email) for email in self._emails]


def memory(pid: int) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def measure(table: Table, name: str, run: Callable[[], Result]) -> None:
    """Note a rate."""
    result = run()
    assert not result.wrong, f"{name}: {result.wrong} wrong answers"
    table.setdefault(name, []).append(result.rate)


def measure_product(table: Table, label: str, port: int, **settings: str) -> None:
    """Every figure of the product on one database."""
    with product(port, **settings) as (pid, cold):
        table.setdefault(f"{label}: cold start, s", []).append(cold)
        people = People(port)
        measure(table, f"{label}: GET /auth/me", lambda: drive(port, people.me(), SECONDS))
        measure(table, f"{label}: refresh", lambda: drive(port, people.refresh(), SECONDS))
        measure(table, f"{label}: sign-in", lambda: drive(port, people.signin(), SECONDS))
        if label == "PostgreSQL":
            jwks = [always(get("/.well-known/jwks.json"))] * CONNECTIONS
            measure(table, f"{label}: JWKS", lambda: drive(port, jwks, SECONDS))
        me, signin = drive_two(port, people.me(2), people.signin(), SECONDS)
        assert not me.wrong + signin.wrong
        table.setdefault(f"{label}: p99 of /auth/me under sign-ins, ms", []).append(
            me.quantile(0.99)
        )
        table.setdefault(f"{label}: resident memory, MiB", []).append(memory(pid))


def prepared_database() -> dict[str, str]:
    """An empty PostgreSQL database at the head of the migrations, and Redis: as settings."""
    url = asyncio.run(_recreate("ostiary_bench"))
    services = {"OSTIARY_DATABASE_URL": url, "OSTIARY_REDIS_URL": REDIS}
    key = {"OSTIARY_SECRET_KEYS": b64encode(bytes(32)).decode()}
    subprocess.run(
        [sys.executable, "-m", "ostiary", "migrate"],
        env={**os.environ, **services, **key},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return services


def measure_round(table: Table) -> None:
    """One round of everything."""
    with server(8390, str(HERE / "reference.py"), "8390"):
        constant = [always(get("/constant"))] * CONNECTIONS
        measure(table, "reference: constant answer", lambda: drive(8390, constant, SECONDS))
        hashed = [always(post("/hash", b"{}"))] * CONNECTIONS
        measure(table, "reference: constant behind a hash", lambda: drive(8390, hashed, SECONDS))
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        measure_product(table, "SQLite", 8391, OSTIARY_DATABASE_URL=f"sqlite:///{folder}/bench.db")
    measure_product(table, "PostgreSQL", 8392, **prepared_database())


def report(table: Table) -> str:
    """The table, with each figure's spread and the ratios that the targets are set in."""
    middle = {name: statistics.median(values) for name, values in table.items()}
    lines = [
        "# Results",
        "",
        f"Medians of {ROUNDS} interleaved rounds of {SECONDS:g} s, {CONNECTIONS} connections, "
        "server on one core, generator on the other. Rates are per second.",
        "",
        "| what | median | least | most |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {middle[name]:,.4g} | {min(values):,.4g} | {max(values):,.4g} |"
        for name, values in table.items()
    ]
    bare, hashed = middle["reference: constant answer"], middle["reference: constant behind a hash"]
    lines += ["", "| ratio | value |", "|---|---|"]
    for label in ("SQLite", "PostgreSQL"):
        lines += [
            f"| {label}: sign-in / constant behind a hash "
            f"| {middle[f'{label}: sign-in'] / hashed:.2f} |",
            f"| {label}: GET /auth/me / constant answer "
            f"| {middle[f'{label}: GET /auth/me'] / bare:.3f} |",
            f"| {label}: refresh / constant answer | {middle[f'{label}: refresh'] / bare:.3f} |",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the rounds and write the table."""
    os.sched_setaffinity(0, {1})
    table: Table = {}
    for number in range(ROUNDS):
        print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
        measure_round(table)
    text = report(table)
    (HERE / "results.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
