"""A mailed link is good once, however many servers it is presented to at the same moment.

Two Runtimes stand for two processes, as in test_two_processes; 20 rounds of 50 for each purpose.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count

import httpx
import pytest
from conftest import ROUNDS
from factories import a_user, an_origin, events
from links import confirm, reset, undo, verify
from pages import SAME_ORIGIN
from sqlalchemy import func, select

from contracts.test_two_processes import Clients, clients, other
from ostiary.kernel.database import OUTAGES
from ostiary.runtime import Runtime
from ostiary.signin import bootstrap, links
from ostiary.signin.tables import OneTimeToken
from ostiary.users.actions import Profile, read
from ostiary.users.names import email_key
from ostiary.users.tables import User

__all__ = ["clients", "other"]
Use = Callable[[httpx.AsyncClient, str], Awaitable[httpx.Response]]
_numbers = count(1)


async def _reset(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await reset(client, token, f"horse number {next(_numbers)}")


async def _accept(client: httpx.AsyncClient, token: str) -> httpx.Response:
    fields = {"token": token, "password": f"horse number {next(_numbers)}"}
    return await client.post("/invitation", data=fields, headers=SAME_ORIGIN)


USES: dict[links.Purpose, tuple[Use, str]] = {
    "verify_email": (verify, "email.verified"),
    "reset_password": (_reset, "password.reset"),
    "change_email": (confirm, "email.changed"),
    "undo_email_change": (undo, "email.change_undone"),
    "invitation": (_accept, "invitation.accepted"),
}


async def _use(use: Use, client: httpx.AsyncClient, token: str) -> httpx.Response:
    answer = await use(client, token)
    while answer.status_code == 503:  # told to come back, as it may be where the machine is slow
        answer = await use(client, token)
    return answer


async def _link(rt: Runtime, user: Profile, purpose: links.Purpose, round: int) -> str:
    async with rt.db.write() as tx:
        now = await read(tx, user.id)
        wanted = links.Wanted(
            purpose,
            timedelta(hours=1),
            user_id=user.id,
            email=f"old{round}@example.com" if purpose == "undo_email_change" else now.email,
            email_key=None if purpose == "undo_email_change" else email_key(now.email),
            new_email=f"new{round}@example.com" if purpose == "change_email" else None,
        )
        return str(await links.create(tx, rt.clock.now(), wanted))


@pytest.mark.settings(
    limits={"signin_attempts": 5_000}, hashing={"memory_kib": 8, "iterations": 1, "max_wait": 30}
)
@pytest.mark.parametrize("purpose", USES)
async def test_one_of_fifty_counts_in_each_round(
    rt: Runtime, clients: Clients, purpose: links.Purpose
) -> None:
    user = await a_user(rt, email_verified=True)
    use, happened = USES[purpose]
    for round in range(ROUNDS):
        token = await _link(rt, user, purpose, round)
        answers = await asyncio.gather(
            *(_use(use, clients[number % 2], token) for number in range(50))
        )
        codes = sorted(answer.status_code for answer in answers)
        refused = [code for code in codes if code == 400]
        assert len(refused) == 49
        assert set(codes) - {400} <= {200, 204, 303}
    assert len(await events(rt, happened)) == ROUNDS


async def test_one_administrator_comes_of_fifty_who_hold_the_link(
    rt: Runtime, other: Runtime
) -> None:
    link = await bootstrap.invite(rt)
    assert link is not None
    token = link.partition("token=")[2]

    async def claim(number: int) -> bool:
        try:
            await bootstrap.create_administrator(
                (rt, other)[number % 2],
                token,
                f"admin{number}@example.com",
                "a horse for the first",
                origin=an_origin(),
            )
        except (bootstrap.SetupLinkInvalid, *OUTAGES):
            return False
        return True

    assert sum(await asyncio.gather(*(claim(number) for number in range(50)))) == 1
    async with rt.db.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(User)) == 1
        assert await connection.scalar(select(func.count()).select_from(OneTimeToken)) == 0
    assert await bootstrap.invite(rt) is None
