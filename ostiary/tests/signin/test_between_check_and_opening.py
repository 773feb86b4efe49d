"""A hash outlasts any transaction: what was checked must be true still at the opening."""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from factories import PASSWORD, a_session, a_user, an_origin, events, problem
from inbox import Mailbox
from mailed import Post
from pages import SAME_ORIGIN
from sqlalchemy import select

from ostiary.admin.users import suspend
from ostiary.app import create_app
from ostiary.authenticators import password
from ostiary.authenticators.tables import Authenticator
from ostiary.kernel.hashing import PasswordHasher, Verified
from ostiary.runtime import Runtime
from ostiary.sessions.actions import end_all
from ostiary.signin import bootstrap

API = "/api/v1/auth"


class Interrupted(PasswordHasher):
    """The real hasher, with something that happens while it works."""

    meanwhile: Callable[[], Awaitable[None]]

    async def verify(self, encoded: str | None, password: str) -> Verified:
        """Verify; by the time that is done, the world has gone on."""
        verified = await super().verify(encoded, password)
        await self.meanwhile()
        return verified

    async def hash(self, password: str) -> str:
        """Hash; by the time that is done, the world has gone on."""
        encoded = await super().hash(password)
        await self.meanwhile()
        return encoded


@pytest.fixture
async def hasher() -> AsyncIterator[Interrupted]:
    made = Interrupted(memory_kib=64, iterations=1, threads=1, max_wait=30)
    yield made
    made.close()


async def _post(rt: Runtime, hasher: Interrupted, path: str, **body: Any) -> httpx.Response:
    app = create_app(rt.settings, runtime=dataclasses.replace(rt, hasher=hasher))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ostiary.test") as client:
        return await client.post(path, **body)


async def _sign_in(rt: Runtime, hasher: Interrupted, email: str) -> httpx.Response:
    body = {"email": email, "password": PASSWORD}
    return await _post(rt, hasher, f"{API}/signin", json=body)


async def test_a_password_that_was_replaced_meanwhile_opens_nothing(
    rt: Runtime, hasher: Interrupted
) -> None:
    user = await a_user(rt)
    other = await rt.hasher.hash("quite another password")

    async def replace() -> None:
        mine = select(Authenticator.id, Authenticator.secret).where(
            Authenticator.user_id == user.id
        )
        async with rt.db.write() as tx:
            found = (await tx.execute(mine)).one()
            await password.renew(tx, authenticator_id=found.id, old=found.secret, encoded=other)

    hasher.meanwhile = replace
    assert problem(await _sign_in(rt, hasher, user.email)) == (401, "invalid-credentials")
    assert await events(rt, "session.opened") == []
    assert len(await events(rt, "signin.failed")) == 1


async def test_an_account_that_was_suspended_meanwhile_opens_nothing(
    rt: Runtime, hasher: Interrupted
) -> None:
    user = await a_user(rt)

    async def shut() -> None:
        await suspend(rt, user.id, origin=an_origin())

    hasher.meanwhile = shut
    assert problem(await _sign_in(rt, hasher, user.email)) == (401, "invalid-credentials")
    assert await events(rt, "session.opened") == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("reauthenticate", {"password": PASSWORD}),
        ("password/change", {"current_password": PASSWORD, "new_password": "another horse"}),
    ],
)
async def test_a_session_that_ended_meanwhile_proves_and_changes_nothing(
    rt: Runtime, hasher: Interrupted, path: str, body: dict[str, str]
) -> None:
    session = await a_session(rt)

    async def end() -> None:
        async with rt.db.write() as tx:
            user_id = session.user.id
            await end_all(tx, rt.clock.now(), user_id, reason="logout", origin=an_origin())

    hasher.meanwhile = end
    refused = await _post(rt, hasher, f"{API}/{path}", json=body, headers=session.bearer)
    assert problem(refused) == (401, "invalid-token")
    assert await events(rt, "session.reauthenticated", "password.changed") == []


async def test_an_invitation_that_was_accepted_meanwhile_sets_no_password(
    rt: Runtime, hasher: Interrupted, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    link = await Post(rt, client, mailbox).link("invitation")
    form = {"token": link.token, "password": "the first of two"}

    async def accept() -> None:
        first = await client.post("/invitation", data=form, headers=SAME_ORIGIN)
        assert first.status_code == 303, first.text

    hasher.meanwhile = accept
    late = {**form, "password": "the second of two"}
    refused = await _post(rt, hasher, "/invitation", data=late, headers=SAME_ORIGIN)
    assert refused.status_code == 400
    assert len(await events(rt, "invitation.accepted")) == 1


async def test_of_two_first_administrators_at_once_one_is_made(
    rt: Runtime, hasher: Interrupted
) -> None:
    link = await bootstrap.invite(rt)
    assert link is not None

    async def promote() -> None:
        await a_user(rt, role="administrator")

    hasher.meanwhile = promote
    token = link.partition("token=")[2]
    form = {"token": token, "email": "late@example.com", "password": "a good long one"}
    refused = await _post(rt, hasher, "/setup", data=form, headers=SAME_ORIGIN)
    assert refused.status_code == 400
    assert [one.data["role"] for one in await events(rt, "user.created")] == ["administrator"]
