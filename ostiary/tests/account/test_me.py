"""GET /auth/me (= /users/me): the account of the bearer, as it is at this moment."""

import httpx
import pytest
from clock import OwnedClock
from factories import SignedIn, a_session, a_user, an_origin, events, problem

from ostiary.admin.users import reactivate, suspend
from ostiary.runtime import Runtime

BOTH = ["/api/v1/auth/me", "/api/v1/users/me"]


@pytest.fixture
async def alice(rt: Runtime) -> SignedIn:
    """Somebody with every name there is."""
    user = await a_user(
        rt,
        "Alice@Example.com",
        username="Alice",
        first_name="Alice",
        last_name="Liddell",
        locale="en-GB",
        email_verified=True,
    )
    return await a_session(rt, user)


@pytest.mark.parametrize("url", BOTH)
async def test_both_names_answer_with_the_whole_account(
    client: httpx.AsyncClient, alice: SignedIn, url: str
) -> None:
    answer = await client.get(url, headers=alice.bearer)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.json() == {
        "id": alice.user.id,
        "email": "Alice@Example.com",
        "email_verified": True,
        "username": "Alice",
        "first_name": "Alice",
        "last_name": "Liddell",
        "display_name": None,
        "locale": "en-GB",
        "role": "user",
        "status": "active",
        "mfa_enabled": False,
        "metadata": {"public": {}},
        "created_at": "2026-03-01T12:00:00Z",
        "updated_at": "2026-03-01T12:00:00Z",
        "last_sign_in_at": "2026-03-01T12:00:00Z",
    }


@pytest.mark.parametrize("url", BOTH)
async def test_both_names_refuse_who_is_not_signed_in(client: httpx.AsyncClient, url: str) -> None:
    missing = await client.get(url)
    assert problem(missing) == (401, "missing-token")
    assert missing.headers["www-authenticate"] == 'Bearer realm="ostiary"'
    invalid = await client.get(url, headers={"Authorization": "Bearer nonsense"})
    assert problem(invalid) == (401, "invalid-token")
    assert 'error="invalid_token"' in invalid.headers["www-authenticate"]


async def test_an_administrator_is_called_one(rt: Runtime, client: httpx.AsyncClient) -> None:
    admin = await a_session(rt, await a_user(rt, role="administrator"))
    answer = await client.get(BOTH[0], headers=admin.bearer)
    assert answer.json()["role"] == "administrator"


async def test_each_bearer_sees_their_own_account(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    bob = await a_session(rt)
    for one in (alice, bob):
        answer = await client.get(BOTH[0], headers=one.bearer)
        assert answer.json()["id"] == one.user.id


async def test_a_suspension_and_its_end_count_at_once(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    await suspend(rt, alice.user.id, origin=an_origin())
    refused = await client.get(BOTH[0], headers=alice.bearer)
    assert problem(refused) == (401, "invalid-token")
    await reactivate(rt, alice.user.id, origin=an_origin())
    assert (await client.get(BOTH[0], headers=alice.bearer)).status_code == 200


async def test_looking_changes_nothing(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    before = await events(rt)
    clock.advance(minutes=9)
    first, second = [await client.get(url, headers=alice.bearer) for url in BOTH]
    assert first.json() == second.json()
    assert first.json()["updated_at"] == "2026-03-01T12:00:00Z"
    assert await events(rt) == before


async def test_a_head_request_answers_like_a_get_without_its_body(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    head = await client.head(BOTH[0], headers=alice.bearer)
    full = await client.get(BOTH[0], headers=alice.bearer)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == full.headers["content-length"]
    assert problem(await client.get(BOTH[0])) == (401, "missing-token")
    assert (await client.head(BOTH[0])).status_code == 401
