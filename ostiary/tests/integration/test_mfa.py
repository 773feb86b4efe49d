"""Second factors, as the client of an application meets them."""

import asyncio
import re
from base64 import b32decode
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest
from authenticators.qr import decoded
from clock import OwnedClock
from factories import SignedIn, a_session, events, problem, sign_up
from mfa import API, Answer, app_of, bearer, protect, sign_in, verify

from ostiary.runtime import Runtime
from ostiary.users.actions import find

MFA = f"{API}/auth/mfa"


async def _set_up(client: httpx.AsyncClient, who: Answer) -> Answer:
    response = await client.post(f"{MFA}/totp/setup", headers=bearer(who))
    assert response.status_code == 200, response.text
    return dict(response.json())


async def _status(client: httpx.AsyncClient, who: Answer) -> Answer:
    response = await client.get(f"{MFA}/status", headers=bearer(who))
    assert response.status_code == 200, response.text
    return dict(response.json())


async def _confirm(client: httpx.AsyncClient, who: Answer, code: str) -> httpx.Response:
    return await client.post(f"{MFA}/totp/confirm", json={"code": code}, headers=bearer(who))


async def test_setup_flow(rt: Runtime, client: httpx.AsyncClient) -> None:
    alice = await sign_up(client)
    assert await _status(client, alice) == {
        "mfa_enabled": False,
        "methods": [],
        "backup_codes_remaining": 0,
    }
    app = app_of(rt, await _set_up(client, alice))
    # Nothing is asked for before the first code has shown that the app has the secret.
    assert (await _status(client, alice))["mfa_enabled"] is False
    confirmed = await _confirm(client, alice, app.code())
    assert confirmed.status_code == 200
    assert len(confirmed.json()["backup_codes"]) == 10
    assert confirmed.json()["signed_in"] is None
    assert await _status(client, alice) == {
        "mfa_enabled": True,
        "methods": ["totp", "backup_code"],
        "backup_codes_remaining": 10,
    }
    me = await client.get(f"{API}/auth/me", headers=bearer(alice))
    assert me.json()["mfa_enabled"] is True


async def test_qr_code(client: httpx.AsyncClient) -> None:
    made = await _set_up(client, await sign_up(client))
    assert decoded(made["qr_code"]) == made["provisioning_uri"]


