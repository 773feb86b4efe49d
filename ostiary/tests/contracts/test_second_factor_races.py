"""Single use over two processes: fifty at once, twenty rounds, one success in each.

Two Runtimes stand for two processes: they share nothing but the database and, where it is a real
one, Redis.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from clock import OwnedClock
from conftest import ROUNDS
from factories import a_user, events
from inbox import Mailbox
from mfa import API, App, ask_code, ask_link, protect, sign_in

from ostiary.app import create_app
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings

AT_ONCE = 50
MANY = 100_000

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.settings(
        limits={
            "signin_failures": MANY,
            "signin_attempts": MANY,
            "messages_recipient": MANY,
            "messages_address": MANY,
        },
        links={"magic_link": "https://app.example/in?token={token}"},
    ),
]

Send = Callable[[httpx.AsyncClient], Coroutine[Any, Any, httpx.Response]]


@pytest.fixture
async def clients(
    rt: Runtime, settings: Settings, clock: OwnedClock, mailbox: Mailbox
) -> AsyncIterator[list[httpx.AsyncClient]]:
    """One client of each of two servers."""
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(open_runtime(settings, clock=clock, mailer=mailbox))
        yield [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(create_app(settings, runtime=one)),
                    base_url="http://ostiary.test",
                )
            )
            for one in (rt, other)
        ]


async def _post(client: httpx.AsyncClient, path: str, **request: Any) -> httpx.Response:
    while True:
        answer = await client.post(f"{API}/auth/{path}", **request)
        # 503: told to come back, as it may be where the machine is slow.
        if answer.status_code != 503:
            return answer


async def _race(clients: list[httpx.AsyncClient], send: Send) -> list[int]:
    answers = await asyncio.gather(*(send(clients[number % 2]) for number in range(AT_ONCE)))
    return sorted(answer.status_code for answer in answers)


ONE = [200] + [401] * (AT_ONCE - 1)
ONE_OF_A_SESSION = [200] + [422] * (AT_ONCE - 1)  # a wrong proof is no lost session


async def test_a_totp_step_is_accepted_once(
    rt: Runtime, clients: list[httpx.AsyncClient], clock: OwnedClock
) -> None:
    owner = await protect(rt)
    for _ in range(ROUNDS):
        body, who = {"code": owner.app.code()}, owner.session.bearer

        async def send(client: httpx.AsyncClient) -> httpx.Response:
            return await _post(client, "reauthenticate", json=body, headers=who)  # noqa: B023 -- awaited in its round

        assert await _race(clients, send) == ONE_OF_A_SESSION
        # A hundred failures in a row would close the app: the right one ends each row.
        clock.advance(seconds=30)
    assert len(await events(rt, "session.reauthenticated")) == ROUNDS


async def test_a_backup_code_is_burned_once(rt: Runtime, clients: list[httpx.AsyncClient]) -> None:
    codes: list[str] = []
    for _ in range(ROUNDS):
        if not codes:
            owner = await protect(rt)
            codes = list(owner.backup_codes)
        body, who = {"backup_code": codes.pop()}, owner.session.bearer

        async def send(client: httpx.AsyncClient) -> httpx.Response:
            return await _post(client, "reauthenticate", json=body, headers=who)  # noqa: B023 -- awaited in its round

        assert await _race(clients, send) == ONE_OF_A_SESSION
    assert len(await events(rt, "backup_code.used")) == ROUNDS


async def test_a_challenge_is_finished_once(
    rt: Runtime, clients: list[httpx.AsyncClient], clock: OwnedClock
) -> None:
    owner = await protect(rt)
    app: App = owner.app
    for number in range(ROUNDS):
        challenge = await sign_in(clients[0], owner.user)
        body = {"challenge_token": challenge["challenge_token"], "code": app.code()}

        async def send(client: httpx.AsyncClient) -> httpx.Response:
            return await _post(client, "mfa/verify", json=body)  # noqa: B023 -- awaited in its round

        assert await _race(clients, send) == ONE
        assert len(await events(rt, "session.opened")) == number + 2
        clock.advance(seconds=30)


async def test_a_mailed_code_is_good_once(
    rt: Runtime, clients: list[httpx.AsyncClient], mailbox: Mailbox
) -> None:
    user = await a_user(rt, email_verified=True)
    for number in range(ROUNDS):
        attempt, code = await ask_code(rt, clients[0], mailbox, user.email)
        body = {"attempt_token": attempt, "code": code}

        async def send(client: httpx.AsyncClient) -> httpx.Response:
            return await _post(client, "email-code/verify", json=body)  # noqa: B023 -- awaited in its round

        assert await _race(clients, send) == ONE
        assert len(await events(rt, "session.opened")) == number + 1


async def test_a_mailed_link_is_good_once(
    rt: Runtime, clients: list[httpx.AsyncClient], mailbox: Mailbox
) -> None:
    user = await a_user(rt, email_verified=True)
    for number in range(ROUNDS):
        attempt, link = await ask_link(rt, clients[0], mailbox, user.email)
        [token] = parse_qs(urlsplit(link).query)["token"]
        body = {"attempt_token": attempt, "token": token}

        async def send(client: httpx.AsyncClient) -> httpx.Response:
            return await _post(client, "magic-link/verify", json=body)  # noqa: B023 -- awaited in its round

        assert await _race(clients, send) == ONE
        assert len(await events(rt, "session.opened")) == number + 1
