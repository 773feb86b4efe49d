"""Two servers on one database and Redis are one server: what one does, the other knows.

Two Runtimes stand for two processes: they share nothing but the database and, where it is a real
one, Redis.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from clock import OwnedClock
from conftest import ROUNDS
from factories import PASSWORD, a_session, a_user, an_origin, events, problem, signup_body
from sqlalchemy import func, select

from ostiary.admin.users import suspend
from ostiary.app import create_app
from ostiary.kernel.keyring import PUBLISH_AHEAD
from ostiary.kernel.redis import is_embedded
from ostiary.runtime import Runtime, open_runtime
from ostiary.sessions.tables import Family, RefreshToken
from ostiary.settings import Settings
from ostiary.users.tables import User

API = "/api/v1"
Clients = tuple[httpx.AsyncClient, httpx.AsyncClient]


@pytest.fixture
async def other(rt: Runtime, settings: Settings, clock: OwnedClock) -> AsyncIterator[Runtime]:
    """A second Runtime on the settings of the first."""
    async with open_runtime(settings, clock=clock) as opened:
        yield opened


@pytest.fixture
async def clients(rt: Runtime, other: Runtime) -> AsyncIterator[Clients]:
    """One client of each server, both at one address."""
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(
                        create_app(one.settings, runtime=one), client=("203.0.113.7", 50_000)
                    ),
                    base_url="http://ostiary.test",
                )
            )
            for one in (rt, other)
        ]
        yield first, second


def _in_turn(clients: Clients, count: int) -> list[httpx.AsyncClient]:
    return [clients[number % 2] for number in range(count)]


async def _refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    answer = await client.post(f"{API}/auth/refresh", json={"refresh_token": token})
    while answer.status_code == 503:  # told to come back, as it may be where the machine is slow
        answer = await client.post(f"{API}/auth/refresh", json={"refresh_token": token})
    return answer


async def test_a_logout_on_one_is_seen_at_once_on_the_other(rt: Runtime, clients: Clients) -> None:
    first, second = clients
    signed_in = await a_session(rt)
    for client in clients:
        answer = await client.get(f"{API}/auth/me", headers=signed_in.bearer)
        assert answer.status_code == 200
    answer = await first.post(f"{API}/auth/logout", headers=signed_in.bearer)
    assert answer.status_code == 204
    refused = await second.get(f"{API}/auth/me", headers=signed_in.bearer)
    assert problem(refused) == (401, "invalid-token")
    body = {"refresh_token": signed_in.tokens.refresh_token}
    assert problem(await second.post(f"{API}/auth/refresh", json=body))[0] == 401


async def test_a_suspension_on_one_is_seen_at_once_on_the_other(
    rt: Runtime, clients: Clients
) -> None:
    await a_user(rt, role="administrator")
    signed_in = await a_session(rt)
    assert (await clients[1].get(f"{API}/auth/me", headers=signed_in.bearer)).status_code == 200
    await suspend(rt, signed_in.user.id, origin=an_origin())
    refused = await clients[1].get(f"{API}/auth/me", headers=signed_in.bearer)
    assert problem(refused) == (401, "invalid-token")


async def test_tokens_of_one_are_good_on_the_other(clients: Clients) -> None:
    first, second = clients
    signed_up = (await first.post(f"{API}/auth/signup", json=signup_body())).json()
    tokens = signed_up["tokens"]
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await second.get(f"{API}/auth/me", headers=bearer)).json() == signed_up["user"]
    body = {"refresh_token": tokens["refresh_token"]}
    answer = await second.post(f"{API}/auth/refresh", json=body)
    assert answer.status_code == 200
    body = {"refresh_token": answer.json()["refresh_token"]}
    assert (await first.post(f"{API}/auth/refresh", json=body)).status_code == 200


async def test_a_key_that_one_rotated_in_an_emergency_verifies_on_the_other(
    rt: Runtime, clients: Clients, clock: OwnedClock
) -> None:
    clock.advance(seconds=10)  # the other read the keys a moment ago, and does so no more often
    async with rt.db.write() as tx:
        await rt.keys.add(tx, signs_from=clock.now())
    signed_in = await a_session(rt)
    answer = await clients[1].get(f"{API}/auth/me", headers=signed_in.bearer)
    assert answer.status_code == 200
    assert answer.json()["id"] == signed_in.user.id


async def test_a_rotation_a_day_ahead_is_seen_by_nobody(
    rt: Runtime, other: Runtime, clients: Clients, clock: OwnedClock
) -> None:
    async with rt.db.write() as tx:
        await rt.keys.add(tx, signs_from=clock.now() + PUBLISH_AHEAD)
    for hours in (0, 1, 22, 1, 1, 23, 1):
        clock.advance(hours=hours)
        for one, another in ((rt, clients[1]), (other, clients[0])):
            signed_in = await a_session(one)
            answer = await another.get(f"{API}/auth/me", headers=signed_in.bearer)
            assert answer.status_code == 200, hours
    sets = [(await client.get("/.well-known/jwks.json")).json() for client in clients]
    assert sets[0] == sets[1]
    assert len(sets[0]["keys"]) == 1


async def test_limits_are_shared_where_redis_is(
    rt: Runtime, clients: Clients, settings: Settings
) -> None:
    await a_user(rt, "alice@example.com")
    body = {"email": "alice@example.com", "password": "wrong wrong"}
    for client in _in_turn(clients, 5):
        assert problem(await client.post(f"{API}/auth/signin", json=body))[0] == 401
    statuses = [
        (await client.post(f"{API}/auth/signin", json=body)).status_code for client in clients
    ]
    # An embedded store is one process's own: `serve` refuses it for more than one.
    assert statuses == ([401, 401] if is_embedded(settings.redis_url) else [429, 429])
    told = await events(rt, "signin.limited")
    assert len(told) == (0 if is_embedded(settings.redis_url) else 1)


async def test_parallel_sign_ups_over_both_make_one_account(rt: Runtime, clients: Clients) -> None:
    spellings = ["alice@example.com", "ALICE@example.com", "Alice@EXAMPLE.com"]
    bodies = [signup_body(email=spellings[number % 3]) for number in range(16)]
    answers = await asyncio.gather(
        *(
            client.post(f"{API}/auth/signup", json=body)
            for client, body in zip(_in_turn(clients, 16), bodies, strict=True)
        )
    )
    # Ten from one address in an hour: who comes later is refused before any work.
    created = [answer for answer in answers if answer.status_code == 201]
    assert len(created) == 1
    assert {problem(one) for one in answers if one is not created[0]} <= {
        (409, "email-taken"),
        (429, "too-many-requests"),
    }
    async with rt.db.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(User)) == 1


async def test_fifty_parallel_refreshes_over_both_have_one_successor_in_each_round(
    rt: Runtime, clients: Clients
) -> None:
    token = (await a_session(rt)).tokens.refresh_token
    for round in range(ROUNDS):
        answers = await asyncio.gather(
            *(_refresh(client, token) for client in _in_turn(clients, 50))
        )
        assert [answer.status_code for answer in answers] == [200] * 50
        [token] = {answer.json()["refresh_token"] for answer in answers}
        async with rt.db.read() as connection:
            rows = await connection.scalar(select(func.count()).select_from(RefreshToken))
        assert rows == round + 2
    assert len(await events(rt, "token.refreshed")) == ROUNDS


async def test_reuse_on_the_other_ends_the_family_on_both(
    rt: Runtime, clients: Clients, clock: OwnedClock
) -> None:
    first, second = clients
    signed_in = await a_session(rt)
    body = {"refresh_token": signed_in.tokens.refresh_token}
    successor = (await first.post(f"{API}/auth/refresh", json=body)).json()["refresh_token"]
    clock.advance(seconds=10)
    assert problem(await second.post(f"{API}/auth/refresh", json=body))[0] == 401
    for client in clients:
        body = {"refresh_token": successor}
        assert problem(await client.post(f"{API}/auth/refresh", json=body))[0] == 401
        refused = await client.get(f"{API}/auth/me", headers=signed_in.bearer)
        assert problem(refused) == (401, "invalid-token")
    async with rt.db.read() as connection:
        alive = select(func.count()).where(Family.revoked_at.is_(None))
        assert await connection.scalar(alive) == 0


async def test_a_device_that_one_remembers_is_known_to_the_other(
    rt: Runtime, clients: Clients
) -> None:
    signed_in = await a_session(rt)
    body = {
        "email": signed_in.user.email,
        "password": PASSWORD,
        "device_token": signed_in.device_token,
    }
    answer = await clients[1].post(f"{API}/auth/signin", json=body)
    assert answer.json()["device_token"] is None
