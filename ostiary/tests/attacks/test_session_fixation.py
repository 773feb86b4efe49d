"""The attacker plants something of theirs before the victim signs in, and shares the session after.

Or makes the victim's browser sign in as the attacker (login CSRF). Every sign-in opens a new
session with new tokens, whatever came with the request; this API reads no cookie, and takes no
body that a page of another origin could send without asking.
"""

import httpx
import pytest
from factories import PASSWORD, a_session, a_user, problem, sign_up

from attacks.forging import claims_of
from attacks.surface import API, GUARDED
from ostiary.runtime import Runtime

CREDENTIALS = {"email": "alice@example.com", "password": PASSWORD}


async def test_every_sign_in_opens_a_session_of_its_own(client: httpx.AsyncClient) -> None:
    answers = [await sign_up(client)]
    answers += [
        (await client.post(f"{API}/auth/signin", json=CREDENTIALS)).json() for _ in range(2)
    ]
    for kind in ("access_token", "refresh_token"):
        assert len({answer["tokens"][kind] for answer in answers}) == 3
    assert len({claims_of(answer["tokens"]["access_token"])["sid"] for answer in answers}) == 3
    assert len({answer["device_token"] for answer in answers}) == 3


async def test_a_bearer_sent_along_is_neither_reused_nor_ended(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    attacker, victim = await a_session(rt), await a_user(rt)
    body = {"email": victim.email, "password": PASSWORD}
    answer = await client.post(f"{API}/auth/signin", json=body, headers=attacker.bearer)
    claims = claims_of(answer.json()["tokens"]["access_token"])
    assert claims["sid"] != attacker.session_id
    assert claims["sub"] == victim.id
    me = await client.get(f"{API}/auth/me", headers=attacker.bearer)
    assert me.json()["id"] == attacker.user.id


@pytest.mark.parametrize(
    "member", ["session_id", "sid", "session", "refresh_token", "access_token", "family", "token"]
)
async def test_no_session_can_be_brought_along(
    rt: Runtime, client: httpx.AsyncClient, member: str
) -> None:
    attacker = await a_session(rt)
    await sign_up(client)
    for path in ("signin", "signup"):
        body = {**CREDENTIALS, member: attacker.session_id}
        response = await client.post(f"{API}/auth/{path}", json=body)
        assert problem(response) == (422, "validation")
        assert [fault["pointer"] for fault in response.json()["errors"]] == [f"/{member}"]


async def test_a_planted_device_token_ties_the_victim_to_nobody(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    attacker, victim = await a_session(rt), await a_user(rt)
    body = {"email": victim.email, "password": PASSWORD, "device_token": attacker.device_token}
    answer = (await client.post(f"{API}/auth/signin", json=body)).json()
    assert answer["device_token"] not in (None, attacker.device_token)
    # The attacker's device stays a stranger to the victim's account.
    again = (await client.post(f"{API}/auth/signin", json=body)).json()
    assert again["device_token"] is not None


async def test_no_answer_sets_a_cookie_and_no_cookie_is_read(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    session = await a_session(rt)
    cookies = "; ".join(
        f"{name}={session.tokens.access_token}"
        for name in ("access_token", "session", "token", "__Host-ostiary_session", "Authorization")
    )
    for route in GUARDED:
        response = await route.call(client, {"Cookie": cookies})
        assert problem(response) == (401, "missing-token"), str(route)
        assert "set-cookie" not in response.headers
    answer = await client.post(
        f"{API}/auth/signin", json={"email": session.user.email, "password": PASSWORD}
    )
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers


async def test_a_token_in_the_address_is_not_read(rt: Runtime, client: httpx.AsyncClient) -> None:
    # RFC 9700 §4.3.2: addresses end up in logs and in Referer.
    session = await a_session(rt)
    for name in ("access_token", "token", "bearer", "authorization"):
        params = {name: session.tokens.access_token}
        response = await client.get(f"{API}/auth/me", params=params)
        assert problem(response) == (401, "missing-token")


@pytest.mark.parametrize("scheme", ["Basic", "DPoP", "Token", "JWT", "Digest", "", "Bearer,"])
async def test_a_token_under_another_scheme_is_not_read(
    rt: Runtime, client: httpx.AsyncClient, scheme: str
) -> None:
    session = await a_session(rt)
    headers = {"Authorization": f"{scheme} {session.tokens.access_token}"}
    response = await client.get(f"{API}/auth/me", headers=headers)
    assert problem(response) == (401, "missing-token")
    assert "error" not in response.headers["www-authenticate"]


@pytest.mark.parametrize(
    "media_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""]
)
async def test_a_form_of_another_page_cannot_sign_anybody_in(
    client: httpx.AsyncClient, media_type: str
) -> None:
    # The types that a browser sends across origins without a preflight (Fetch, §2.2.2).
    await sign_up(client)
    content = b'{"email":"alice@example.com","password":"correct horse battery"}'
    for path in ("signin", "signup", "refresh", "logout"):
        headers = {"Content-Type": media_type, "Origin": "https://evil.example"}
        response = await client.post(f"{API}/auth/{path}", content=content, headers=headers)
        assert problem(response) == (415, "unsupported-media-type")
        assert "access-control-allow-origin" not in response.headers
