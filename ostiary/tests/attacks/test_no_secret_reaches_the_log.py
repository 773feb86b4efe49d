"""The attacker reads the log: whoever runs, ships or indexes it can, and it lives for years.

A whole run with the log as the command line sets it up, at its most talkative: sign-ups, sign-ins
good and bad, refreshes, refusals, an outage, a defect. Nothing that anybody typed or was handed is
in it, in any form.
"""

import dataclasses
import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from factories import a_session, sign_up

from attacks.surface import API
from ostiary.app import create_app
from ostiary.kernel import logs
from ostiary.kernel.hashing import PasswordHasher, Verified
from ostiary.runtime import Runtime

PASSWORDS = ["Tr0ub4dor-and-3-more", "n0t-the-right-one-9", "t00-sh", "an0ther-secret-phrase"]
PEOPLE = ["carroll@wonderland.example", "dodgson@oxford.example", "h\u00e4tter@tea.example"]
NAMES = ["cheshire", "dormouse", "Gryphon-Surname", "Mockturtle"]


class FailingHasher(PasswordHasher):
    """A hasher with the worst of defects: its exceptions quote what they were given."""

    def __init__(self) -> None:
        super().__init__(memory_kib=64, iterations=1, threads=1, max_wait=1)

    async def hash(self, password: str) -> str:
        """Fail, and say with what."""
        raise RuntimeError(f"cannot hash {password}")

    async def verify(self, encoded: str | None, password: str) -> Verified:
        """Fail, and say with what, twice."""
        try:
            raise ValueError(password)
        except ValueError as error:
            raise RuntimeError(f"cannot verify {password} against {encoded}") from error


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the process logs, set up as `ostiary serve` does, at the level `debug`."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    logs.configure("debug")
    for handler in root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        assert isinstance(handler.formatter, logs.JsonLines)
        handler.setStream(written)
        # The client of these tests lives in the same process; its own log is none of the server's.
        handler.addFilter(lambda record: not record.name.startswith(("httpx", "httpcore")))
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


def _assert_clean(log: io.StringIO, secrets: list[str]) -> list[dict[str, Any]]:
    """None of `secrets` in any line, as it is, escaped, quoted or in another case."""
    text = log.getvalue()
    folded = text.lower()
    for secret in secrets:
        spellings = {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1]}
        for part in secret.split(".") if secret.startswith(("ost", "eyJ")) else []:
            # Of a token the secret parts, but not `ostrt` and not the id, which may be named.
            spellings |= {part} if len(part) > 40 else set()
        for spelling in spellings:
            assert spelling.lower() not in folded, spelling
    return [json.loads(line) for line in text.splitlines()]


async def _use(rt: Runtime, client: httpx.AsyncClient) -> list[str]:
    """Everything a client does, right and wrong; what it typed and what it was handed."""
    first, second, third = PEOPLE
    right, wrong, short, other = PASSWORDS
    answers = [
        await sign_up(client, email=first, password=right, username=NAMES[0], last_name=NAMES[2])
    ]
    posts: list[tuple[str, dict[str, Any]]] = [
        ("signup", {"email": first, "password": other}),
        ("signup", {"email": second, "password": other, "username": NAMES[0]}),
        ("signup", {"email": second, "password": short}),
        ("signup", {"email": second, "password": second}),
        ("signup", {"email": f"{second} {third}", "password": wrong}),
        ("signin", {"email": first, "password": right}),
        ("signin", {"username": NAMES[0], "password": right}),
        ("signin", {"email": first, "password": wrong}),
        ("signin", {"email": third, "password": wrong}),
        ("signin", {"username": NAMES[1], "password": wrong}),
        ("signin", {"username": wrong, "password": first}),  # the wrong way around
        ("signin", {"email": first, "password": right, wrong: other}),
        ("signin", {"email": [first], "password": {"a": wrong}}),
        ("refresh", {"refresh_token": answers[0]["tokens"]["refresh_token"]}),
        ("refresh", {"refresh_token": wrong}),
        ("logout", {"refresh_token": other}),
    ]
    posts += [("signin", {"email": second, "password": wrong})] * 7  # over the budget
    for path, body in posts:
        response = await client.post(f"{API}/auth/{path}", json=body)
        if response.status_code == 200:
            answers.append(response.json())
    handed = [
        value
        for answer in answers
        for value in (answer | answer.get("tokens", {})).values()
        if isinstance(value, str) and len(value) > 60
    ]
    access = answers[0]["tokens"]["access_token"]
    bearer = {"Authorization": f"Bearer {access}"}
    profile = {"display_name": NAMES[3], "metadata": {"public": {"note": other}}}
    await client.patch(f"{API}/users/me", json=profile, headers=bearer)
    for path in ("auth/me", "sessions", f"sessions/{wrong}", f"auth/me?access_token={access}",
                 f"users/{first}", f"sessions?cursor={access}", f"reset/{handed[1]}"):  # fmt: skip
        await client.get(f"{API}/{path}", headers=bearer)
    await client.get(f"/{quote(right)}/{access}")
    await client.get(f"{API}/auth/me", headers={"Authorization": f"Bearer {access}x"})
    await client.get(f"{API}/auth/me", headers={"Authorization": f"Basic {wrong}"})
    headers = {"Cookie": f"session={access}", "User-Agent": other, "X-Request-Id": wrong,
               "X-Forwarded-For": wrong, "Content-Type": wrong, "Host": wrong}  # fmt: skip
    await client.post(f"{API}/auth/signin", content=right.encode(), headers=headers)
    await client.post(f"{API}/auth/logout", headers=bearer)
    assert len(handed) >= 8
    return [*PASSWORDS, *PEOPLE, *NAMES, *handed]


