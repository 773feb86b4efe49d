"""The attacker measures how long a refusal takes: an unknown account costs less work.

Work is counted, not timed: statements, transactions and hashes of a sign-in must be the same for a
known and an unknown account. One coarse look at the clock, at the production cost of a hash.
"""

import dataclasses
from collections.abc import AsyncIterator, Iterator, Mapping
from statistics import median
from time import process_time

import httpx
import pytest
from factories import PASSWORD, a_suspended_user, a_user, problem
from sqlalchemy import Engine, event

from attacks.surface import API
from ostiary.app import create_app
from ostiary.kernel.database import Database
from ostiary.kernel.hashing import PasswordHasher, Verified
from ostiary.kernel.prepared import Compiled, Statement
from ostiary.runtime import Runtime
from ostiary.settings import Hashing

WRONG = "wrong guess"
DEVICE = f"ostdt.dev_{'0' * 26}.{'A' * 43}"
ATTEMPTS = {
    "wrong": {"email": "known@example.com", "password": WRONG},
    "unknown": {"email": "nobody@example.com", "password": WRONG},
    "suspended": {"email": "suspended@example.com", "password": PASSWORD},
    "wrong, by name": {"username": "known", "password": WRONG},
    "unknown, by name": {"username": "nobody", "password": WRONG},
    "no address": {"email": "nobody", "password": WRONG},
    "wrong, with a device": {
        "email": "known@example.com",
        "password": WRONG,
        "device_token": DEVICE,
    },
    "unknown, with a device": {
        "email": "nobody@example.com",
        "password": WRONG,
        "device_token": DEVICE,
    },
}


class CountingHasher(PasswordHasher):
    """The real hasher, which tells how often it was asked to work."""

    def __init__(self) -> None:
        super().__init__(memory_kib=64, iterations=1, threads=1, max_wait=30)
        self.asked: list[str] = []

    async def hash(self, password: str) -> str:
        """Count, and hash."""
        self.asked.append("hash")
        return await super().hash(password)

    async def verify(self, encoded: str | None, password: str) -> Verified:
        """Count, and verify."""
        self.asked.append("verify")
        return await super().verify(encoded, password)


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Every statement that any engine runs, without its parameters."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(" ".join(statement.split()[:3]))

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


class NotingDatabase(Database):
    """A database that also notes the statements it runs past SQLAlchemy, on the driver."""

    def __init__(self, url: str, seen: list[str]) -> None:
        super().__init__(url, pool_size=4)
        self._seen = seen

    def _compile(self, statement: Statement, values: Mapping[str, object]) -> Compiled:
        compiled = super()._compile(statement, values)
        self._seen.append(" ".join(compiled.sql.split()[:3]))
        return compiled


@pytest.fixture
def hasher() -> Iterator[CountingHasher]:
    """A hasher that counts."""
    made = CountingHasher()
    yield made
    made.close()


@pytest.fixture
async def counted(
    rt: Runtime, hasher: CountingHasher, statements: list[str]
) -> AsyncIterator[Runtime]:
    """The Runtime with that hasher in it, and a database that notes every statement."""
    db = NotingDatabase(rt.settings.database_url, statements)
    yield dataclasses.replace(rt, hasher=hasher, db=db)
    await db.close()


def _client_of(rt: Runtime) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(rt.settings, runtime=rt))
    return httpx.AsyncClient(transport=transport, base_url="http://ostiary.test")


async def _people(rt: Runtime) -> None:
    await a_user(rt, "known@example.com", username="known")
    await a_suspended_user(rt, "suspended@example.com")


async def test_a_failed_sign_in_runs_the_same_statements_for_everybody(
    counted: Runtime, statements: list[str]
) -> None:
    await _people(counted)
    ran = {}
    async with _client_of(counted) as client:
        for name, body in ATTEMPTS.items():
            statements.clear()
            await client.post(f"{API}/auth/signin", json=body)
            ran[name] = tuple(statements)
    assert len(set(ran.values())) == 1, ran
    assert any(statement.startswith("INSERT INTO event") for statement in ran["unknown"])
    assert any(statement.startswith("SELECT") for statement in ran["unknown"])


async def test_a_failed_sign_in_hashes_once_for_everybody(
    counted: Runtime, hasher: CountingHasher
) -> None:
    await _people(counted)
    async with _client_of(counted) as client:
        for name, body in ATTEMPTS.items():
            hasher.asked.clear()
            await client.post(f"{API}/auth/signin", json=body)
            assert hasher.asked == ["verify"], name


async def test_a_refused_sign_up_hashes_once_whether_or_not_the_address_is_taken(
    counted: Runtime, hasher: CountingHasher
) -> None:
    await _people(counted)
    async with _client_of(counted) as client:
        for email in ("known@example.com", "suspended@example.com", "free@example.com"):
            hasher.asked.clear()
            body = {"email": email, "password": PASSWORD}
            await client.post(f"{API}/auth/signup", json=body)
            assert hasher.asked == ["hash"], email


async def test_an_attempt_over_the_budget_hashes_nothing_for_anybody(
    counted: Runtime, hasher: CountingHasher, statements: list[str]
) -> None:
    await _people(counted)
    ran = {}
    async with _client_of(counted) as client:
        for name in ("wrong", "unknown"):
            for _ in range(6):
                await client.post(f"{API}/auth/signin", json=ATTEMPTS[name])
            hasher.asked.clear()
            statements.clear()
            refused = await client.post(f"{API}/auth/signin", json=ATTEMPTS[name])
            assert refused.status_code == 429
            assert hasher.asked == []
            ran[name] = tuple(statements)
    assert ran["wrong"] == ran["unknown"]


@pytest.mark.settings(
    hashing=Hashing(),
    limits={"signin_failures": 1000, "signin_attempts": 10_000},
)
async def test_an_unknown_account_takes_as_long_at_the_production_cost(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await _people(rt)
    spent: dict[str, list[float]] = {name: [] for name in ("wrong", "unknown", "suspended")}
    for _ in range(11):
        for name, each in spent.items():  # interleaved: the machine's mood meets them all
            started = process_time()  # of every thread, and none of other processes
            refused = await client.post(f"{API}/auth/signin", json=ATTEMPTS[name])
            each.append(process_time() - started)
            assert problem(refused) == (401, "invalid-credentials")
    # Coarse on purpose: without the hash an unknown account would take a tenth.
    usual = median(spent["wrong"])
    for name, each in spent.items():
        assert 0.4 < median(each) / usual < 2.5, (name, spent)
