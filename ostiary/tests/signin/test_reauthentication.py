"""Where much is at stake, the proof has to be recent, and of the second factor where there is."""

import httpx
import jwt
import pytest
from clock import OwnedClock
from factories import PASSWORD, SignedIn, a_session, events, problem
from mfa import API, Answer, Protected, bearer, protect

from ostiary.runtime import Runtime

SENSITIVE = [
    ("POST", f"{API}/auth/mfa/disable", None),
    ("POST", f"{API}/auth/mfa/backup-codes/regenerate", None),
    ("POST", f"{API}/auth/mfa/totp/setup", None),
    ("POST", f"{API}/auth/mfa/totp/confirm", {"code": "000000"}),
]


async def _again(client: httpx.AsyncClient, who: dict[str, str], **body: str) -> httpx.Response:
    return await client.post(f"{API}/auth/reauthenticate", json=body, headers=who)


async def _fresh(client: httpx.AsyncClient, session: SignedIn) -> dict[str, str]:
    """A bearer of the session, whatever time has gone by."""
    body = {"refresh_token": session.tokens.refresh_token}
    return bearer((await client.post(f"{API}/auth/refresh", json=body)).json())


def _claims(tokens: Answer) -> Answer:
    return dict(jwt.decode(tokens["access_token"], options={"verify_signature": False}))


