"""A hash outlasts any transaction: what was checked must be true still at the opening."""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from factories import PASSWORD, a_user, an_origin, events, problem
from sqlalchemy import select

from ostiary.admin.users import suspend
from ostiary.app import create_app
from ostiary.authenticators import password
from ostiary.authenticators.tables import Authenticator
from ostiary.kernel.hashing import PasswordHasher, Verified
from ostiary.runtime import Runtime

SIGNIN = "/api/v1/auth/signin"


class Interrupted(PasswordHasher):
    """The real hasher, with something that happens while it works."""

    meanwhile: Callable[[], Awaitable[None]]

    async def verify(self, encoded: str | None, password: str) -> Verified:
        """Verify; by the time that is done, the world has gone on."""
        verified = await super().verify(encoded, password)
        await self.meanwhile()
        return verified


@pytest.fixture
async def hasher() -> AsyncIterator[Interrupted]:
    made = Interrupted(memory_kib=64, iterations=1, threads=1, max_wait=30)
    yield made
    made.close()


async def _sign_in(rt: Runtime, hasher: Interrupted, email: str) -> httpx.Response:
    app = create_app(rt.settings, runtime=dataclasses.replace(rt, hasher=hasher))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ostiary.test") as client:
        return await client.post(SIGNIN, json={"email": email, "password": PASSWORD})


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
