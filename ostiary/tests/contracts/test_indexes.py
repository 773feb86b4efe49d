"""Every statement that a request runs finds its rows by an index: none reads a whole table."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from clock import OwnedClock
from factories import PASSWORD, a_session, a_user, sign_up
from mail.letters import Failing, write
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import Engine

from ostiary.app import create_app
from ostiary.events import reading
from ostiary.events.catalogue import EventType
from ostiary.kernel import prepared
from ostiary.kernel.database import AnyRow, Database, Transaction
from ostiary.kernel.mail import MailDeferred, MailRefused, MailServerDown
from ostiary.runtime import Runtime
from ostiary.users.actions import Filter, find, listed
from ostiary.worker import run_once

API = "/api/v1"
WHOLE_TABLE = re.compile(r"^SCAN (?!CONSTANT|\d+ CONSTANT|signing_key)")

Statement = tuple[str, Any]


async def _run(rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock) -> None:
    """Every route and every turn that its statements take."""
    signed_up = await sign_up(client, username="alice")
    email = {"email": "alice@example.com", "password": PASSWORD}
    await client.post(f"{API}/auth/signup", json=email)
    await client.post(f"{API}/auth/signup", json=email | {"email": "b@c.de", "username": "alice"})
    await client.post(f"{API}/auth/signin", json=email)
    await client.post(f"{API}/auth/signin", json=email | {"password": "wrong wrong"})
    await client.post(f"{API}/auth/signin", json={"username": "alice", "password": PASSWORD})
    known = email | {"device_token": signed_up["device_token"]}
    assert (await client.post(f"{API}/auth/signin", json=known)).status_code == 200

    signed_in = await a_session(rt)
    for path in ("/auth/me", "/sessions", "/sessions?limit=1"):
        assert (await client.get(API + path, headers=signed_in.bearer)).status_code == 200
    clock.advance(minutes=6)
    assert (await client.get(f"{API}/auth/me", headers=signed_in.bearer)).status_code == 200
    changed = await client.patch(
        f"{API}/users/me", headers=signed_in.bearer, json={"username": "bob", "locale": "en"}
    )
    assert changed.status_code == 200
    body = {"refresh_token": signed_in.tokens.refresh_token}
    for status, seconds in ((200, 0), (200, 20), (401, 0)):
        answer = await client.post(f"{API}/auth/refresh", json=body)
        assert answer.status_code == status
        clock.advance(seconds=seconds)

    another = await a_session(rt, signed_in.user)
    assert (await client.delete(f"{API}/sessions", headers=another.bearer)).status_code == 204
    one = f"{API}/sessions/{another.session_id}"
    assert (await client.delete(one, headers=another.bearer)).status_code == 204
    last = await a_session(rt, signed_in.user)
    body = {"refresh_token": last.tokens.refresh_token}
    assert (await client.post(f"{API}/auth/logout", json=body)).status_code == 204
    assert (await client.get("/.well-known/jwks.json")).status_code == 200
    await find(rt, "alice@example.com")
    await listed(rt, after="", limit=20)
    which = Filter(email_prefix="a", role="user", status="active")
    await listed(rt, after="", limit=20, which=which)


def _plan(connection: Connection, statement: str, values: Any) -> list[str]:
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    return [row[3] for row in rows]


@pytest.fixture
def statements(rt: Runtime) -> Any:
    """What the instance's database is asked from here on, as SQLite would be."""
    seen: dict[str, Any] = {}

    def note(
        _connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool
    ) -> None:
        seen.setdefault(statement, values[0] if many else values)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


class _Noticed(Database):
    """A database whose hottest statements, which go past SQLAlchemy, are noticed too."""

    @asynccontextmanager
    async def write_hot(self) -> AsyncIterator[Transaction]:
        async with self.write() as tx:
            yield tx

    async def fetch_one(
        self, statement: prepared.Statement, values: Mapping[str, object]
    ) -> AnyRow | None:
        async with self.read() as connection:
            await connection.execute(statement, values)
        return await super().fetch_one(statement, values)


