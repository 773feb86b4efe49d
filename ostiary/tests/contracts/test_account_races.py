"""What an operator does to an account at the moment in which its owner comes leaves no opening.

Two Runtimes stand for two processes, as in test_two_processes.
"""

import asyncio
import itertools
import os
from datetime import timedelta

import httpx
import pytest
from factories import PASSWORD, a_user
from link_forms import NEW_PASSWORD
from links import reset, sign_in, verify
from pages import SAME_ORIGIN
from sqlalchemy import func, select, text

from contracts.test_two_processes import Clients, clients, other
from ostiary.admin import users
from ostiary.admin.invitations import Invited, invite
from ostiary.admin.users import Changed
from ostiary.kernel.origin import LOCAL
from ostiary.runtime import Runtime
from ostiary.signin import links
from ostiary.signin.tables import OneTimeToken
from ostiary.users.actions import NewUser, Profile
from ostiary.users.names import email_key
from ostiary.users.tables import User

__all__ = ["clients", "other"]
API = "/api/v1"


async def _sign_in(client: httpx.AsyncClient, email: str) -> httpx.Response:
    answer = await sign_in(client, email, PASSWORD)
    while answer.status_code == 503:  # told to come back, as it may be where the machine is slow
        answer = await sign_in(client, email, PASSWORD)
    return answer


@pytest.mark.settings(
    mfa={"policy": "required_for_administrators"},
    limits={"signin_attempts": 1_000, "signin_failures": 1_000},
    hashing={"memory_kib": 64, "iterations": 1, "max_wait": 30},
)
async def test_no_session_by_a_password_alone_outlives_a_promotion(
    rt: Runtime, other: Runtime, clients: Clients
) -> None:
    # The attacker has the password of somebody who is about to become an administrator.
    # They sign in while the operator promotes the account: the gate was asked for a user.
    # No session that a password alone has opened is an administrator's.
    for round in range(5):
        user = await a_user(rt, f"ada{round}@example.com", email_verified=True)
        signing = [
            asyncio.create_task(_sign_in(clients[number % 2], user.email)) for number in range(8)
        ]
        # In each round the promotion comes at another point of the sign-ins.
        await asyncio.wait(signing[: round + 1], return_when=asyncio.FIRST_COMPLETED)
        done = await users.promote(other, user.id, origin=LOCAL)
        assert isinstance(done, Changed)
        answers = [answer.json() for answer in await asyncio.gather(*signing)]
        opened = [answer["tokens"]["access_token"] for answer in answers if "tokens" in answer]
        assert opened
        for token in opened:
            headers = {"Authorization": f"Bearer {token}"}
            assert (await clients[0].get(f"{API}/auth/me", headers=headers)).status_code == 401


async def _token(rt: Runtime, user: Profile, purpose: links.Purpose) -> str:
    wanted = links.Wanted(
        purpose,
        timedelta(hours=1),
        user_id=user.id,
        email=user.email,
        email_key=email_key(user.email),
    )
    async with rt.db.write() as tx:
        return str(await links.create(tx, rt.clock.now(), wanted))


async def _do(rt: Runtime, client: httpx.AsyncClient, user: Profile, what: str) -> int | str:
    """Use a link of the account, or invite or sign in its owner; the status, or what was done."""
    match what:
        case "invite":
            return type(await invite(rt, NewUser(user.email), origin=LOCAL)).__name__
        case "sign in":
            return (await sign_in(client, user.email, PASSWORD)).status_code
        case "invitation":
            fields = {"token": await _token(rt, user, what), "password": NEW_PASSWORD}
            sent = await client.post("/invitation", data=fields, headers=SAME_ORIGIN)
            return sent.status_code
        case "reset_password":
            return (await reset(client, await _token(rt, user, what), NEW_PASSWORD)).status_code
        case "verify_email":
            return (await verify(client, await _token(rt, user, what))).status_code
    raise AssertionError(what)


async def _wait_for_locks(rt: Runtime, count: int) -> None:
    """Return when so many transactions of this database wait for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with rt.db.read() as connection:
        while await connection.scalar(waiting) != count:
            pass  # the question itself lets the others run


async def _invitations(rt: Runtime, user: Profile) -> int:
    live = select(func.count()).where(
        OneTimeToken.user_id == user.id, OneTimeToken.purpose == "invitation"
    )
    async with rt.db.read() as connection:
        return int(await connection.scalar(live) or 0)


PAIRS = [
    *itertools.product(["invite", "invitation", "reset_password", "verify_email"], repeat=2),
    ("sign in", "reset_password"),
    ("reset_password", "sign in"),
    ("sign in", "verify_email"),
    ("verify_email", "sign in"),
]


@pytest.mark.skipif("TEST_DATABASE_URL" not in os.environ, reason="SQLite has one writer at a time")
@pytest.mark.timeout(30)
@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_of_two_who_change_an_account_at_once_the_second_sees_the_first(
    rt: Runtime, other: Runtime, clients: Clients, first: str, second: str
) -> None:
    # An operator invites somebody again, while that person uses a link or signs in.
    # An invitation that is mailed after a password was chosen would set another one for a week.
    # Each waits for the other in the same order: neither is undone, and that link is not left.
    if "sign in" in (first, second):
        user = await a_user(rt, "ada@example.com")
    else:
        invited = await invite(rt, NewUser("ada@example.com"), origin=LOCAL)
        assert isinstance(invited, Invited)
        user = invited.profile
    async with rt.db.write() as tx:
        await tx.execute(select(User.id).where(User.id == user.id).with_for_update(key_share=True))
        one = asyncio.create_task(_do(rt, clients[0], user, first))
        await _wait_for_locks(rt, 1)
        two = asyncio.create_task(_do(other, clients[1], user, second))
        await _wait_for_locks(rt, 2)
    done = {await one, await two}
    assert done <= {200, 204, 303, 400, 401, "Invited", "HasPassword"}
    if done & {204, 303}:
        assert await _invitations(rt, user) == 0
        assert "Invited" not in done or first == "invite"
