"""Whatever happens to a second factor is logged once and told to the account's owner by mail."""

import httpx
import pytest
from factories import a_user, an_origin, events, problem
from inbox import Mailbox, deliver
from mfa import API, protect, sign_in, verify

from ostiary.runtime import Runtime
from ostiary.signin import binding
from ostiary.signin.binding import MfaNotEnabled


async def _subjects(rt: Runtime, mailbox: Mailbox, email: str) -> list[str]:
    await deliver(rt)
    return sorted(one.subject for one in mailbox.to(email))


async def test_binding_is_told(rt: Runtime, mailbox: Mailbox) -> None:
    owner = await protect(rt)
    assert await _subjects(rt, mailbox, owner.user.email) == ["A second factor was added"]
    [bound] = await events(rt, "authenticator.bound")
    assert (bound.subject, bound.actor, bound.data) == (
        owner.user.id,
        owner.user.id,
        {"kind": "totp"},
    )
    assert bound.session_id == owner.session.session_id
    assert len(await events(rt, "backup_codes.replaced")) == 1


async def test_each_used_backup_code_is_told_and_the_last_two_once(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    owner = await protect(rt)
    await deliver(rt)
    mailbox.messages.clear()
    known = owner.session.device_token
    for code in owner.backup_codes:
        challenge = await sign_in(client, owner.user, device_token=known)
        assert (await verify(client, challenge, backup_code=code)).status_code == 200
    assert await _subjects(rt, mailbox, owner.user.email) == [
        *["A backup code was used"] * 10,
        "Few backup codes are left",
    ]
    used = await events(rt, "backup_code.used")
    assert sorted(one.data["remaining"] for one in used) == list(range(10))


async def test_removing_is_told(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    owner = await protect(rt)
    await deliver(rt)
    mailbox.messages.clear()
    removed = await client.post(f"{API}/auth/mfa/disable", headers=owner.session.bearer)
    assert removed.status_code == 204
    assert len(await _subjects(rt, mailbox, owner.user.email)) == 1
    [unbound] = await events(rt, "authenticator.unbound")
    assert (unbound.subject, unbound.data) == (owner.user.id, {"kind": "totp"})


async def test_a_reset_by_an_operator_is_told_and_ends_every_session(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    owner = await protect(rt)
    await deliver(rt)
    mailbox.messages.clear()
    await binding.reset(rt, owner.user, origin=an_origin())
    assert await _subjects(rt, mailbox, owner.user.email) == ["Your second factors were removed"]
    [reset] = await events(rt, "authenticators.reset")
    assert (reset.subject, reset.data) == (owner.user.id, {"kinds": ["backup_code", "totp"]})
    refused = await client.get(f"{API}/auth/me", headers=owner.session.bearer)
    assert problem(refused) == (401, "invalid-token")
    assert (await sign_in(client, owner.user))["user"]["mfa_enabled"] is False
    with pytest.raises(MfaNotEnabled):
        await binding.reset(rt, owner.user, origin=an_origin())


async def test_a_second_factor_that_waits_for_its_first_code_is_no_news(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    user = await a_user(rt)
    answer = await sign_in(client, user)
    headers = {"Authorization": f"Bearer {answer['tokens']['access_token']}"}
    made = await client.post(f"{API}/auth/mfa/totp/setup", headers=headers)
    assert made.status_code == 200
    assert await _subjects(rt, mailbox, user.email) == []
    assert await events(rt, "authenticator.bound") == []