async def test_a_whole_run_leaves_no_secret_in_the_log(
    rt: Runtime, client: httpx.AsyncClient, log: io.StringIO
) -> None:
    lines = _assert_clean(log, await _use(rt, client))
    requests = [line for line in lines if line["message"] == "request"]
    assert len(requests) > 30  # the control: there was something to read
    assert {200, 201, 204, 401, 404, 409, 415, 422, 429} <= {line["status"] for line in requests}
    assert any(line.get("user_id") for line in requests)
    assert all("?" not in (line["route"] or "") for line in requests)


@pytest.mark.settings(redis_url="redis://:s3cret-of-redis@127.0.0.1:1")
async def test_an_outage_leaves_no_secret_in_the_log(
    rt: Runtime, client: httpx.AsyncClient, log: io.StringIO
) -> None:
    secrets = await _use(rt, client)
    lines = _assert_clean(log, [*secrets, "s3cret-of-redis"])
    assert any(line["level"] == "warning" for line in lines)


async def test_a_defect_leaves_no_secret_in_the_log_nor_in_the_answer(
    rt: Runtime, client: httpx.AsyncClient, log: io.StringIO
) -> None:
    session = await a_session(rt)
    failing = FailingHasher()
    app = create_app(rt.settings, runtime=dataclasses.replace(rt, hasher=failing))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ostiary.test") as broken:
        for path, email in (("signin", session.user.email), ("signup", PEOPLE[0])):
            body = {"email": email, "password": PASSWORDS[0]}
            response = await broken.post(f"{API}/auth/{path}", json=body)
            assert response.status_code == 500
            assert PASSWORDS[0] not in response.text
    failing.close()
    lines = _assert_clean(log, [PASSWORDS[0], PEOPLE[0], session.user.email, "$argon2id"])
    defects = [line for line in lines if "error" in line]
    assert {line["error"] for line in defects} == {"builtins.RuntimeError"}
    assert all(line["request_id"].startswith("req_") for line in defects)


async def test_a_line_stays_one_line_whatever_was_sent(
    client: httpx.AsyncClient, log: io.StringIO
) -> None:
    for path in ("/a%0Ab", "/a%0D%0A%7B%22level%22%3A%22error%22%7D", "/%1B%5B31m", "/%E2%80%A8"):
        await client.get(path)
        headers = {b"user-agent": b"a\x1b[31m\x85{}", b"x-request-id": b"\x9b"}
        await client.post(f"{API}/auth/signin", content=b"{\n}", headers=headers)
    lines = log.getvalue().splitlines()
    assert len(lines) == 8
    assert all(json.loads(line)["level"] == "info" for line in lines)
    assert log.getvalue().isascii()
