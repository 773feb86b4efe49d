"""The attacker knows the password and wants in without the second factor.

They use what a half-signed-in browser holds everywhere, replay and guess codes, bring their own
factor, and race what the owner does in the meantime.
"""

import httpx
import pytest
from clock import OwnedClock
from factories import PASSWORD, a_user, an_origin, events, problem
from inbox import Mailbox, deliver
from mfa import API, Protected, ask_code, bearer, found_in_mail, protect, sign_in, verify

from attacks.surface import assert_refused_everywhere
from ostiary.admin.users import suspend
from ostiary.runtime import Runtime
from ostiary.signin import binding

OFTEN = {"signin_failures": 1000, "signin_attempts": 1000}


async def test_a_challenge_opens_no_route_but_those_that_finish_it(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner = await protect(rt)
    token = (await sign_in(client, owner.user))["challenge_token"]
    await assert_refused_everywhere(client, token)
    for path, member in (
        ("refresh", "refresh_token"),
        ("logout", "refresh_token"),
        ("verify-email", "token"),
        ("email/change/confirm", "token"),
    ):
        refused = await client.post(f"{API}/auth/{path}", json={member: token})
        assert refused.status_code in (400, 401), path
    body = {"attempt_token": token, "code": owner.app.code()}
    refused = await client.post(f"{API}/auth/email-code/verify", json=body)
    assert problem(refused) == (401, "attempt-invalid")
    # A bound factor is neither replaced nor removed by a sign-in that lacks it.
    for path, extra in (("setup", {}), ("confirm", {"code": owner.app.code()})):
        body = {"challenge_token": token, **extra}
        refused = await client.post(f"{API}/auth/mfa/totp/{path}", json=body)
        assert problem(refused) == (401, "attempt-invalid"), path
    assert len(await events(rt, "session.opened")) == 1


async def test_no_other_token_is_a_challenge(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    asked = await client.post(f"{API}/auth/email-code", json={"email": owner.user.email})
    attempt = asked.json()["attempt_token"]
    tokens = [
        attempt,
        attempt.replace("ostat.", "ostch."),
        owner.session.tokens.refresh_token,
        owner.session.tokens.refresh_token.replace("ostrt.", "ostch."),
        owner.session.tokens.access_token,
        owner.session.device_token or "",
    ]
    for token in tokens:
        refused = await verify(client, token, code=owner.app.code())
        assert problem(refused) == (401, "attempt-invalid"), token[:20]
    # The control: the code itself was good all the time.
    control = await verify(client, await sign_in(client, owner.user), code=owner.app.code())
    assert control.is_success


async def test_a_code_seen_once_is_worth_nothing_and_neither_is_an_older_one(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    owner = await protect(rt)
    clock.advance(minutes=5)
    older, seen = owner.app.code(drift=-1), owner.app.code()
    assert (await verify(client, await sign_in(client, owner.user), code=seen)).is_success
    for code in (seen, older):
        refused = await verify(client, await sign_in(client, owner.user), code=code)
        assert problem(refused) == (401, "invalid-code")
    clock.advance(seconds=30)
    refused = await verify(client, await sign_in(client, owner.user), code=seen)
    assert problem(refused) == (401, "invalid-code")


async def test_the_attackers_own_factor_opens_nobody_elses_account(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    victim, attacker = await protect(rt), await protect(rt)
    for factor in ({"code": attacker.app.code()}, {"backup_code": attacker.backup_codes[0]}):
        refused = await verify(client, await sign_in(client, victim.user), **factor)
        assert problem(refused) == (401, "invalid-code")
    control = await verify(client, await sign_in(client, attacker.user), code=attacker.app.code())
    assert control.is_success


async def test_a_password_that_was_changed_finishes_nothing_that_it_started(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner = await protect(rt)
    started = await sign_in(client, owner.user)
    body = {"current_password": PASSWORD, "new_password": "another horse"}
    changed = await client.post(
        f"{API}/auth/password/change", json=body, headers=owner.session.bearer
    )
    assert changed.status_code == 200
    refused = await verify(client, started, code=owner.app.code())
    assert problem(refused) == (401, "attempt-invalid")
    # And the code was not used up by it.
    fresh = await sign_in(client, owner.user, "another horse")
    assert (await verify(client, fresh, code=owner.app.code())).is_success


async def test_a_suspended_account_finishes_nothing(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    started = await sign_in(client, owner.user)
    await suspend(rt, owner.user.id, origin=an_origin())
    refused = await verify(client, started, code=owner.app.code())
    assert problem(refused) == (401, "attempt-invalid")


async def test_a_factor_that_was_removed_lets_nobody_in_without_it(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner = await protect(rt)
    started = await sign_in(client, owner.user)
    await binding.reset(rt, owner.user, origin=an_origin())
    for factor in ({"code": owner.app.code()}, {"backup_code": owner.backup_codes[0]}):
        refused = await verify(client, started, **factor)
        assert problem(refused) == (401, "attempt-invalid")


async def test_a_reset_password_leaves_the_second_factor_asked_for(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    owner = await protect(rt, await a_user(rt, email_verified=True))
    await deliver(rt)
    await client.post(f"{API}/auth/password/forgot", json={"email": owner.user.email})
    token = await found_in_mail(rt, mailbox, owner.user.email, r"ostlt\.[\w.-]+")
    body = {"token": token, "new_password": "another horse"}
    assert (await client.post(f"{API}/auth/password/reset", json=body)).status_code == 204
    answer = await sign_in(client, owner.user, "another horse")
    assert answer["methods"] == ["totp", "backup_code"]


async def test_what_a_creator_bound_is_gone_when_the_mailbox_speaks_first(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    # Pre-hijack: an account in the victim's name, with the attacker's password and app.
    mallory = await protect(rt, await a_user(rt, "victim@example.com"))
    attempt, code = await ask_code(rt, client, mailbox, "victim@example.com")
    body = {"attempt_token": attempt, "code": code}
    answer = await client.post(f"{API}/auth/email-code/verify", json=body)
    assert answer.json()["user"]["mfa_enabled"] is False
    assert (await client.get(f"{API}/auth/me", headers=bearer(answer.json()))).is_success
    refused = await client.get(f"{API}/auth/me", headers=mallory.session.bearer)
    assert problem(refused) == (401, "invalid-token")
    body = {"email": "victim@example.com", "password": PASSWORD}
    refused = await client.post(f"{API}/auth/signin", json=body)
    assert problem(refused) == (401, "invalid-credentials")


async def _guess(client: httpx.AsyncClient, owner: Protected, times: int) -> None:
    for number in range(times):
        if number % 5 == 0:
            challenge = await sign_in(client, owner.user)
        refused = await verify(client, challenge, code=owner.app.wrong())
        assert problem(refused) == (401, "invalid-code")


@pytest.mark.settings(limits=OFTEN)
async def test_a_hundred_wrong_codes_in_a_row_close_the_app(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner = await protect(rt)
    await _guess(client, owner, 99)
    assert await events(rt, "second_factor.closed") == []
    await _guess(client, owner, 1)
    assert len(await events(rt, "second_factor.closed")) == 1
    refused = await verify(client, await sign_in(client, owner.user), code=owner.app.code())
    assert problem(refused) == (401, "invalid-code")
    again = await client.post(
        f"{API}/auth/reauthenticate",
        json={"code": owner.app.code()},
        headers=owner.session.bearer,
    )
    assert problem(again) == (422, "incorrect-proof")
    # The owner still has another way, which nobody guesses.
    answer = await verify(
        client, await sign_in(client, owner.user), backup_code=owner.backup_codes[0]
    )
    assert answer.status_code == 200


@pytest.mark.settings(limits={**OFTEN, "consecutive_failures": 10})
async def test_failures_of_both_ways_are_counted_together_and_a_right_code_ends_the_row(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    owner = await protect(rt)
    for _ in range(2):
        await _guess(client, owner, 5)
        for _ in range(4):
            body = {"code": owner.app.wrong()}
            path = f"{API}/auth/reauthenticate"
            refused = await client.post(path, json=body, headers=owner.session.bearer)
            assert problem(refused) == (422, "incorrect-proof")
        right = await verify(client, await sign_in(client, owner.user), code=owner.app.code())
        assert right.status_code == 200
        clock.advance(seconds=30)
    await _guess(client, owner, 10)
    refused = await verify(client, await sign_in(client, owner.user), code=owner.app.code())
    assert problem(refused) == (401, "invalid-code")


async def test_the_owner_on_a_known_device_is_not_shut_out_by_somebody_with_the_password(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner = await protect(rt)
    await _guess(client, owner, 5)
    limited = await verify(client, await sign_in(client, owner.user), code=owner.app.code())
    assert problem(limited) == (429, "too-many-requests")
    known = await sign_in(client, owner.user, device_token=owner.session.device_token)
    assert (await verify(client, known, code=owner.app.code())).status_code == 200


async def test_an_attack_leaves_one_event_for_each_attempt_and_no_secret(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner = await protect(rt)
    challenge = await sign_in(client, owner.user)
    wrong = owner.app.wrong()
    await verify(client, challenge, code=wrong)
    await verify(client, challenge, backup_code="00000-00000")
    told = await events(rt, "second_factor.refused")
    assert sorted(one.data["kind"] for one in told) == ["backup_code", "totp"]
    assert {one.subject for one in told} == {owner.user.id}
    assert wrong not in repr([one.data for one in told])
