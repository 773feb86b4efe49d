"""The gate over HTTP: every way in, in every state of the second factor, under every policy.

What each has to end in is written down here once more, as rules; nothing else opens a session.
"""

from itertools import product
from typing import Any

import httpx
import pytest
from factories import a_user, events, problem, signup_body
from inbox import Mailbox, deliver
from mfa import (
    API,
    Answer,
    ask_code,
    ask_link,
    bearer,
    bind_in,
    found_in_mail,
    protect,
    sign_in,
    verify,
)

from ostiary.runtime import Runtime
from ostiary.signin import verification
from ostiary.users.actions import Profile

STATES = ["none", "set up, not confirmed", "bound", "no codes left"]
ROLES = ["user", "administrator"]
LINK_TOKEN = r"ostlt\.[\w.-]+"
TEMPLATE = "https://app.example/in?token={token}"
# Twenty people in each test, from one address.
LIMITS = {"messages_address": 1000, "signin_attempts": 1000, "signups": 1000}
POLICIES = [
    pytest.param(
        policy,
        marks=pytest.mark.settings(
            mfa={"policy": policy}, links={"magic_link": TEMPLATE}, limits=LIMITS
        ),
    )
    for policy in ("optional", "required", "required_for_administrators")
]


def _demands(policy: str, role: str) -> bool:
    return policy == "required" or (policy != "optional" and role == "administrator")


async def _bring_into(state: str, rt: Runtime, client: httpx.AsyncClient, user: Profile) -> None:
    """Let `user` have a second factor in this state, by the way the policy leaves them."""
    if state == "none":
        return
    answer = await sign_in(client, user)
    is_asked = "challenge_token" in answer
    if state == "set up, not confirmed":
        token = {"challenge_token": answer["challenge_token"]} if is_asked else None
        headers = {} if is_asked else bearer(answer)
        made = await client.post(f"{API}/auth/mfa/totp/setup", json=token, headers=headers)
        assert made.status_code == 200, made.text
        return
    if is_asked:
        codes = (await bind_in(rt, client, answer))[1]["backup_codes"]
    else:
        codes = list((await protect(rt, user)).backup_codes)
    if state == "no codes left":
        # The first one signs in, and the session asks for the others: one hash, not ten.
        entered = await verify(client, await sign_in(client, user), backup_code=codes[0])
        headers = bearer(entered.json())
        for code in codes[1:]:
            used = await client.post(
                f"{API}/auth/reauthenticate", json={"backup_code": code}, headers=headers
            )
            assert used.status_code == 200, used.text