async def test_no_statement_of_a_request_reads_a_whole_table(
    rt: Runtime, clock: OwnedClock, statements: dict[str, Any]
) -> None:
    await a_user(rt)
    db = _Noticed(rt.settings.database_url, pool_size=4)
    app = create_app(rt.settings, runtime=replace(rt, db=db))
    transport = httpx.ASGITransport(app, client=("203.0.113.7", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://ostiary.test") as client:
        await _run(rt, client, clock)
    await db.close()
    assert any("session.auth_time" in statement for statement in statements), "a bearer's check"
    assert await _whole(rt, statements, at_least=11) == []


@pytest.mark.parametrize(
    ("which", "index"),
    [
        ({}, "sqlite_autoindex_event_1"),
        ({"type": EventType.USER_CREATED}, "ix_event_type_id"),
        ({"subject": "usr_1"}, "ix_event_subject_id"),
        ({"actor": "usr_1"}, "ix_event_actor_id"),
    ],
)
async def test_each_filter_of_the_event_log_has_its_index(
    rt: Runtime, clock: OwnedClock, statements: dict[str, Any], which: dict[str, Any], index: str
) -> None:
    at = clock.now()
    await reading.listed(rt, reading.Filter(**which), limit=20)
    await reading.listed(rt, reading.Filter(**which, after=at, before=at), limit=20)
    asked = [one for one in statements.items() if "FROM event" in one[0]]
    assert len(asked) == 2
    assert await _whole(rt, dict(asked), at_least=2) == []
    for statement, values in asked if rt.db.is_sqlite else ():
        async with rt.db.read() as connection:
            plan = await connection.run_sync(_plan, statement, values)
        assert len(plan) == 1, "found in their order: nothing is sorted"
        assert index in plan[0]


async def test_no_statement_of_the_worker_reads_a_whole_table(
    rt: Runtime, clock: OwnedClock, statements: dict[str, Any]
) -> None:
    db = _Noticed(rt.settings.database_url, pool_size=4)
    failing = Failing(MailRefused("550"), MailDeferred("450"), MailServerDown("away"))
    noticed = replace(rt, db=db, mailer=failing)
    await write(noticed, *(f"user{number}@example.com" for number in range(5)))
    for _ in range(2):
        await run_once(noticed)
        clock.advance(days=400)
    await db.close()
    assert any(statement.startswith("DELETE FROM mail") for statement in statements)
    assert await _whole(rt, statements, at_least=12) == []


async def _whole(rt: Runtime, statements: dict[str, Any], *, at_least: int) -> list[Statement]:
    """Those of the statements that read a whole table."""
    asked = {
        statement: values
        for statement, values in statements.items()
        if statement.startswith(("SELECT", "UPDATE", "DELETE"))
    }
    assert len(asked) >= at_least
    whole = []
    for statement, values in asked.items():
        if rt.db.is_sqlite:
            async with rt.db.read() as connection:
                plan = await connection.run_sync(_plan, statement, values)
            whole += [(line, statement) for line in plan if WHOLE_TABLE.match(line)]
        else:
            whole += await _sequential(rt.db, statement, values)
    return whole


async def _sequential(db: Database, statement: str, values: Any) -> list[Statement]:
    """Where PostgreSQL reads a whole table though it was asked not to: there is no index."""
    async with db.write() as tx:
        await tx.execute(text("SET LOCAL enable_seqscan = off"))
        rows = await tx.exec_driver_sql(f"EXPLAIN {statement}", tuple(values))
        plan = [str(row[0]) for row in rows]
        await tx.execute(text("RESET enable_seqscan"))
    return [
        (line.strip(), statement)
        for line in plan
        if "Seq Scan" in line and "signing_key" not in line
    ]


async def test_this_test_would_see_a_whole_table(rt: Runtime) -> None:
    if not rt.db.is_sqlite:
        statement = 'SELECT id FROM "user" WHERE first_name = $1'
        assert await _sequential(rt.db, statement, ("Ada",))
        return
    async with rt.db.read() as connection:
        plan = await connection.run_sync(
            _plan, 'SELECT id FROM "user" WHERE first_name = ?', ("Ada",)
        )
    assert [line for line in plan if WHOLE_TABLE.match(line)]