async def test_provisioning_uri(client: httpx.AsyncClient) -> None:
    made = await _set_up(client, await sign_up(client))
    parts = urlsplit(made["provisioning_uri"])
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/Ostiary:alice@example.com"
    assert parse_qs(parts.query) == {
        "secret": [made["secret"]],
        "issuer": ["Ostiary"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }


async def test_secret_format(client: httpx.AsyncClient) -> None:
    secret = (await _set_up(client, await sign_up(client)))["secret"]
    assert re.fullmatch(r"[A-Z2-7]{32}", secret)
    assert len(b32decode(secret)) == 20


async def test_secret_uniqueness(client: httpx.AsyncClient) -> None:
    people = [await sign_up(client, email=f"user{number}@example.com") for number in range(5)]
    secrets = [(await _set_up(client, who))["secret"] for who in people]
    secrets += [(await _set_up(client, people[0]))["secret"]]
    assert len(set(secrets)) == 6


async def test_setup_needs_somebody_signed_in(client: httpx.AsyncClient) -> None:
    assert problem(await client.post(f"{MFA}/totp/setup")) == (401, "missing-token")
    body = {"code": "000000"}
    assert problem(await client.post(f"{MFA}/totp/confirm", json=body)) == (401, "missing-token")


async def test_already_enabled(rt: Runtime, client: httpx.AsyncClient) -> None:
    alice = await sign_up(client)
    app = app_of(rt, await _set_up(client, alice))
    await _confirm(client, alice, app.code(drift=-1))
    again = await client.post(f"{MFA}/totp/setup", headers=bearer(alice))
    assert problem(again) == (409, "totp-already-bound")
    # The one that is bound goes on working.
    user = await sign_in(client, await find(rt, "alice@example.com"))
    assert (await verify(client, user, code=app.code())).status_code == 200


async def test_a_wrong_first_code_binds_nothing(rt: Runtime, client: httpx.AsyncClient) -> None:
    alice = await sign_up(client)
    app = app_of(rt, await _set_up(client, alice))
    assert problem(await _confirm(client, alice, app.wrong())) == (422, "incorrect-proof")
    assert (await _status(client, alice))["mfa_enabled"] is False
    assert (await _confirm(client, alice, app.code())).status_code == 200


async def test_confirmation_without_setup(client: httpx.AsyncClient) -> None:
    alice = await sign_up(client)
    assert problem(await _confirm(client, alice, "000000")) == (422, "incorrect-proof")


async def test_sign_in_requires_mfa(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    challenge = await sign_in(client, owner.user)
    token = challenge.pop("challenge_token")
    assert challenge == {
        "mfa_required": True,
        "methods": ["totp", "backup_code"],
        "bind": None,
        "expires_in": 300,
    }
    # What the half-signed-in browser holds is no bearer.
    half = await client.get(f"{API}/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert problem(half) == (401, "invalid-token")
    assert len(await events(rt, "session.opened")) == 1


async def test_verification_success(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    answer = await verify(client, await sign_in(client, owner.user), code=owner.app.code())
    assert answer.status_code == 200
    signed_in = answer.json()
    assert signed_in["user"]["mfa_enabled"] is True
    assert (await client.get(f"{API}/auth/me", headers=bearer(signed_in))).status_code == 200
    [current] = [one for one in await _sessions(client, signed_in) if one["current"]]
    assert (current["amr"], current["acr"]) == (["pwd", "otp", "mfa"], "aal2")


async def test_a_code_may_be_typed_in_two_groups(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    code = owner.app.code()
    spaced = f" {code[:3]} {code[3:]} "
    answer = await verify(client, await sign_in(client, owner.user), code=spaced)
    assert answer.status_code == 200


async def test_invalid_code(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    challenge = await sign_in(client, owner.user)
    for wrong in (owner.app.wrong(), "12345", "1234567", "abcdef", owner.backup_codes[0]):
        refused = await verify(client, await sign_in(client, owner.user), code=wrong)
        assert problem(refused) == (401, "invalid-code"), wrong
        assert "www-authenticate" in refused.headers
    assert problem(await verify(client, challenge, code=owner.app.code()))[0] == 429


@pytest.mark.parametrize("factor", [{}, {"code": "000000", "backup_code": "00000-00000"}])
async def test_an_answer_holds_one_factor(
    rt: Runtime, client: httpx.AsyncClient, factor: dict[str, str]
) -> None:
    owner = await protect(rt)
    challenge = await sign_in(client, owner.user)
    assert problem(await verify(client, challenge, **factor)) == (422, "validation")
    # It was no answer: nothing is used up.
    assert (await verify(client, challenge, code=owner.app.code())).status_code == 200
    assert await events(rt, "second_factor.refused") == []


async def test_expired_code(rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock) -> None:
    owner = await protect(rt)
    challenge = await sign_in(client, owner.user)
    code = owner.app.code(drift=1)
    clock.advance(seconds=90)
    assert problem(await verify(client, challenge, code=code)) == (401, "invalid-code")
    assert (await verify(client, challenge, code=owner.app.code())).status_code == 200


async def test_a_code_is_good_once(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    code = owner.app.code()
    assert (await verify(client, await sign_in(client, owner.user), code=code)).status_code == 200
    again = await verify(client, await sign_in(client, owner.user), code=code)
    assert problem(again) == (401, "invalid-code")


async def test_a_challenge_is_good_once(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    challenge = await sign_in(client, owner.user)
    assert (await verify(client, challenge, code=owner.app.code())).status_code == 200
    again = await verify(client, challenge, code=owner.app.code(drift=1))
    assert problem(again) == (401, "attempt-invalid")


async def test_an_expired_challenge(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    owner = await protect(rt)
    challenge = await sign_in(client, owner.user)
    clock.advance(seconds=299)
    late = await sign_in(client, owner.user)
    clock.advance(seconds=1)
    refused = await verify(client, challenge, code=owner.app.code())
    assert problem(refused) == (401, "attempt-invalid")
    assert (await verify(client, late, code=owner.app.code())).status_code == 200


@pytest.mark.settings(limits={"signin_failures": 50})
async def test_five_wrong_answers_end_a_challenge(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    challenge = await sign_in(client, owner.user)
    for _ in range(5):
        refused = await verify(client, challenge, code=owner.app.wrong())
        assert problem(refused) == (401, "invalid-code")
    right = await verify(client, challenge, code=owner.app.code())
    assert problem(right) == (401, "attempt-invalid")
    assert len(await events(rt, "second_factor.refused")) == 5


async def test_rate_limiting(rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock) -> None:
    owner = await protect(rt)
    for _ in range(5):
        # A new challenge each time: the limit is the account's.
        challenge = await sign_in(client, owner.user)
        await verify(client, challenge, code=owner.app.wrong())
    challenge = await sign_in(client, owner.user)
    limited = await verify(client, challenge, code=owner.app.code())
    assert problem(limited) == (429, "too-many-requests")
    assert int(limited.headers["retry-after"]) <= 900
    assert len(await events(rt, "second_factor.limited")) == 1
    clock.advance(seconds=int(limited.headers["retry-after"]))
    challenge = await sign_in(client, owner.user)
    assert (await verify(client, challenge, code=owner.app.code())).status_code == 200


async def test_only_failures_are_limited(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    owner = await protect(rt)
    for _ in range(8):
        challenge = await sign_in(client, owner.user)
        assert (await verify(client, challenge, code=owner.app.code())).status_code == 200
        clock.advance(seconds=30)


async def test_backup_code_generation(rt: Runtime, client: httpx.AsyncClient) -> None:
    alice = await sign_up(client)
    app = app_of(rt, await _set_up(client, alice))
    codes = (await _confirm(client, alice, app.code())).json()["backup_codes"]
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[0-9a-z]{5}-[0-9a-z]{5}", code) for code in codes)


async def test_backup_code_usage(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    challenge = await sign_in(client, owner.user)
    answer = await verify(client, challenge, backup_code=owner.backup_codes[3].upper())
    assert answer.status_code == 200
    assert (await _status(client, answer.json()))["backup_codes_remaining"] == 9
    [current] = [one for one in await _sessions(client, answer.json()) if one["current"]]
    assert current["acr"] == "aal2"


async def test_backup_code_single_use(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    code = owner.backup_codes[0]
    first = await verify(client, await sign_in(client, owner.user), backup_code=code)
    assert first.status_code == 200
    second = await verify(client, await sign_in(client, owner.user), backup_code=code)
    assert problem(second) == (401, "invalid-code")


async def test_a_wrong_backup_code(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner, other = await protect(rt), await protect(rt)
    for wrong in ("00000-00000", other.backup_codes[0], owner.app.code()):
        refused = await verify(client, await sign_in(client, owner.user), backup_code=wrong)
        assert problem(refused) == (401, "invalid-code"), wrong
    assert len(await events(rt, "backup_code.used")) == 0


async def test_backup_code_regeneration(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    response = await client.post(f"{MFA}/backup-codes/regenerate", headers=owner.session.bearer)
    assert response.status_code == 200
    fresh = response.json()["backup_codes"]
    assert len(set(fresh) | set(owner.backup_codes)) == 20
    old = await verify(client, await sign_in(client, owner.user), backup_code=owner.backup_codes[0])
    assert problem(old) == (401, "invalid-code")
    new = await verify(client, await sign_in(client, owner.user), backup_code=fresh[0])
    assert new.status_code == 200


async def test_regeneration_without_a_second_factor(rt: Runtime, client: httpx.AsyncClient) -> None:
    session = await a_session(rt)
    response = await client.post(f"{MFA}/backup-codes/regenerate", headers=session.bearer)
    assert problem(response) == (409, "mfa-not-enabled")


async def test_disable(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    response = await client.post(f"{MFA}/disable", headers=owner.session.bearer)
    assert response.status_code == 204
    signed_in = await sign_in(client, owner.user)
    assert signed_in["user"]["mfa_enabled"] is False
    assert await _status(client, signed_in) == {
        "mfa_enabled": False,
        "methods": [],
        "backup_codes_remaining": 0,
    }
    again = await client.post(f"{MFA}/disable", headers=owner.session.bearer)
    assert problem(again) == (409, "mfa-not-enabled")


async def test_disable_needs_a_recent_second_factor(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    owner = await protect(rt)
    clock.advance(seconds=901)
    refused = await client.post(f"{MFA}/disable", headers=await _fresh(client, owner.session))
    assert problem(refused) == (403, "reauthentication-required")
    assert refused.json()["methods"] == ["totp", "backup_code"]
    assert refused.json()["max_age"] == 900


async def test_status_needs_somebody_signed_in(client: httpx.AsyncClient) -> None:
    assert problem(await client.get(f"{MFA}/status")) == (401, "missing-token")


async def test_a_method_is_chosen_without_preparing_anything(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner = await protect(rt)
    token = (await sign_in(client, owner.user))["challenge_token"]
    for method in ("totp", "backup_code"):
        body = {"challenge_token": token, "method": method}
        assert (await client.post(f"{MFA}/challenge", json=body)).status_code == 204
    for method in ("passkey", "password", "sms"):
        body = {"challenge_token": token, "method": method}
        assert problem(await client.post(f"{MFA}/challenge", json=body)) == (422, "validation")
    body = {"challenge_token": "ostch.nothing", "method": "totp"}
    assert problem(await client.post(f"{MFA}/challenge", json=body)) == (401, "attempt-invalid")


async def test_of_parallel_answers_with_one_code_one_succeeds(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner = await protect(rt)
    challenges = [await sign_in(client, owner.user) for _ in range(5)]
    code = owner.app.code()
    answers = await asyncio.gather(*(verify(client, one, code=code) for one in challenges))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401]
    assert len(await events(rt, "session.opened")) == 2


async def test_the_owner_is_not_asked_again_while_signed_in(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner = await protect(rt)
    body = {"refresh_token": owner.session.tokens.refresh_token}
    refreshed = await client.post(f"{API}/auth/refresh", json=body)
    assert refreshed.status_code == 200
    assert (await client.get(f"{API}/auth/me", headers=bearer(refreshed.json()))).is_success


async def _sessions(client: httpx.AsyncClient, who: Answer) -> list[Answer]:
    return list((await client.get(f"{API}/sessions", headers=bearer(who))).json()["items"])


async def _fresh(client: httpx.AsyncClient, session: SignedIn) -> dict[str, str]:
    """A bearer for a session whose access token has expired."""
    body = {"refresh_token": session.tokens.refresh_token}
    return bearer((await client.post(f"{API}/auth/refresh", json=body)).json())