async def _post(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Answer:
    response = await client.post(f"{API}/auth/{path}", json=body)
    assert response.is_success, response.text
    return dict(response.json()) if response.content else {}


async def _enter(
    way: str, rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, email: str
) -> Answer:
    """Go that way as far as it leads; what it answers in the end."""
    if way == "magic link":
        attempt, link = await ask_link(rt, client, mailbox, email)
        token = link.partition("token=")[2]
        return await _post(client, "magic-link/verify", {"attempt_token": attempt, "token": token})
    if way == "email code":
        attempt, code = await ask_code(rt, client, mailbox, email)
        return await _post(client, "email-code/verify", {"attempt_token": attempt, "code": code})
    return await _post(client, "signin", {"email": email, "password": "correct horse battery"})


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("way", ["password", "magic link", "email code"])
async def test_every_way_in_asks_for_what_the_policy_demands(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, way: str, policy: str
) -> None:
    for state, role in product(STATES, ROLES):
        user = await a_user(rt, email_verified=True, role=role)
        await _bring_into(state, rt, client, user)
        opened = len(await events(rt, "session.opened"))
        answer = await _enter(way, rt, client, mailbox, user.email)
        case = (way, state, policy, role)
        if state in ("bound", "no codes left"):
            codes = ["backup_code"] if state == "bound" else []
            assert (answer["methods"], answer["bind"]) == (["totp", *codes], None), case
        elif _demands(policy, role):
            assert (answer["methods"], answer["bind"]) == ([], ["totp"]), case
        else:
            assert "tokens" in answer, case
        is_in = "tokens" in answer
        assert len(await events(rt, "session.opened")) - opened == is_in, case


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_reset_opens_no_session_and_leaves_second_factors_bound(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, policy: str
) -> None:
    for state, role in product(STATES, ROLES):
        user = await a_user(rt, email_verified=True, role=role)
        await _bring_into(state, rt, client, user)
        opened = len(await events(rt, "session.opened"))
        await deliver(rt)
        await _post(client, "password/forgot", {"email": user.email})
        token = await found_in_mail(rt, mailbox, user.email, LINK_TOKEN)
        body = {"token": token, "new_password": "another horse"}
        case = (state, policy, role)
        assert await _post(client, "password/reset", body) == {}, case
        assert len(await events(rt, "session.opened")) == opened, case
        answer = await sign_in(client, user, "another horse")
        is_in = not state.startswith(("bound", "no codes")) and not _demands(policy, role)
        assert ("tokens" in answer) == is_in, case


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_verification_opens_no_session(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, policy: str
) -> None:
    for state, role in product(STATES, ROLES):
        user = await a_user(rt, role=role)
        await _bring_into(state, rt, client, user)
        opened = len(await events(rt, "session.opened"))
        await deliver(rt)
        async with rt.db.write() as tx:
            await verification.send(tx, rt, rt.clock.now(), user)
        token = await found_in_mail(rt, mailbox, user.email, LINK_TOKEN)
        answer = await _post(client, "verify-email", {"token": token})
        case = (state, policy, role)
        assert set(answer) == {"user"}, case
        assert answer["user"]["email_verified"] is True, case
        assert answer["user"]["mfa_enabled"] == state.startswith(("bound", "no codes")), case
        assert len(await events(rt, "session.opened")) == opened, case


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_sign_up_asks_for_a_second_factor_where_it_is_required(
    rt: Runtime, client: httpx.AsyncClient, policy: str
) -> None:
    response = await client.post(f"{API}/auth/signup", json=signup_body())
    assert response.status_code == 201
    answer = response.json()
    if policy != "required":
        assert "tokens" in answer
        return
    assert (answer["methods"], answer["bind"]) == ([], ["totp"])
    assert await events(rt, "session.opened") == []
    app, confirmed = await bind_in(rt, client, answer)
    me = await client.get(f"{API}/auth/me", headers=bearer(confirmed["signed_in"]))
    assert me.json()["mfa_enabled"] is True
    assert len(confirmed["backup_codes"]) == 10
    user = confirmed["signed_in"]["user"]
    again = await client.post(
        f"{API}/auth/signin", json={"email": user["email"], "password": signup_body()["password"]}
    )
    assert (await verify(client, again.json(), code=app.code())).status_code == 200


@pytest.mark.settings(mfa={"policy": "required"})
async def test_a_sign_in_that_binds_is_finished_once_and_worth_both_factors(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    user = await a_user(rt)
    challenge = await sign_in(client, user)
    _, confirmed = await bind_in(rt, client, challenge)
    [current] = (
        await client.get(f"{API}/sessions", headers=bearer(confirmed["signed_in"]))
    ).json()["items"]
    assert (current["amr"], current["acr"]) == (["pwd", "otp", "mfa"], "aal2")
    again = await client.post(
        f"{API}/auth/mfa/totp/setup", json={"challenge_token": challenge["challenge_token"]}
    )
    assert problem(again) == (401, "attempt-invalid")


@pytest.mark.settings(mfa={"policy": "required"})
async def test_a_sign_in_that_has_to_bind_is_not_finished_by_anything_else(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    challenge = await sign_in(client, await a_user(rt))
    for factor in ({"code": "000000"}, {"backup_code": "00000-00000"}):
        refused = await verify(client, challenge, **factor)
        assert problem(refused) == (401, "attempt-invalid")
    token = challenge["challenge_token"]
    body = {"challenge_token": token, "method": "totp"}
    refused = await client.post(f"{API}/auth/mfa/challenge", json=body)
    assert problem(refused) == (401, "attempt-invalid")
    # Nothing was set up: there is no code that could confirm it.
    body = {"challenge_token": token, "code": "000000"}
    refused = await client.post(f"{API}/auth/mfa/totp/confirm", json=body)
    assert problem(refused) == (401, "invalid-code")
    assert await events(rt, "session.opened") == []


@pytest.mark.settings(mfa={"policy": "required"})
async def test_nothing_is_bound_in_a_sign_in_where_a_factor_exists(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    user = await a_user(rt)
    early = await sign_in(client, user)  # asks to bind one
    app, _ = await bind_in(rt, client, await sign_in(client, user))
    for challenge in (early, await sign_in(client, user)):
        token = {"challenge_token": challenge["challenge_token"]}
        made = await client.post(f"{API}/auth/mfa/totp/setup", json=token)
        assert problem(made) == (401, "attempt-invalid")
        body = {**token, "code": app.code()}
        confirmed = await client.post(f"{API}/auth/mfa/totp/confirm", json=body)
        assert problem(confirmed) == (401, "attempt-invalid")


@pytest.mark.settings(mfa={"policy": "required"})
async def test_where_it_is_required_the_last_second_factor_stays(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    _, confirmed = await bind_in(rt, client, await sign_in(client, await a_user(rt)))
    refused = await client.post(f"{API}/auth/mfa/disable", headers=bearer(confirmed["signed_in"]))
    assert problem(refused) == (409, "mfa-demanded")
