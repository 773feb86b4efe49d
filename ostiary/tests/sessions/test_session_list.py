"""GET /sessions: the caller's live sessions, newest first, page by page."""

from typing import Any

import httpx
import pytest
from clock import OwnedClock
from factories import SignedIn, a_session, a_user, an_origin, problem

from ostiary.runtime import Runtime

URL = "/api/v1/sessions"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ANDROID_TABLET = (
    "Mozilla/5.0 (Linux; Android 15; SM-X910) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
async def alice(rt: Runtime) -> SignedIn:
    """Somebody with one session."""
    return await a_session(rt)


async def _page(client: httpx.AsyncClient, who: SignedIn, **params: Any) -> dict[str, Any]:
    answer = await client.get(URL, params=params, headers=who.bearer)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _ids(client: httpx.AsyncClient, who: SignedIn) -> set[str]:
    return {item["id"] for item in (await _page(client, who))["items"]}


async def test_a_session_is_shown_with_all_that_is_known_of_it(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    origin = an_origin("2001:db8::7", user_agent=FIREFOX)
    alice = await a_session(rt, origin=origin)
    answer = await client.get(URL, headers=alice.bearer)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "items": [
            {
                "id": alice.session_id,
                "current": True,
                "created_at": "2026-03-01T12:00:00Z",
                "last_seen_at": "2026-03-01T12:00:00Z",
                "expires_at": "2026-05-30T12:00:00Z",
                "ip_address": "2001:db8::7",
                "user_agent": FIREFOX,
                "device": {"browser": "Firefox", "os": "Linux", "kind": "desktop"},
                "amr": ["pwd"],
                "acr": "aal1",
            }
        ],
        "next_cursor": None,
    }


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (IPHONE, {"browser": "Mobile Safari", "os": "iOS", "kind": "mobile"}),
        (ANDROID_TABLET, {"browser": "Chrome", "os": "Android", "kind": "tablet"}),
        ("curl/8.5.0", {"browser": "curl", "os": None, "kind": "program"}),
        ("<script>alert(1)</script>", {"browser": None, "os": None, "kind": "program"}),
        ("", {"browser": None, "os": None, "kind": "unknown"}),
    ],
)
async def test_a_device_is_described_by_what_it_says_of_itself(
    client: httpx.AsyncClient, alice: SignedIn, user_agent: str, device: dict[str, object]
) -> None:
    body = {"email": alice.user.email, "password": "correct horse battery"}
    headers = {"User-Agent": user_agent}
    signed_in = await client.post("/api/v1/auth/signin", json=body, headers=headers)
    bearer = {"Authorization": f"Bearer {signed_in.json()['tokens']['access_token']}"}
    items = (await client.get(URL, headers=bearer)).json()["items"]
    [mine] = [item for item in items if item["current"]]
    assert mine["device"] == device
    assert mine["user_agent"] == user_agent
    assert mine["ip_address"] == "203.0.113.7"


async def test_an_endless_user_agent_is_cut(client: httpx.AsyncClient, alice: SignedIn) -> None:
    body = {"email": alice.user.email, "password": "correct horse battery"}
    headers = {"User-Agent": "x" * 5000}
    await client.post("/api/v1/auth/signin", json=body, headers=headers)
    lengths = [len(item["user_agent"]) for item in (await _page(client, alice))["items"]]
    assert sorted(lengths) == [4, 400]