async def _later(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> tuple[Protected, dict[str, str]]:
    """Somebody with a second factor, who proved nothing for a day."""
    owner = await protect(rt)
    clock.advance(days=1)
    return owner, await _fresh(client, owner.session)


@pytest.mark.parametrize(("method", "path", "body"), SENSITIVE)
async def test_an_old_sign_in_is_not_enough_and_the_refusal_says_what_is(
    rt: Runtime,
    client: httpx.AsyncClient,
    clock: OwnedClock,
    method: str,
    path: str,
    body: dict[str, str] | None,
) -> None:
    _, who = await _later(rt, client, clock)
    refused = await client.request(method, path, json=body, headers=who)
    assert problem(refused) == (403, "reauthentication-required")
    assert refused.json()["methods"] == ["totp", "backup_code"]
    assert refused.json()["max_age"] == 900


@pytest.mark.parametrize(("method", "path", "body"), SENSITIVE[2:])
async def test_without_a_second_factor_the_password_is_what_would_do(
    rt: Runtime,
    client: httpx.AsyncClient,
    clock: OwnedClock,
    method: str,
    path: str,
    body: dict[str, str] | None,
) -> None:
    session = await a_session(rt)
    clock.advance(seconds=901)
    who = await _fresh(client, session)
    refused = await client.request(method, path, json=body, headers=who)
    assert problem(refused) == (403, "reauthentication-required")
    assert refused.json()["methods"] == ["password"]
    again = await _again(client, who, password=PASSWORD)
    assert again.status_code == 200
    allowed = await client.request(method, path, json=body, headers=bearer(again.json()))
    assert allowed.status_code in (200, 422)  # 422: nothing was set up that a code could confirm
    if allowed.status_code == 422:
        assert problem(allowed) == (422, "incorrect-proof")


async def test_a_sign_in_is_recent_for_as_long_as_the_setting_says(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    session = await a_session(rt)
    clock.advance(seconds=900)
    who = await _fresh(client, session)
    assert (await client.post(f"{API}/auth/mfa/totp/setup", headers=who)).status_code == 200
    clock.advance(seconds=1)
    refused = await client.post(f"{API}/auth/mfa/totp/setup", headers=who)
    assert problem(refused) == (403, "reauthentication-required")


async def test_the_password_alone_removes_no_second_factor(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    owner, who = await _later(rt, client, clock)
    again = await _again(client, who, password=PASSWORD)
    assert again.status_code == 200
    for _, path, body in SENSITIVE:
        refused = await client.post(path, json=body, headers=bearer(again.json()))
        assert problem(refused) == (403, "reauthentication-required"), path
    again = await _again(client, bearer(again.json()), code=owner.app.code())
    removed = await client.post(f"{API}/auth/mfa/disable", headers=bearer(again.json()))
    assert removed.status_code == 204


@pytest.mark.parametrize("factor", ["code", "backup_code"])
async def test_a_second_factor_makes_the_session_strong_again(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock, factor: str
) -> None:
    owner, who = await _later(rt, client, clock)
    value = owner.app.code() if factor == "code" else owner.backup_codes[0]
    again = await _again(client, who, **{factor: value})
    assert again.status_code == 200
    response = await client.post(
        f"{API}/auth/mfa/backup-codes/regenerate", headers=bearer(again.json())
    )
    assert response.status_code == 200


async def test_the_new_tokens_tell_of_it(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    owner, who = await _later(rt, client, clock)
    before = _claims({"access_token": who["Authorization"].partition(" ")[2]})
    again = _claims((await _again(client, who, code=owner.app.code())).json())
    assert before["auth_time"] < again["auth_time"] == int(clock.now().timestamp())
    assert (again["amr"], again["acr"]) == (["pwd", "otp", "mfa"], "aal2")
    assert again["sid"] == before["sid"] == owner.session.session_id


async def test_the_session_goes_on_and_its_old_refresh_token_does_not(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    session = await a_session(rt)
    again = (await _again(client, session.bearer, password=PASSWORD)).json()
    old = {"refresh_token": session.tokens.refresh_token}
    refused = await client.post(f"{API}/auth/refresh", json=old)
    assert problem(refused) == (401, "invalid-refresh-token")
    assert (await client.get(f"{API}/auth/me", headers=bearer(again))).status_code == 200
    new = {"refresh_token": again["refresh_token"]}
    assert (await client.post(f"{API}/auth/refresh", json=new)).status_code == 200
    [told] = await events(rt, "session.reauthenticated")
    assert (told.session_id, told.data["acr"]) == (session.session_id, "aal1")


async def test_a_wrong_proof_changes_nothing(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    owner, who = await _later(rt, client, clock)
    for member, proof in (
        ("password", "wrong wrong"),
        ("code", owner.app.wrong()),
        ("backup_code", "00000-00000"),
    ):
        refused = await _again(client, who, **{member: proof})
        assert problem(refused) == (422, "incorrect-proof")
        [fault] = refused.json()["errors"]
        assert (fault["pointer"], fault["code"]) == (f"/{member}", "incorrect")
    refused = await client.post(f"{API}/auth/mfa/disable", headers=who)
    assert problem(refused) == (403, "reauthentication-required")
    assert await events(rt, "session.reauthenticated") == []


async def test_a_code_that_signed_in_does_not_prove_anything_again(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    owner = await protect(rt)
    code = owner.app.code()
    assert (await _again(client, owner.session.bearer, code=code)).status_code == 200
    again = await _again(client, owner.session.bearer, code=code)
    assert problem(again) == (422, "incorrect-proof")


@pytest.mark.parametrize("body", [{"code": "000000"}, {"backup_code": "00000-00000"}])
async def test_a_factor_that_nobody_bound_proves_nothing(
    rt: Runtime, client: httpx.AsyncClient, body: dict[str, str]
) -> None:
    session = await a_session(rt)
    assert problem(await _again(client, session.bearer, **body)) == (422, "incorrect-proof")


async def test_attempts_are_limited(rt: Runtime, client: httpx.AsyncClient) -> None:
    owner = await protect(rt)
    for _ in range(5):
        refused = await _again(client, owner.session.bearer, code=owner.app.wrong())
        assert problem(refused) == (422, "incorrect-proof")
    limited = await _again(client, owner.session.bearer, code=owner.app.code())
    assert problem(limited) == (429, "too-many-requests")


async def test_exactly_one_proof_is_asked_for(rt: Runtime, client: httpx.AsyncClient) -> None:
    session = await a_session(rt)
    for body in ({}, {"password": PASSWORD, "code": "000000"}):
        assert problem(await _again(client, session.bearer, **body)) == (422, "validation")
    assert problem(await _again(client, {}, password=PASSWORD)) == (401, "missing-token")
