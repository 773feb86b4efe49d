"""The attacker is signed in, and puts somebody else's id where their own is expected.

Ids are no secrets: they stand in tokens, lists and logs. Each is looked up together with the
caller, and what is not the caller's looks like nothing at all.
"""

import httpx
from factories import a_session, a_user, events, ours, problem

from attacks.surface import API
from ostiary.runtime import Runtime


async def test_another_users_session_cannot_be_ended(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    mine, theirs = await a_session(rt), await a_session(rt)
    response = await client.delete(f"{API}/sessions/{theirs.session_id}", headers=mine.bearer)
    assert problem(response) == (404, "not-found")
    assert (await client.get(f"{API}/auth/me", headers=theirs.bearer)).status_code == 200
    assert await events(rt, "session.revoked") == []
    # The control: one's own can be ended by just this.
    own = await client.delete(f"{API}/sessions/{mine.session_id}", headers=mine.bearer)
    assert own.status_code == 204


async def test_ending_all_other_sessions_ends_ones_own_only(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    user = await a_user(rt)
    mine, my_other, theirs = (
        await a_session(rt, user),
        await a_session(rt, user),
        await a_session(rt),
    )
    response = await client.delete(f"{API}/sessions", headers=mine.bearer)
    assert response.status_code == 204
    assert (await client.get(f"{API}/auth/me", headers=mine.bearer)).status_code == 200
    assert (await client.get(f"{API}/auth/me", headers=my_other.bearer)).status_code == 401
    assert (await client.get(f"{API}/auth/me", headers=theirs.bearer)).status_code == 200


async def test_a_list_holds_ones_own_sessions_only_wherever_it_starts(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    theirs, mine, later = await a_session(rt), await a_session(rt), await a_session(rt)
    for cursor in (None, theirs.session_id, later.session_id, f"ses_{'z' * 26}"):
        params = {"cursor": cursor} if cursor else {}
        answer = await client.get(f"{API}/sessions", params=params, headers=mine.bearer)
        assert answer.status_code == 200
        assert {item["id"] for item in answer.json()["items"]} <= {mine.session_id}


async def test_a_query_or_a_header_names_no_other_user(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    mine, theirs = await a_session(rt), await a_session(rt)
    params = {"user_id": theirs.user.id, "id": theirs.user.id, "sub": theirs.user.id}
    headers = {**mine.bearer, "X-User-Id": theirs.user.id, "X-Forwarded-User": theirs.user.email}
    for path in ("auth/me", "users/me"):
        me = await client.get(f"{API}/{path}", params=params, headers=headers)
        assert me.json()["id"] == mine.user.id
    listed = await client.get(f"{API}/sessions", params=params, headers=headers)
    assert [item["id"] for item in listed.json()["items"]] == [mine.session_id]
    body = {"first_name": "Mallory"}
    await client.patch(f"{API}/users/me", json=body, params=params, headers=headers)
    them = await client.get(f"{API}/auth/me", headers=theirs.bearer)
    assert them.json()["first_name"] is None


async def test_no_other_users_profile_is_at_any_address(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    mine, theirs = await a_session(rt), await a_session(rt)
    for path in (f"users/{theirs.user.id}", f"users/{theirs.user.email}", "users", "users/me/../x",
                 f"users/me?id={theirs.user.id}", f"sessions/{theirs.session_id}"):  # fmt: skip
        for method in ("GET", "PATCH", "DELETE", "PUT"):
            asked = client.request(method, f"{API}/{path}", json={}, headers=mine.bearer)
            response = ours(await asked)
            assert response.status_code < 500
            assert theirs.user.email not in response.text
            assert theirs.user.id not in response.text
