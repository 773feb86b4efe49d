"""An administrator changes accounts; one who can sign in is always left."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import httpx
import pytest
from contracts.test_two_processes import other
from factories import a_session, a_suspended_user, a_user, an_origin, events, problem, rows_in
from inbox import Mailbox, deliver
from link_forms import NEW_PASSWORD, use
from links import last_token, reset, sign_in
from mailed import Post
from mfa import protect
from pages import followed

from ostiary.admin import users
from ostiary.admin.users import Changed, Mailed, Shut, Unchanged
from ostiary.authenticators.tables import Authenticator
from ostiary.kernel.database import OUTAGES
from ostiary.kernel.origin import LOCAL
from ostiary.kernel.problems import NotFound
from ostiary.runtime import Runtime
from ostiary.sessions.tables import Device, RefreshToken, Session
from ostiary.signin import binding
from ostiary.users.actions import Filter, LastAdministrator, find, listed
from ostiary.users.tables import User

__all__ = ["other"]
API = "/api/v1"
Taking = Callable[..., Coroutine[Any, Any, Changed | Unchanged]]
TAKING: list[Taking] = [users.suspend, users.demote, users.delete]
each_taking = pytest.mark.parametrize("take", TAKING, ids=lambda action: action.__name__)


async def test_a_deleted_user_leaves_events_and_nothing_else(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    user = await a_user(rt, "eve@example.com", email_verified=True, locale="es")
    session = await a_session(rt, user)
    await a_session(rt, user)
    assert await users.delete(rt, user.id, origin=LOCAL) == Changed(sessions=2)
    assert problem(await client.get(f"{API}/auth/me", headers=session.bearer))[0] == 401
    body = {"refresh_token": session.tokens.refresh_token}
    assert problem(await client.post(f"{API}/auth/refresh", json=body))[0] == 401
    for table in (User, Authenticator, Session, RefreshToken, Device):
        assert await rows_in(rt, table) == 0
    [deleted] = await events(rt, "user.deleted")
    assert (deleted.subject, deleted.actor) == (user.id, None)
    assert deleted.data == {"reason": "administration"}
    assert len(await events(rt, "session.opened")) == 2
    await deliver(rt)
    subjects = [message.subject for message in mailbox.to("eve@example.com")]
    assert subjects.count("Se ha eliminado tu cuenta") == 1
    again = await a_user(rt, "eve@example.com")
    assert again.id != user.id


async def test_an_email_that_was_never_verified_gets_no_last_message(
    rt: Runtime, mailbox: Mailbox
) -> None:
    user = await a_user(rt)
    await users.delete(rt, user.id, origin=LOCAL)
    await deliver(rt)
    assert mailbox.messages == []


async def test_a_user_is_promoted_and_demoted(rt: Runtime) -> None:
    await a_user(rt, role="administrator")
    user = await a_user(rt, "ada@example.com", email_verified=True)
    for action, role, type in (
        (users.promote, "administrator", "user.promoted"),
        (users.demote, "user", "user.demoted"),
    ):
        assert await action(rt, user.id, origin=LOCAL) == Changed()
        assert (await find(rt, user.email)).role == role
        assert await action(rt, user.id, origin=LOCAL) == Unchanged()
        [event] = await events(rt, type)
        assert event.subject == user.id


async def test_an_account_that_nobody_was_in_is_promoted(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    link = await Post(rt, client, mailbox).link("invitation", email="ada@example.com")
    assert link.user is not None
    assert await users.promote(rt, link.user.id, origin=LOCAL) == Changed()
    await followed(client, await use(client, "invitation", link))
    user = (await sign_in(client, "ada@example.com", NEW_PASSWORD)).json()["user"]
    assert user["role"] == "administrator"


@pytest.mark.settings(mfa={"policy": "required_for_administrators"})
async def test_a_promotion_ends_sessions_that_the_policy_would_not_have_opened(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    session = await a_session(rt, await a_user(rt, email_verified=True))
    assert await users.promote(rt, session.user.id, origin=LOCAL) == Changed(sessions=1)
    assert problem(await client.get(f"{API}/auth/me", headers=session.bearer))[0] == 401
    [revoked] = await events(rt, "session.revoked")
    assert revoked.data == {"reason": "promoted"}


async def test_what_is_like_that_already_is_told_apart_from_what_is_not_there(rt: Runtime) -> None:
    user = await a_user(rt)
    shut = await a_suspended_user(rt)
    before = await events(rt)
    assert await users.reactivate(rt, user.id, origin=LOCAL) == Unchanged()
    assert await users.suspend(rt, shut.id, origin=LOCAL) == Unchanged()
    assert await users.demote(rt, user.id, origin=LOCAL) == Unchanged()
    for action in (*TAKING, users.promote, users.reactivate):
        with pytest.raises(NotFound):
            await action(rt, "usr_none", origin=LOCAL)
    assert await events(rt) == before


async def test_suspending_and_reactivating_count_the_sessions(rt: Runtime) -> None:
    session = await a_session(rt)
    assert await users.suspend(rt, session.user.id, origin=LOCAL) == Changed(sessions=1)
    assert await users.reactivate(rt, session.user.id, origin=LOCAL) == Changed(sessions=1)


@each_taking
async def test_the_last_administrator_stays(rt: Runtime, take: Taking) -> None:
    root = await a_user(rt, role="administrator")
    await a_suspended_user(rt, role="administrator")
    await a_user(rt)
    before = await events(rt)
    with pytest.raises(LastAdministrator):
        await take(rt, root.id, origin=LOCAL)
    assert await events(rt) == before
    await a_user(rt, role="administrator")
    assert await take(rt, root.id, origin=LOCAL) == Changed()


@each_taking
async def test_an_invitation_that_nobody_accepted_is_no_administrator_yet(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, take: Taking
) -> None:
    root = await a_user(rt, role="administrator")
    link = await Post(rt, client, mailbox).link("invitation", role="administrator")
    with pytest.raises(LastAdministrator):
        await take(rt, root.id, origin=LOCAL)
    assert link.user is not None
    await users.delete(rt, link.user.id, origin=LOCAL)


@each_taking
async def test_administrators_who_remove_each_other_at_once_leave_one(
    rt: Runtime, other: Runtime, take: Taking
) -> None:
    made = [await a_user(rt, role="administrator") for _ in range(10)]

    async def attempt(number: int) -> bool:
        try:
            await take((rt, other)[number % 2], made[number].id, origin=an_origin())
        except (LastAdministrator, *OUTAGES):
            return False
        return True

    done = await asyncio.gather(*(attempt(number) for number in range(10)))
    which = Filter(role="administrator", status="active")
    left = await listed(rt, after="", limit=20, which=which)
    assert len(left) == 10 - sum(done)
    assert left


async def test_a_link_to_a_new_password_is_mailed(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    user = await a_user(rt, "ada@example.com", email_verified=True)
    mailed = await users.mail_password_link(rt, user, origin=LOCAL)
    assert isinstance(mailed, Mailed)
    assert mailed.lifetime.total_seconds() == 3_600
    token = await last_token(rt, mailbox, user.email)
    assert (await reset(client, token, "a phrase of my own")).status_code == 204
    assert (await sign_in(client, user.email, "a phrase of my own")).status_code == 200
    [asked] = await events(rt, "password.reset_requested")
    assert asked.subject == user.id


async def test_no_link_is_mailed_to_a_suspended_user(rt: Runtime, mailbox: Mailbox) -> None:
    user = replace(await a_suspended_user(rt), status="suspended")
    assert await users.mail_password_link(rt, user, origin=LOCAL) == Shut()
    await deliver(rt)
    assert mailbox.messages == []


async def test_taking_second_factors_away_says_which_and_how_many_sessions(rt: Runtime) -> None:
    user = await a_user(rt)
    await protect(rt, user)  # signed in
    done = await binding.reset(rt, user, origin=LOCAL)
    assert (done.kinds, done.sessions) == (("backup_code", "totp"), 1)


async def test_a_list_of_users_is_filtered(rt: Runtime) -> None:
    await a_user(rt, "Ada@example.com", role="administrator")
    await a_user(rt, "adam@example.com")
    await a_suspended_user(rt, "a%b@example.com")

    async def emails(**which: Any) -> set[str]:
        return {one.email for one in await listed(rt, after="", limit=9, which=Filter(**which))}

    assert await emails() == {"Ada@example.com", "adam@example.com", "a%b@example.com"}
    assert await emails(email_prefix="ADA") == {"Ada@example.com", "adam@example.com"}
    assert await emails(email_prefix="a%") == {"a%b@example.com"}
    assert await emails(role="administrator") == {"Ada@example.com"}
    assert await emails(status="suspended") == {"a%b@example.com"}
    assert await emails(role="administrator", status="suspended") == set()
