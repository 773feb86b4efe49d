"""PATCH /users/me: what a person may change of their account, and what they may not."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from clock import OwnedClock
from factories import PASSWORD, SignedIn, a_session, a_user, events, problem

from ostiary.runtime import Runtime

URL = "/api/v1/users/me"


@pytest.fixture
async def alice(rt: Runtime) -> SignedIn:
    """Somebody with some names."""
    user = await a_user(
        rt, "alice@example.com", username="alice", first_name="Alice", last_name="Liddell"
    )
    return await a_session(rt, user)


async def _change(client: httpx.AsyncClient, who: SignedIn, **members: Any) -> httpx.Response:
    return await client.patch(URL, json=members, headers=who.bearer)


async def _me(client: httpx.AsyncClient, who: SignedIn) -> dict[str, Any]:
    return dict((await client.get(URL, headers=who.bearer)).json())


def _pointers(answer: httpx.Response) -> list[str]:
    assert problem(answer) == (422, "validation")
    return [fault["pointer"] for fault in answer.json()["errors"]]


async def test_every_name_can_be_changed_and_the_answer_is_the_whole_account(
    client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    before = await _me(client, alice)
    clock.advance(minutes=1)
    members = {
        "username": "Lewis",
        "first_name": "Charles",
        "last_name": "Dodgson",
        "display_name": "Lewis Carroll",
        "locale": "en-GB",
        "metadata": {"public": {"theme": "dark"}},
    }
    answer = await _change(client, alice, **members)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {**before, **members, "updated_at": "2026-03-01T12:01:00Z"}
    assert answer.json() == await _me(client, alice)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("username", "lewis"),
        ("first_name", "Charles"),
        ("last_name", "Dodgson"),
        ("display_name", "Lewis Carroll"),
        ("locale", "cy"),
        ("metadata", {"public": {"a": 1}}),
    ],
)
async def test_what_is_absent_stays_as_it_is(
    client: httpx.AsyncClient, alice: SignedIn, member: str, value: object
) -> None:
    before = await _me(client, alice)
    await _change(client, alice, **{member: value})
    assert await _me(client, alice) == {**before, member: value}


@pytest.mark.parametrize(
    "member", ["username", "first_name", "last_name", "display_name", "locale", "metadata"]
)
async def test_null_clears_a_member(
    client: httpx.AsyncClient, alice: SignedIn, member: str
) -> None:
    full = {"display_name": "Al", "locale": "en", "metadata": {"public": {"theme": "dark"}}}
    before = (await _change(client, alice, **full)).json()
    answer = await _change(client, alice, **{member: None})
    cleared: object = {"public": {}} if member == "metadata" else None
    assert before[member] != cleared
    assert answer.json() == {**before, member: cleared}


async def test_a_body_that_changes_nothing_leaves_no_trace(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    before = await _me(client, alice)
    clock.advance(minutes=1)
    answer = await _change(client, alice)
    assert answer.status_code == 200
    assert answer.json() == before
    assert before["id"] == alice.user.id
    assert await events(rt, "user.updated") == []


async def test_a_change_is_one_event_that_names_the_members_and_no_value(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    answer = await _change(client, alice, first_name="Charles", metadata={"public": {"a": "b"}})
    [event] = await events(rt, "user.updated")
    assert event.data == {"changed": ["first_name", "metadata_public"]}
    assert event.subject == event.actor == alice.user.id
    assert event.request_id == answer.headers["x-request-id"]


async def test_texts_are_trimmed_composed_and_kept_as_text(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    answer = await _change(
        client,
        alice,
        first_name=" Zoe\u0308 ",
        last_name="<script>alert(1)</script>",
        display_name="'; DROP TABLE user;--",
        locale=" pt-BR ",
        username=" zoe ",
    )
    assert answer.json() == {
        **(await _me(client, alice)),
        "first_name": "Zo\u00eb",
        "last_name": "<script>alert(1)</script>",
        "display_name": "'; DROP TABLE user;--",
        "locale": "pt-BR",
        "username": "zoe",
    }


async def test_another_person_s_user_name_is_refused_in_any_case(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    await a_user(rt, username="bob")
    for name in ("bob", "BOB", " Bob "):
        answer = await _change(client, alice, username=name, first_name="Mallory")
        assert problem(answer) == (409, "username-taken")
    me = await _me(client, alice)
    assert (me["username"], me["first_name"]) == ("alice", "Alice")
    assert await events(rt, "user.updated") == []


async def test_one_s_own_user_name_may_change_its_case(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    assert (await _change(client, alice, username="ALICE")).json()["username"] == "ALICE"


async def test_a_user_name_that_was_given_up_is_free_and_signs_nobody_in(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    await _change(client, alice, username="lewis")
    bob = await a_session(rt)
    assert (await _change(client, bob, username="alice")).status_code == 200
    for name, owner in {"lewis": alice, "alice": bob}.items():
        body = {"username": name, "password": PASSWORD}
        answer = await client.post("/api/v1/auth/signin", json=body)
        assert answer.json()["user"]["id"] == owner.user.id


async def test_several_people_who_want_one_user_name_at_once_get_it_once(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    people = [await a_session(rt) for _ in range(8)]
    answers = await asyncio.gather(*(_change(client, one, username="dodo") for one in people))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200, *[409] * 7]


@pytest.mark.parametrize(
    ("members", "pointers"),
    [
        ({"role": "administrator"}, ["/role"]),
        ({"status": "active"}, ["/status"]),
        ({"id": "usr_1"}, ["/id"]),
        ({"email": "other@example.com"}, ["/email"]),
        ({"email_verified": True}, ["/email_verified"]),
        ({"password": "another password"}, ["/password"]),
        ({"mfa_enabled": True}, ["/mfa_enabled"]),
        ({"created_at": "2020-01-01T00:00:00Z"}, ["/created_at"]),
        ({"metadata": {"private": {"plan": "pro"}}}, ["/metadata/public", "/metadata/private"]),
        ({"metadata": {"public": {}, "private": {}}}, ["/metadata/private"]),
        ({"metadata": {"public": []}}, ["/metadata/public"]),
        ({"metadata": {"public": None}}, ["/metadata/public"]),
        ({"username": "no spaces"}, ["/username"]),
        ({"username": ""}, ["/username"]),
        ({"first_name": "x" * 201}, ["/first_name"]),
        ({"last_name": " "}, ["/last_name"]),
        ({"display_name": "a\u0000b"}, ["/display_name"]),
        ({"locale": "not a locale"}, ["/locale"]),
        ({"first_name": 1, "last_name": ["a"]}, ["/first_name", "/last_name"]),
    ],
)
async def test_what_is_protected_or_unacceptable_is_refused_and_changes_nothing(
    client: httpx.AsyncClient,
    alice: SignedIn,
    members: dict[str, object],
    pointers: list[str],
) -> None:
    before = await _me(client, alice)
    assert _pointers(await _change(client, alice, **members)) == pointers
    assert await _me(client, alice) == before


async def test_metadata_is_replaced_as_a_whole(client: httpx.AsyncClient, alice: SignedIn) -> None:
    await _change(client, alice, metadata={"public": {"a": 1, "b": {"c": [True, None, "é"]}}})
    answer = await _change(client, alice, metadata={"public": {"b": 2.5}})
    assert answer.json()["metadata"] == {"public": {"b": 2.5}}


async def test_metadata_may_take_eight_kilobytes_and_no_byte_more(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    most = {"text": "é" * ((8192 - len('{"text":""}')) // 2) + "x"}
    assert len(json.dumps(most, ensure_ascii=False, separators=(",", ":")).encode()) == 8192
    answer = await _change(client, alice, metadata={"public": most})
    assert answer.status_code == 200
    assert answer.json()["metadata"]["public"] == most
    over = {"text": most["text"] + "x"}
    assert _pointers(await _change(client, alice, metadata={"public": over})) == [
        "/metadata/public"
    ]


@pytest.mark.parametrize(
    "value",
    [10**15, -(10**15), 10**300, 2**63, 1e300, 1e-300, 0.1, -0.0, "\n\t", {"": ""}, [[[[]]]]],
)
async def test_odd_values_in_metadata_come_back_as_they_were(
    client: httpx.AsyncClient, alice: SignedIn, value: object
) -> None:
    answer = await _change(client, alice, metadata={"public": {"odd": value}})
    assert answer.status_code == 200
    assert (await _me(client, alice))["metadata"] == {"public": {"odd": value}}


@pytest.mark.parametrize("text", ['"\\u0000"', '"\\ud800"', '{"\\u0000": 1}', "1e999", "-1e999"])
async def test_what_no_database_could_keep_is_refused_in_metadata(
    client: httpx.AsyncClient, alice: SignedIn, text: str
) -> None:
    answer = await client.patch(
        URL,
        content=f'{{"metadata": {{"public": {{"odd": [{text}]}}}}}}',
        headers={**alice.bearer, "Content-Type": "application/json"},
    )
    assert _pointers(answer) == ["/metadata/public"]


async def test_the_refusals_that_every_body_may_get(
    client: httpx.AsyncClient, alice: SignedIn
) -> None:
    missing = await client.patch(URL, json={"first_name": "Mallory"})
    assert problem(missing) == (401, "missing-token")
    assert missing.headers["www-authenticate"] == 'Bearer realm="ostiary"'
    plain = await client.patch(URL, content=b"{}", headers=alice.bearer)
    assert problem(plain) == (415, "unsupported-media-type")
    headers = {**alice.bearer, "Content-Type": "application/json"}
    malformed = await client.patch(URL, content=b'{"locale": "en"', headers=headers)
    assert problem(malformed) == (400, "malformed-json")
    assert problem(await client.put(URL, json={}, headers=alice.bearer)) == (
        405,
        "method-not-allowed",
    )
