"""The attacker guesses a password for weeks, slowly, or fails on purpose to shut its owner out.

A hundred failures in a row, by whatever way, close the password until a mailed reset; the devices
that its owner has signed in on before are let in all the same.
"""

import httpx
import pytest
from clock import OwnedClock
from factories import PASSWORD, SignedIn, a_session, a_user, events, problem
from inbox import Mailbox, deliver
from mfa import found_in_mail

from attacks.surface import API
from ostiary.runtime import Runtime

OFTEN = {"signin_failures": 1000, "signin_attempts": 1000}
TEN = pytest.mark.settings(limits={**OFTEN, "consecutive_failures": 10})
WRONG = "wrong guess"


async def _signin(
    client: httpx.AsyncClient, who: SignedIn, password: str = PASSWORD, **body: str | None
) -> httpx.Response:
    sent = {"email": who.user.email, "password": password, **body}
    return await client.post(f"{API}/auth/signin", json=sent)


async def _fail(client: httpx.AsyncClient, who: SignedIn, times: int, **body: str | None) -> None:
    for _ in range(times):
        refused = await _signin(client, who, WRONG, **body)
        assert problem(refused) == (401, "invalid-credentials")


async def _owner(rt: Runtime) -> SignedIn:
    return await a_session(rt, await a_user(rt, email_verified=True))


@pytest.mark.settings(limits=OFTEN)
async def test_a_hundred_failures_in_a_row_close_the_password_and_its_owner_is_told(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    owner = await _owner(rt)
    await _fail(client, owner, 99)
    assert await events(rt, "password.closed") == []
    await _fail(client, owner, 2)
    right = await _signin(client, owner)
    wrong = await _signin(client, owner, WRONG)
    # Closed looks like wrong: the attacker does not learn that they may stop.
    assert problem(right) == problem(wrong) == (401, "invalid-credentials")
    assert len(right.content) == len(wrong.content)
    assert len(await events(rt, "password.closed")) == 1
    await deliver(rt)
    assert [one.subject for one in mailbox.to(owner.user.email)] == ["Your password was closed"]


@TEN
async def test_the_owner_gets_in_on_a_known_device_and_that_ends_the_row(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner = await _owner(rt)
    await _fail(client, owner, 10)
    assert problem(await _signin(client, owner))[0] == 401
    known = await _signin(client, owner, device_token=owner.device_token)
    assert known.status_code == 200
    assert (await _signin(client, owner)).status_code == 200


@TEN
async def test_a_mailed_reset_opens_it(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    owner = await _owner(rt)
    await _fail(client, owner, 10)
    await deliver(rt)
    await client.post(f"{API}/auth/password/forgot", json={"email": owner.user.email})
    token = await found_in_mail(rt, mailbox, owner.user.email, r"ostlt\.[\w.-]+")
    body = {"token": token, "new_password": "another horse"}
    assert (await client.post(f"{API}/auth/password/reset", json=body)).status_code == 204
    assert (await _signin(client, owner, "another horse")).status_code == 200


@TEN
async def test_waiting_does_not_open_it(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    owner = await _owner(rt)
    await _fail(client, owner, 10)
    clock.advance(days=30)
    assert problem(await _signin(client, owner)) == (401, "invalid-credentials")


@TEN
async def test_a_success_ends_the_row(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await _owner(rt)
    for _ in range(3):
        await _fail(client, owner, 9)
        assert (await _signin(client, owner)).status_code == 200


@TEN
async def test_it_is_one_row_whichever_way_the_password_is_asked_for(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner = await _owner(rt)
    again = f"{API}/auth/reauthenticate"
    change = f"{API}/auth/password/change"
    body = {"current_password": WRONG, "new_password": "another horse"}
    await _fail(client, owner, 4)
    for _ in range(3):
        refused = await client.post(again, json={"password": WRONG}, headers=owner.bearer)
        assert problem(refused) == (422, "incorrect-proof")
        refused = await client.post(change, json=body, headers=owner.bearer)
        assert problem(refused) == (422, "incorrect-proof")
    assert len(await events(rt, "password.closed")) == 1
    assert problem(await _signin(client, owner)) == (401, "invalid-credentials")
    for refused in (
        await client.post(again, json={"password": PASSWORD}, headers=owner.bearer),
        await client.post(
            change, json={**body, "current_password": PASSWORD}, headers=owner.bearer
        ),
    ):
        assert problem(refused) == (422, "incorrect-proof")


@TEN
async def test_a_device_that_fails_as_often_is_no_longer_known(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner = await _owner(rt)
    await _fail(client, owner, 10, device_token=owner.device_token)
    # What was counted on the device closed nothing for anybody else.
    assert (await _signin(client, owner)).status_code == 200
    await _fail(client, owner, 10)
    refused = await _signin(client, owner, device_token=owner.device_token)
    assert problem(refused) == (401, "invalid-credentials")


@TEN
async def test_somebody_elses_device_does_not_open_a_closed_password(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner, attacker = await _owner(rt), await _owner(rt)
    await _fail(client, owner, 10)
    refused = await _signin(client, owner, device_token=attacker.device_token)
    assert problem(refused) == (401, "invalid-credentials")
