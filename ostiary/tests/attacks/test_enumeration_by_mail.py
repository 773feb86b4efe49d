"""The attacker asks for mail to learn who has an account: by words, size, headers or work.

Known, unknown, unverified and suspended addresses get the same answer, run the same statements and
write the same rows; the budgets do not tell them apart either.
"""

import dataclasses
from collections.abc import AsyncIterator

import httpx
import pytest
from factories import a_suspended_user, a_user
from inbox import Mailbox, deliver
from links import API, forget

from attacks.test_enumeration_by_work import NotingDatabase, _client_of, statements
from ostiary.runtime import Runtime

__all__ = ["statements"]

ADDRESSES = {
    "known": "known@example.com",
    "unverified": "unverified@example.com",
    "suspended": "suspended@example.com",
    "unknown": "nobody@example.com",
}

# Every way to have something mailed without being signed in.
WAYS = ("password/forgot", "magic-link", "email-code")
LINKS = {"magic_link": "https://app.example/in?token={token}"}


@pytest.fixture
async def noted(rt: Runtime, statements: list[str]) -> AsyncIterator[Runtime]:
    """The Runtime on a database that notes every statement."""
    db = NotingDatabase(rt.settings.database_url, statements)
    yield dataclasses.replace(rt, db=db)
    await db.close()


async def _people(rt: Runtime) -> None:
    await a_user(rt, ADDRESSES["known"], email_verified=True)
    await a_user(rt, ADDRESSES["unverified"])
    await a_suspended_user(rt, ADDRESSES["suspended"], email_verified=True)


@pytest.mark.settings(links=LINKS)
@pytest.mark.parametrize("way", WAYS)
async def test_everybody_gets_the_same_answer(
    rt: Runtime, client: httpx.AsyncClient, way: str
) -> None:
    await _people(rt)
    answers = [await _ask(client, way, address) for address in ADDRESSES.values()]
    assert {one.status_code for one in answers} == {202}
    assert len({len(one.content) for one in answers}) == 1
    assert len({tuple(sorted(one.json())) for one in answers}) == 1
    assert len({tuple(sorted(one.headers)) for one in answers}) == 1


async def test_an_answer_about_a_reset_says_nothing_else(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await _people(rt)
    answers = [await forget(client, address) for address in ADDRESSES.values()]
    assert {one.content for one in answers} == {b'{"status":"accepted"}'}


@pytest.mark.settings(links=LINKS)
@pytest.mark.parametrize("way", WAYS)
async def test_everybody_runs_the_same_statements(
    noted: Runtime, statements: list[str], way: str
) -> None:
    await _people(noted)
    ran = {}
    async with _client_of(noted) as client:
        for name, address in ADDRESSES.items():
            statements.clear()
            await _ask(client, way, address)
            ran[name] = tuple(statements)
    assert len(set(ran.values())) == 1, ran
    assert sum(one.startswith("INSERT INTO mail") for one in ran["unknown"]) == 1


async def _ask(client: httpx.AsyncClient, way: str, address: str) -> httpx.Response:
    return await client.post(f"{API}/{way}", json={"email": address})


async def test_only_who_has_an_account_gets_mail(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await _people(rt)
    for address in ADDRESSES.values():
        await forget(client, address)
    await deliver(rt)
    assert {message.to for message in mailbox.messages} == {
        ADDRESSES["known"],
        ADDRESSES["unverified"],
    }


async def test_the_budget_does_not_tell(rt: Runtime, client: httpx.AsyncClient) -> None:
    await _people(rt)
    codes = {
        name: [(await forget(client, address)).status_code for _ in range(6)]
        for name, address in list(ADDRESSES.items())[::3]
    }
    assert codes["known"] == codes["unknown"] == [202] * 5 + [429]
