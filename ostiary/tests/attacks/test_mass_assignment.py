"""The attacker adds members to a body in the hope that the server stores what it is sent.

A role, a status, somebody else's id. What may be written is listed; everything else is refused by
name, and nothing of the request is done (CWE-915).
"""

from typing import Any

import httpx
import pytest
from factories import a_session, a_user, events, problem, signup_body

from attacks.surface import API, UNKNOWN_REFRESH_TOKEN, WITH_BODY, Route
from ostiary.runtime import Runtime
from ostiary.users.actions import listed

PROTECTED: dict[str, Any] = {
    "id": "usr_01kjmma2g00000000000000000",
    "role": "administrator",
    "status": "active",
    "email_verified": True,
    "email_key": "victim@example.com",
    "username_key": "victim",
    "created_at": "2020-01-01T00:00:00Z",
    "updated_at": "2020-01-01T00:00:00Z",
    "last_sign_in_at": "2020-01-01T00:00:00Z",
    "mfa_enabled": True,
    "metadata_public": {"plan": "gold"},
    "metadata_private": {"plan": "gold"},
    "metadata.private": {"plan": "gold"},
    "password_hash": "$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA",
    "user_id": "usr_01kjmma2g00000000000000000",
    "client_id": "cli_other",
    "amr": ["otp"],
    "acr": "aal2",
    "is_admin": True,
    "is_superuser": True,
    "roles": ["administrator"],
    "scope": "admin",
    "user": {"role": "administrator"},
    "__proto__": {"role": "administrator"},
    "__class__": "Administrator",
    "Role": "administrator",
    "role ": "administrator",
    "role[]": "administrator",
    "": "",
}


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
async def test_a_member_that_may_not_be_written_is_refused_by_name(
    rt: Runtime, client: httpx.AsyncClient, route: Route
) -> None:
    session = await a_session(rt)
    before = await listed(rt, after="", limit=10)
    logged = len(await events(rt))
    for member, value in PROTECTED.items():
        body = {**route.body, member: value}
        response = await route.send(client, session.bearer, json=body)
        assert problem(response) == (422, "validation"), member
        assert [fault["pointer"] for fault in response.json()["errors"]] == [f"/{member}"]
    assert await listed(rt, after="", limit=10) == before
    assert len(await events(rt)) == logged


@pytest.mark.parametrize("member", ["email", "password", "new_password", "current_password"])
async def test_a_profile_change_reaches_neither_address_nor_password(
    rt: Runtime, client: httpx.AsyncClient, member: str
) -> None:
    session = await a_session(rt)
    body = {"first_name": "Mallory", member: "mallory@example.com"}
    response = await client.patch(f"{API}/users/me", json=body, headers=session.bearer)
    assert problem(response) == (422, "validation")
    me = (await client.get(f"{API}/auth/me", headers=session.bearer)).json()
    assert me["email"] == session.user.email
    assert me["first_name"] is None


@pytest.mark.parametrize(
    "metadata",
    [
        {"private": {"plan": "gold"}},
        {"public": {}, "private": {"plan": "gold"}},
        {"public": {}, "Public": {}},
        {"public": {}, "role": "administrator"},
        {"plan": "gold"},
    ],
    ids=repr,
)
async def test_private_metadata_is_not_the_persons_to_write(
    rt: Runtime, client: httpx.AsyncClient, metadata: dict[str, Any]
) -> None:
    session = await a_session(rt)
    body = {"metadata": metadata}
    response = await client.patch(f"{API}/users/me", json=body, headers=session.bearer)
    assert problem(response) == (422, "validation")
    assert all(f["pointer"].startswith("/metadata/") for f in response.json()["errors"])
    me = (await client.get(f"{API}/auth/me", headers=session.bearer)).json()
    assert me["metadata"] == {"public": {}}


async def test_public_metadata_is_data_and_changes_nothing_else(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    session = await a_session(rt)
    public = {name: value for name, value in PROTECTED.items() if name}
    body = {"metadata": {"public": public}}
    me = (await client.patch(f"{API}/users/me", json=body, headers=session.bearer)).json()
    assert me["metadata"] == {"public": public}
    assert (me["role"], me["status"], me["id"]) == ("user", "active", session.user.id)
    assert me["email_verified"] is False


async def test_a_query_adds_nothing_to_a_body(rt: Runtime, client: httpx.AsyncClient) -> None:
    query = {"role": "administrator", "email_verified": "true", "status": "suspended"}
    answer = await client.post(f"{API}/auth/signup", json=signup_body(), params=query)
    user = answer.json()["user"]
    assert (user["role"], user["status"], user["email_verified"]) == ("user", "active", False)


async def test_what_a_sign_up_makes_is_a_plain_account(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    user = (await client.post(f"{API}/auth/signup", json=signup_body())).json()["user"]
    assert user["role"] == "user"
    assert user["status"] == "active"
    assert user["email_verified"] is False
    assert user["mfa_enabled"] is False
    assert user["metadata"] == {"public": {}}


async def test_a_refresh_cannot_choose_its_client(rt: Runtime, client: httpx.AsyncClient) -> None:
    await a_user(rt)
    for member in ("client_id", "scope", "audience", "resource", "grant_type", "session_id"):
        body = {"refresh_token": UNKNOWN_REFRESH_TOKEN, member: "x"}
        response = await client.post(f"{API}/auth/refresh", json=body)
        assert problem(response) == (422, "validation")
