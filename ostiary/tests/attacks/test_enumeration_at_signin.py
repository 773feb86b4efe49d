"""The attacker wants to know who has an account, and reads it off the refusals.

Unknown, wrong, suspended: the same status, words, size, headers, budget and number of events. What
a refusal was for stands in the event log, where the attacker cannot look.
"""

from dataclasses import dataclass

import httpx
import pytest
from clock import OwnedClock
from factories import PASSWORD, a_session, a_suspended_user, a_user, events, problem, sign_up

from attacks.surface import API, UNKNOWN_REFRESH_TOKEN
from ostiary.runtime import Runtime

WRONG = "wrong guess"


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a client can tell two answers apart by, but the request's own id."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    @classmethod
    def of(cls, response: httpx.Response) -> "Seen":
        """What `response` shows."""
        id = response.headers["x-request-id"]
        headers = [(name, value) for name, value in response.headers.items() if value != id]
        return cls(response.status_code, tuple(headers), response.text.replace(id, "req"))


async def _people(rt: Runtime) -> dict[str, dict[str, str]]:
    """Credentials that must not work, by what is wrong with them."""
    await a_user(rt, "known@example.com", username="known")
    await a_suspended_user(rt, "suspended@example.com", username="suspended")
    return {
        "wrong": {"email": "known@example.com", "password": WRONG},
        "wrong, by name": {"username": "known", "password": WRONG},
        "unknown": {"email": "nobody@example.com", "password": WRONG},
        "unknown, by name": {"username": "nobody", "password": WRONG},
        "right, but suspended": {"email": "suspended@example.com", "password": PASSWORD},
        "right, but suspended, by name": {"username": "suspended", "password": PASSWORD},
        "wrong and suspended": {"email": "suspended@example.com", "password": WRONG},
        "no address": {"email": "nobody", "password": WRONG},
        "no user name": {"username": "no body", "password": WRONG},
        "an address for a name": {"username": "known@example.com", "password": PASSWORD},
        "a name for an address": {"email": "known", "password": PASSWORD},
        "nearly right": {"email": "known@example.com", "password": f"{PASSWORD} "},
        "long": {"email": "known@example.com", "password": "x" * 1024},
        "with a device": {
            "email": "nobody@example.com",
            "password": WRONG,
            "device_token": f"ostdt.dev_{'0' * 26}.{'A' * 43}",
        },
    }


async def test_every_failed_sign_in_looks_the_same(rt: Runtime, client: httpx.AsyncClient) -> None:
    seen = {}
    for name, body in (await _people(rt)).items():
        response = await client.post(f"{API}/auth/signin", json=body)
        assert problem(response) == (401, "invalid-credentials"), name
        assert "set-cookie" not in response.headers
        seen[name] = Seen.of(response)
    assert len(set(seen.values())) == 1, seen


async def test_every_failed_sign_in_leaves_one_event_which_alone_knows_why(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    people = await _people(rt)
    reasons = {}
    for name, body in people.items():
        before = {row.id for row in await events(rt)}
        await client.post(f"{API}/auth/signin", json=body)
        (event,) = [row for row in await events(rt) if row.id not in before]
        assert event.type == "signin.failed"
        reasons[name] = event.data["reason"]
    assert reasons["wrong"] == "password"
    assert reasons["unknown"] == reasons["unknown, by name"] == reasons["no address"] == "unknown"
    assert reasons["right, but suspended"] == "suspended"
    assert reasons["wrong and suspended"] == "password"


async def test_every_account_known_or_not_is_locked_after_as_many_failures(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    people = await _people(rt)
    seen = {}
    for name in ("wrong", "wrong, by name", "unknown", "unknown, by name", "no address",
                 "right, but suspended", "right, but suspended, by name"):  # fmt: skip
        answers = [await client.post(f"{API}/auth/signin", json=people[name]) for _ in range(7)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 2, name
        seen[name] = Seen.of(answers[-1])
        clock.advance(minutes=15)
    assert len(set(seen.values())) == 1, seen
    assert len(await events(rt, "signin.limited")) == len(seen)


@pytest.mark.settings(signup={"verification": "required"})
async def test_an_unverified_account_shows_itself_only_to_its_password(
    client: httpx.AsyncClient,
) -> None:
    body = {"email": "alice@example.com", "password": PASSWORD}
    signed_up = await client.post(f"{API}/auth/signup", json=body)
    assert signed_up.json().keys() == {"user"}
    right = await client.post(f"{API}/auth/signin", json=body)
    assert problem(right) == (403, "email-unverified")
    wrong = await client.post(f"{API}/auth/signin", json={**body, "password": WRONG})
    unknown = await client.post(f"{API}/auth/signin", json={**body, "email": "b@example.com"})
    assert Seen.of(wrong) == Seen.of(unknown)
    assert problem(wrong) == (401, "invalid-credentials")


@pytest.mark.settings(signup={"mode": "closed"})
async def test_a_closed_sign_up_tells_nothing_of_who_is_there(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt, "known@example.com", username="known")
    seen = set()
    for email, name in (("known@example.com", "free"), ("free@example.com", "known"),
                        ("free@example.com", "free")):  # fmt: skip
        body = {"email": email, "username": name, "password": PASSWORD}
        response = await client.post(f"{API}/auth/signup", json=body)
        assert problem(response) == (403, "signup-closed")
        seen.add(Seen.of(response))
    assert len(seen) == 1


async def test_every_refused_refresh_looks_the_same(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    used = (await a_session(rt)).tokens.refresh_token
    await client.post(f"{API}/auth/refresh", json={"refresh_token": used})
    clock.advance(minutes=1)
    logged_out = (await sign_up(client))["tokens"]["refresh_token"]
    await client.post(f"{API}/auth/logout", json={"refresh_token": logged_out})
    tokens = {"used": used, "logged out": logged_out, "unknown": UNKNOWN_REFRESH_TOKEN}
    tokens |= {"no token": "no token", "empty": ""}
    seen = {}
    for name, token in tokens.items():
        response = await client.post(f"{API}/auth/refresh", json={"refresh_token": token})
        assert problem(response) == (401, "invalid-refresh-token"), name
        seen[name] = Seen.of(response)
    assert len(set(seen.values())) == 1, seen


async def test_a_session_of_somebody_else_looks_like_none(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    mine, theirs = await a_session(rt), await a_session(rt)
    seen = set()
    for id in (theirs.session_id, f"ses_{'0' * 26}", theirs.user.id, "x", "ses_", "%00", "..%2f"):
        response = await client.delete(f"{API}/sessions/{id}", headers=mine.bearer)
        if "/" not in id and "%2f" not in id:
            assert problem(response) == (404, "not-found"), id
            seen.add(Seen.of(response))
        assert response.status_code in (404, 405)
    assert len(seen) == 1
