"""Real answers, the good ones and the refusals, for what is said of them in the documents."""

from base64 import b32decode
from collections.abc import AsyncIterator

import httpx
from clock import OwnedClock
from factories import a_session, a_user
from inbox import Mailbox
from mfa import API, ask_code, ask_link, bearer, protect, sign_in, verify

from ostiary.authenticators import totp
from ostiary.runtime import Runtime


async def of_second_factors(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> AsyncIterator[tuple[str, httpx.Response]]:
    """Real answers of what binds, asks for and removes a second factor."""
    auth, factors = f"{API}/auth", f"{API}/auth/mfa"
    owner = await protect(rt, await a_user(rt, email_verified=True))
    who, plain = owner.session.bearer, (await a_session(rt)).bearer
    yield f"GET {factors}/status", await client.get(f"{factors}/status", headers=who)
    for headers in ({}, who, plain):
        made = await client.post(f"{factors}/totp/setup", headers=headers)
        yield f"POST {factors}/totp/setup", made
    code = totp.hotp(b32decode(made.json()["secret"]), totp.step_at(clock.now()))
    for _ in range(2):
        confirmed = await client.post(f"{factors}/totp/confirm", json={"code": code}, headers=plain)
        yield f"POST {factors}/totp/confirm", confirmed
    for _ in range(2):
        challenge = await sign_in(client, owner.user)
        chosen = {"challenge_token": challenge["challenge_token"], "method": "totp"}
        yield f"POST {factors}/challenge", await client.post(f"{factors}/challenge", json=chosen)
        for _ in range(2):
            answer = await verify(client, challenge, code=owner.app.code())
            yield f"POST {factors}/verify", answer
    chosen["challenge_token"] = "none"
    yield f"POST {factors}/challenge", await client.post(f"{factors}/challenge", json=chosen)
    for _ in range(6):
        challenge = await sign_in(client, owner.user)
        answer = await verify(client, challenge, code=owner.app.wrong())
        yield f"POST {factors}/verify", answer
    clock.advance(days=1)
    renewed = {"refresh_token": owner.session.tokens.refresh_token}
    who = bearer((await client.post(f"{auth}/refresh", json=renewed)).json())
    strong = [f"{factors}/{path}" for path in ("disable", "backup-codes/regenerate", "totp/setup")]
    for path in strong:
        yield f"POST {path}", await client.post(path, headers=who)
    path = f"{factors}/totp/confirm"
    yield f"POST {path}", await client.post(path, json={"code": "000000"}, headers=who)
    unknown = {"code": "000000", "challenge_token": "none"}
    yield f"POST {path}", await client.post(path, json=unknown)
    path = f"{auth}/reauthenticate"
    for factor in (owner.app.code(), *[owner.app.wrong()] * 6):
        answer = await client.post(path, json={"code": factor}, headers=who)
        yield f"POST {path}", answer
        who = bearer(answer.json()) if answer.is_success else who
    for path in (strong[1], strong[0], *strong[:2]):
        yield f"POST {path}", await client.post(path, headers=who)


async def of_mailed_sign_ins(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> AsyncIterator[tuple[str, httpx.Response]]:
    """Real answers of signing in by a link or a code."""
    auth = f"{API}/auth"
    user = await a_user(rt, email_verified=True)
    for _ in range(2):
        attempt, code = await ask_code(rt, client, mailbox, user.email)
    wrong = {"attempt_token": attempt, "code": "none"}
    right = {"attempt_token": attempt, "code": code}
    path = f"{auth}/email-code/verify"
    for body in (wrong, right, right):
        yield f"POST {path}", await client.post(path, json=body)
    attempt, link = await ask_link(rt, client, mailbox, user.email)
    wrong = {"attempt_token": attempt, "token": "none"}
    right = {"attempt_token": attempt, "token": link.partition("token=")[2]}
    path = f"{auth}/magic-link/verify"
    for body in (wrong, right, right):
        yield f"POST {path}", await client.post(path, json=body)
    for path in (f"{auth}/magic-link", f"{auth}/email-code"):
        for _ in range(6):
            body = {"email": f"{path[-4:]}@example.com"}
            yield f"POST {path}", await client.post(path, json=body)