async def test_only_the_caller_s_own_session_is_the_current_one(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    other = await a_session(rt, alice.user)
    for one in (alice, other):
        items = (await _page(client, one))["items"]
        assert [item["id"] for item in items if item["current"]] == [one.session_id]
        assert len(items) == 2


async def test_nobody_sees_the_sessions_of_others(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn
) -> None:
    await a_session(rt)
    assert await _ids(client, alice) == {alice.session_id}


async def test_sessions_that_have_ended_are_not_shown(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    ended = await a_session(rt, alice.user)
    await client.post("/api/v1/auth/logout", headers=ended.bearer)
    assert await _ids(client, alice) == {alice.session_id}
    clock.advance(days=90)
    fresh = await a_session(rt, alice.user)
    assert await _ids(client, fresh) == {fresh.session_id}


@pytest.mark.settings(limits={"signin_attempts": 1000})
async def test_more_than_a_hundred_sessions_are_listed_newest_first_page_by_page(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    user = await a_user(rt)
    opened = []
    for _ in range(105):
        opened.append((await a_session(rt, user)).session_id)
        clock.advance(seconds=1)
    last = await a_session(rt, user)
    newest_first = [last.session_id, *reversed(opened)]
    for limit, sizes in ((100, [100, 6]), (53, [53, 53]), (20, [20] * 5 + [6])):
        pages: list[list[str]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await _page(client, last, limit=limit, **cursor)
            pages.append([item["id"] for item in page["items"]])
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert [len(page) for page in pages] == sizes
        assert [one for page in pages for one in page] == newest_first
    first = await _page(client, last)
    assert [item["id"] for item in first["items"]] == newest_first[:20]


async def test_a_page_goes_on_where_the_last_one_ended_whatever_happened_between(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    user = await a_user(rt)
    opened = []
    for _ in range(4):
        opened.append(await a_session(rt, user))
        clock.advance(seconds=1)
    page = await _page(client, opened[0], limit=2)
    assert [item["id"] for item in page["items"]] == [one.session_id for one in opened[:1:-1]]
    await a_session(rt, user)
    await client.delete(f"{URL}/{opened[2].session_id}", headers=opened[0].bearer)
    page = await _page(client, opened[0], limit=2, cursor=page["next_cursor"])
    assert [item["id"] for item in page["items"]] == [one.session_id for one in opened[1::-1]]
    assert page["next_cursor"] is None


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"limit": "9" * 30}, "limit"),
        ({"limit": ""}, "limit"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "usr_00000000000000000000000000"}, "cursor"),
        ({"cursor": "ses_' OR 1=1 --"}, "cursor"),
        ({"cursor": "ses_\u0000"}, "cursor"),
        ({"cursor": "x" * 2000}, "cursor"),
    ],
)
async def test_a_parameter_that_makes_no_sense_is_named(
    client: httpx.AsyncClient, alice: SignedIn, params: dict[str, str | int], parameter: str
) -> None:
    answer = await client.get(URL, params=params, headers=alice.bearer)
    assert problem(answer) == (422, "validation")
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter]


async def test_a_cursor_of_somebody_else_shows_nothing_of_theirs(
    rt: Runtime, client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    clock.advance(seconds=1)
    bob = await a_session(rt)
    page = await _page(client, alice, cursor=bob.session_id)
    assert [item["id"] for item in page["items"]] == [alice.session_id]


async def test_a_session_is_seen_at_a_refresh_and_otherwise_every_five_minutes(
    client: httpx.AsyncClient, alice: SignedIn, clock: OwnedClock
) -> None:
    async def seen_at(token: str) -> str:
        headers = {"Authorization": f"Bearer {token}"}
        await client.get("/api/v1/auth/me", headers=headers)
        items = (await client.get(URL, headers=headers)).json()["items"]
        return str(items[0]["last_seen_at"])

    clock.advance(minutes=5)
    assert await seen_at(alice.tokens.access_token) == "2026-03-01T12:00:00Z"
    clock.advance(seconds=1)
    assert await seen_at(alice.tokens.access_token) == "2026-03-01T12:05:01Z"
    clock.advance(seconds=59)
    body = {"refresh_token": alice.tokens.refresh_token}
    refreshed = (await client.post("/api/v1/auth/refresh", json=body)).json()
    assert await seen_at(refreshed["access_token"]) == "2026-03-01T12:06:00Z"


async def test_the_list_needs_a_bearer(client: httpx.AsyncClient) -> None:
    answer = await client.get(URL)
    assert problem(answer) == (401, "missing-token")
    assert answer.headers["www-authenticate"] == 'Bearer realm="ostiary"'
