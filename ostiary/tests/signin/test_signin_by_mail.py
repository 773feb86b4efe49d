"""Sign-in links and codes: good once, in the browser that asked, for the address that was asked."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from clock import OwnedClock
from factories import a_session, a_suspended_user, a_user, events, everything_stored, problem
from inbox import Mailbox, deliver
from mfa import API, ask_code, ask_link, bearer, protect, verify

from ostiary.runtime import Runtime
from ostiary.signin import challenges
from ostiary.users import actions as users

TEMPLATE = "https://app.example/in?token={token}&from=mail"
ORIGINS = "https://app.example, https://shop.example:8443"
WITH_LINKS = pytest.mark.settings(
    links={"magic_link": TEMPLATE, "continue_origins": ORIGINS},
    limits={"messages_recipient": 100, "messages_address": 100, "signin_attempts": 1000},
)
UNKNOWN_ATTEMPT = f"ostat.sin_{'0' * 26}.{'A' * 43}"

pytestmark = WITH_LINKS


async def _code_back(
    client: httpx.AsyncClient, attempt: str, code: str, **more: str
) -> httpx.Response:
    body = {"attempt_token": attempt, "code": code, **more}
    return await client.post(f"{API}/auth/email-code/verify", json=body)


async def _link_back(client: httpx.AsyncClient, attempt: str, link: str) -> httpx.Response:
    [token] = parse_qs(urlsplit(link).query)["token"]
    body = {"attempt_token": attempt, "token": token}
    return await client.post(f"{API}/auth/magic-link/verify", json=body)


async def _with_code(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox) -> tuple[str, str]:
    user = await a_user(rt, email_verified=True)
    return await ask_code(rt, client, mailbox, user.email)


def _other(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


async def test_a_code_signs_in(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    attempt, code = await _with_code(rt, client, mailbox)
    answer = await _code_back(client, attempt, code)
    assert answer.status_code == 200
    [current] = (await client.get(f"{API}/sessions", headers=bearer(answer.json()))).json()["items"]
    assert (current["amr"], current["acr"]) == (["email"], "aal1")


async def test_a_link_signs_in(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    user = await a_user(rt, email_verified=True)
    attempt, link = await ask_link(rt, client, mailbox, user.email)
    assert link.startswith("https://app.example/in?token=ostml.")
    assert "&from=mail" in link
    answer = await _link_back(client, attempt, link)
    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == user.id


async def test_looking_at_the_link_uses_nothing_up(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    user = await a_user(rt, email_verified=True)
    attempt, link = await ask_link(rt, client, mailbox, user.email)
    for path in ("magic-link/verify", "email-code/verify"):
        [token] = parse_qs(urlsplit(link).query)["token"]
        got = await client.get(f"{API}/auth/{path}", params={"token": token})
        assert got.status_code == 405
    assert (await _link_back(client, attempt, link)).status_code == 200


async def test_a_code_is_good_once(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    attempt, code = await _with_code(rt, client, mailbox)
    answers = await asyncio.gather(*(_code_back(client, attempt, code) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
    assert len(await events(rt, "session.opened")) == 1


async def test_a_link_is_good_once(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    user = await a_user(rt, email_verified=True)
    attempt, link = await ask_link(rt, client, mailbox, user.email)
    answers = await asyncio.gather(*(_link_back(client, attempt, link) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19


async def test_five_wrong_codes_end_the_attempt_and_no_other(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    user = await a_user(rt, email_verified=True)
    first, code = await ask_code(rt, client, mailbox, user.email)
    second, other = await ask_code(rt, client, mailbox, user.email)
    for _ in range(5):
        assert problem(await _code_back(client, first, _other(code))) == (401, "invalid-code")
    assert problem(await _code_back(client, first, code)) == (401, "attempt-invalid")
    assert (await _code_back(client, second, other)).status_code == 200


async def test_a_code_is_good_for_its_own_attempt_alone(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    attempt, code = await _with_code(rt, client, mailbox)
    foreign, other = await _with_code(rt, client, mailbox)
    if code != other:
        assert problem(await _code_back(client, foreign, code)) == (401, "invalid-code")
    assert problem(await _code_back(client, UNKNOWN_ATTEMPT, code)) == (401, "attempt-invalid")
    assert (await _code_back(client, attempt, code)).status_code == 200


async def test_a_link_and_a_code_do_not_stand_in_for_each_other(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    user = await a_user(rt, email_verified=True)
    by_code, code = await ask_code(rt, client, mailbox, user.email)
    by_link, link = await ask_link(rt, client, mailbox, user.email)
    assert problem(await _code_back(client, by_link, code)) == (401, "attempt-invalid")
    assert problem(await _link_back(client, by_code, link)) == (401, "attempt-invalid")


@pytest.mark.parametrize("way", ["code", "link"])
async def test_it_is_good_for_ten_minutes(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, clock: OwnedClock, way: str
) -> None:
    user = await a_user(rt, email_verified=True)
    for seconds, status in ((599, 200), (600, 401)):
        if way == "code":
            attempt, code = await ask_code(rt, client, mailbox, user.email)
            clock.advance(seconds=seconds)
            answer = await _code_back(client, attempt, code)
        else:
            attempt, link = await ask_link(rt, client, mailbox, user.email)
            clock.advance(seconds=seconds)
            answer = await _link_back(client, attempt, link)
        assert answer.status_code == status


async def test_a_change_of_address_ends_what_was_sent_to_the_old_one(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    user = await a_user(rt, email_verified=True)
    attempt, code = await ask_code(rt, client, mailbox, user.email)
    async with rt.db.write() as tx:
        await users.set_email(tx, rt.clock.now(), user.id, "new@example.net")
    assert problem(await _code_back(client, attempt, code)) == (401, "invalid-code")


async def test_a_second_factor_is_asked_for_behind_it(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    owner = await protect(rt, await a_user(rt, email_verified=True))
    attempt, code = await ask_code(rt, client, mailbox, owner.user.email)
    challenge = await _code_back(client, attempt, code)
    assert challenge.json()["methods"] == ["totp", "backup_code"]
    answer = await verify(client, challenge.json(), code=owner.app.code())
    [current] = [
        one
        for one in (await client.get(f"{API}/sessions", headers=bearer(answer.json()))).json()[
            "items"
        ]
        if one["current"]
    ]
    # Mail is no out-of-band authenticator: two things were proven, and NIST counts one.
    assert (current["amr"], current["acr"]) == (["email", "otp"], "aal1")


async def test_a_device_known_before_is_known_here_too(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    session = await a_session(rt, await a_user(rt, email_verified=True))
    assert session.device_token is not None
    attempt, code = await ask_code(rt, client, mailbox, session.user.email)
    answer = await _code_back(client, attempt, code, device_token=session.device_token)
    assert answer.json()["device_token"] is None
    attempt, code = await ask_code(rt, client, mailbox, session.user.email)
    answer = await _code_back(client, attempt, code)
    assert answer.json()["device_token"].startswith("ostdt.")
    await deliver(rt)
    # One of the two was new to the account, and its owner was told of it.
    told = [one for one in mailbox.to(session.user.email) if "device" in one.subject]
    assert len(told) == 1


async def test_neither_answer_nor_code_is_stored(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    user = await a_user(rt, email_verified=True)
    attempt, code = await ask_code(rt, client, mailbox, user.email)
    asked, link = await ask_link(rt, client, mailbox, user.email)
    stored = await everything_stored(rt)
    for secret in (attempt, asked, link, f"'{code}'", attempt.rpartition(".")[2]):
        assert secret not in stored


@pytest.mark.parametrize("path", ["magic-link", "email-code"])
async def test_who_has_an_account_is_not_told(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, path: str
) -> None:
    await a_user(rt, "alice@example.com")
    await a_suspended_user(rt, "mallory@example.com")
    shapes = set()
    for email in ("alice@example.com", "mallory@example.com", "nobody@example.com"):
        answer = await client.post(f"{API}/auth/{path}", json={"email": email})
        token = answer.json()["attempt_token"]
        body = {"attempt_token": token, "code": "000000", "token": "ostml.none"}
        body.pop("code" if path == "magic-link" else "token")
        back = await client.post(f"{API}/auth/{path}/verify", json=body)
        shapes.add((answer.status_code, len(answer.content), *problem(back)))
    assert len(shapes) == 1
    await deliver(rt)
    assert [one.to for one in mailbox.messages] == ["alice@example.com"]


@pytest.mark.parametrize(
    "address",
    ["https://app.example/cart?x=1#y", "https://shop.example:8443", "http://127.0.0.1:8000/a"],
)
async def test_a_link_leads_on_to_a_listed_origin(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, address: str
) -> None:
    user = await a_user(rt, email_verified=True)
    _, link = await ask_link(rt, client, mailbox, user.email, **{"continue": address})
    query = parse_qs(urlsplit(link).query)
    assert query["continue"] == [address]
    assert query["from"] == ["mail"]


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "https://app.example.evil.example/",
        "https://app.example@evil.example/",
        "https://evil.example\\@app.example/",
        "https://app.example\\.evil.example",
        "https://app.example:444/",
        "http://app.example/",
        "//app.example/",
        "javascript:alert(1)//https://app.example",
        "https:app.example",
        "https:///app.example",
        "https://shop.example/",
        "https://аpp.example/",
        "/cart",
    ],
)
async def test_it_leads_nowhere_else(rt: Runtime, client: httpx.AsyncClient, address: str) -> None:
    body = {"email": "alice@example.com", "continue": address}
    response = await client.post(f"{API}/auth/magic-link", json=body)
    assert problem(response) == (422, "validation"), address
    assert await events(rt, "signin.mailed") == []


async def test_attempts_that_are_too_old_are_swept(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    for number in range(3):
        await client.post(f"{API}/auth/email-code", json={"email": f"user{number}@example.com"})
    async with rt.db.write() as tx:
        assert await challenges.sweep(tx, clock.now(), limit=10) == 0
    clock.advance(minutes=10)
    async with rt.db.write() as tx:
        assert await challenges.sweep(tx, clock.now(), limit=2) == 2
        assert await challenges.sweep(tx, clock.now(), limit=2) == 1
