"""The attacker writes programs where people write their names: SQL, HTML, templates, commands.

Each is text: stored as it was sent, answered as JSON that no browser takes for a page, and run by
nothing on the way. What the grammar of a member does not allow is refused, not cleaned.
"""

from urllib.parse import quote

import httpx
import pytest
from factories import PASSWORD, a_session, a_user, problem, sign_up, signup_body

from attacks.surface import API
from ostiary.runtime import Runtime
from ostiary.users.actions import listed

PROGRAMS = [
    '\'; DROP TABLE "user"; --',
    "' OR '1'='1",
    '" OR ""="',
    "1; SELECT pg_sleep(10); --",
    "') UNION SELECT secret FROM authenticator --",
    "Robert'); DROP TABLE Students;--",
    "%' AND 1=1 ESCAPE '\\'",
    "$1 :name ?1 %s {0} %(a)s",
    "\\x27\\x4f\\x52",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</title><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "\"><a href='//evil.example'>",
    "<!--#exec cmd='id'-->",
    "{{7*7}}${7*7}<%= 7*7 %>#{7*7}",
    "${jndi:ldap://127.0.0.1/a}",
    "=cmd|'/C calc'!A0",
    "$(touch /tmp/owned) `id` | id",
    "../../../../etc/passwd",
    "(&(uid=*)(objectClass=*))",
    '{"$gt": ""}',
    "&lt;b&gt; &amp; &#x27;",
    "\u202egnirts\u202c \u200b\u2066 \ufeff",
    "\U0001f469\u200d\U0001f4bb \u6f22\u5b57 \u0639\u0631\u0628\u064a",
]
NAMES = ("first_name", "last_name")
USER_AGENTS = [
    "<script>alert(1)</script>", "'; DROP TABLE session; --", "a\x1b[31m\x9b b", "x" * 60_000,
    "\x85\xa0\xff", "",
]  # fmt: skip


@pytest.mark.settings(limits={"signups": 100})
async def test_every_text_of_a_sign_up_is_stored_as_it_was_sent(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    for number, program in enumerate(PROGRAMS):
        body = signup_body(email=f"u{number}@example.com", first_name=program, last_name=program)
        response = await client.post(f"{API}/auth/signup", json=body)
        assert response.status_code == 201, program
        assert {response.json()["user"][name] for name in NAMES} == {program}
    stored = await listed(rt, after="", limit=100)
    assert {profile.first_name for profile in stored} == set(PROGRAMS)


async def test_every_text_of_a_profile_is_stored_as_it_was_sent(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    session = await a_session(rt)
    members = (*NAMES, "display_name")
    for program in PROGRAMS:
        body = {**dict.fromkeys(members, program), "metadata": {"public": {program: [program]}}}
        changed = await client.patch(f"{API}/users/me", json=body, headers=session.bearer)
        assert changed.status_code == 200, program
        me = (await client.get(f"{API}/auth/me", headers=session.bearer)).json()
        assert {me[member] for member in members} == {program}
        assert me["metadata"] == {"public": {program: [program]}}


@pytest.mark.settings(limits={"signups": 100})
async def test_a_program_is_a_password_like_any_other(client: httpx.AsyncClient) -> None:
    long_enough = [program for program in PROGRAMS if len(program) >= 8]
    for number, program in enumerate(long_enough):
        email = f"u{number}@example.com"
        await sign_up(client, email=email, password=program)
        right = await client.post(f"{API}/auth/signin", json={"email": email, "password": program})
        assert right.status_code == 200, program
        wrong = await client.post(
            f"{API}/auth/signin", json={"email": email, "password": f"{program}x"}
        )
        assert problem(wrong) == (401, "invalid-credentials")


@pytest.mark.parametrize("member", ["email", "username", "locale"])
async def test_what_a_members_grammar_does_not_allow_is_refused(
    client: httpx.AsyncClient, member: str
) -> None:
    for program in PROGRAMS:
        for value in (program, f"{program}@example.com", f"a@{program}"):
            response = await client.post(f"{API}/auth/signup", json=signup_body(**{member: value}))
            assert problem(response) == (422, "validation"), value
            assert [fault["pointer"] for fault in response.json()["errors"]] == [f"/{member}"]


@pytest.mark.settings(limits={"signin_attempts": 1000, "signin_failures": 1000})
async def test_no_program_signs_anybody_in(rt: Runtime, client: httpx.AsyncClient) -> None:
    await a_user(rt, "alice@example.com", username="alice")
    for program in PROGRAMS:
        for body in (
            {"email": f"alice@example.com{program}", "password": PASSWORD},
            {"username": f"alice{program}", "password": PASSWORD},
            {"username": program, "password": program},
            {"email": "alice@example.com", "password": program},
        ):
            response = await client.post(f"{API}/auth/signin", json=body)
            assert problem(response) == (401, "invalid-credentials"), program
    known = {"email": "alice@example.com", "password": PASSWORD}
    assert (await client.post(f"{API}/auth/signin", json=known)).status_code == 200


async def test_no_program_is_a_token_or_an_id(rt: Runtime, client: httpx.AsyncClient) -> None:
    session = await a_session(rt)
    for program in PROGRAMS:
        body = {"refresh_token": program}
        response = await client.post(f"{API}/auth/refresh", json=body)
        assert problem(response) == (401, "invalid-refresh-token")
        for path in (f"{API}/sessions/{{}}", "/problems/{}", "/static/{}", "/{}"):
            url = path.format(quote(program, safe=""))
            refused = await client.request("DELETE", url, headers=session.bearer)
            assert refused.status_code in (404, 405), program
            page = await client.get(url)
            assert page.status_code in (404, 405), program
            assert program not in page.text
    assert (await client.get(f"{API}/auth/me", headers=session.bearer)).status_code == 200


async def test_no_answer_is_a_page_for_a_browser(rt: Runtime, client: httpx.AsyncClient) -> None:
    session = await a_session(rt)
    body = {"display_name": "<script>alert(1)</script>"}
    for response in (
        await client.patch(f"{API}/users/me", json=body, headers=session.bearer),
        await client.get(f"{API}/auth/me", headers=session.bearer),
        await client.post(f"{API}/auth/signin", json={"<script>": "<script>"}),
        await client.get("/<script>alert(1)</script>"),
    ):
        assert response.headers["content-type"].startswith(("application/json", "application/prob"))
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_a_user_agent_is_remembered_as_text(rt: Runtime, client: httpx.AsyncClient) -> None:
    for number, program in enumerate(USER_AGENTS):
        body = signup_body(email=f"u{number}@example.com")
        headers = {b"user-agent": program.encode("latin-1")}
        answer = await client.post(f"{API}/auth/signup", json=body, headers=headers)
        assert answer.status_code == 201
        bearer = {"Authorization": f"Bearer {answer.json()['tokens']['access_token']}"}
        (listed_session,) = (await client.get(f"{API}/sessions", headers=bearer)).json()["items"]
        remembered = listed_session["user_agent"]
        assert len(remembered) <= 400
        assert remembered.isprintable() or "\xa0" in remembered or "\ufffd" in remembered
        assert "\x1b" not in remembered
        assert "\x9b" not in remembered
