"""What happened is written in the transaction in which it happened, and tells no secret."""

import asyncio
import json
import re

import httpx
import pytest
from factories import (
    PASSWORD,
    a_session,
    a_suspended_user,
    a_user,
    an_origin,
    events,
    problem,
    sign_up,
    signup_body,
)

from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.origin import LOCAL
from ostiary.runtime import Runtime

API = "/api/v1"


@pytest.mark.parametrize("type", EventType)
def test_every_type_is_named_and_explained(type: EventType) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", type.value)
    assert type.meaning.endswith(".")
    assert len(type.value) <= 64


async def test_an_event_tells_who_what_whom_where_and_when(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    signed_up = await client.post(f"{API}/auth/signup", json=signup_body())
    user = signed_up.json()["user"]["id"]
    [created] = await events(rt, "user.created")
    assert created.subject == user
    assert created.at == rt.clock.now()
    assert created.ip_address == "203.0.113.7"
    assert created.request_id == signed_up.headers["x-request-id"]
    assert created.id.startswith("evt_")
    [opened] = await events(rt, "session.opened")
    assert (opened.actor, opened.subject, opened.request_id) == (user, user, created.request_id)
    assert opened.session_id.startswith("ses_")
    assert opened.data["amr"] == ["pwd"]


async def test_what_is_taken_back_has_not_happened(rt: Runtime) -> None:
    async def fail() -> None:
        async with rt.db.write() as tx:
            await emit(tx, rt.clock.now(), an_origin(), Happened(EventType.USER_CREATED))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await events(rt) == []


async def test_a_refused_sign_up_leaves_its_refusal_and_nothing_else(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await sign_up(client)
    before = len(await events(rt))
    again = await client.post(f"{API}/auth/signup", json=signup_body(email="ALICE@example.com"))
    assert problem(again) == (409, "email-taken")
    assert len(await events(rt)) == before + 1
    [refused] = await events(rt, "signup.refused")
    assert (refused.subject, refused.data) == (None, {"reason": "email-taken"})


async def test_events_of_the_command_line_have_no_address(rt: Runtime) -> None:
    async with rt.db.write() as tx:
        await emit(tx, rt.clock.now(), LOCAL, Happened(EventType.KEY_ADDED, data={"kid": "k"}))
    [event] = await events(rt)
    assert (event.ip_address, event.request_id, event.data) == (None, None, {"kid": "k"})


async def test_nothing_and_several_at_once_may_have_happened(rt: Runtime) -> None:
    async with rt.db.write() as tx:
        await emit(tx, rt.clock.now(), LOCAL, [])
        await emit(tx, rt.clock.now(), LOCAL, [Happened(EventType.KEY_ADDED)] * 3)
    logged = await events(rt)
    assert len({event.id for event in logged}) == 3


@pytest.mark.parametrize(
    ("email", "password", "reason"),
    [
        ("nobody@example.com", PASSWORD, "unknown"),
        ("alice@example.com", "wrong wrong", "password"),
        ("shut@example.com", PASSWORD, "suspended"),
    ],
)
async def test_a_failed_sign_in_is_one_event_with_its_reason(
    rt: Runtime, client: httpx.AsyncClient, email: str, password: str, reason: str
) -> None:
    await a_user(rt, "alice@example.com")
    await a_suspended_user(rt, "shut@example.com")
    body = {"email": email, "password": password}
    assert problem(await client.post(f"{API}/auth/signin", json=body))[0] == 401
    [failed] = await events(rt, "signin.failed")
    assert failed.data == {"reason": reason}
    assert (failed.subject is None) == (reason == "unknown")
    assert failed.actor is None


async def test_a_flood_of_refusals_is_one_event_a_window(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    body = {"email": "nobody@example.com", "password": "wrong wrong"}
    answers = [await client.post(f"{API}/auth/signin", json=body) for _ in range(25)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 20
    assert len(await events(rt, "signin.limited")) == 1
    assert len(await events(rt, "signin.failed")) == 5


async def test_no_event_holds_a_secret_or_what_somebody_typed(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    signed_up = await sign_up(client, username="alice-in-chains", first_name="Alicia")
    await client.post(f"{API}/auth/signup", json=signup_body())
    typed = {"email": "typed@example.com", "password": "typed password"}
    await client.post(f"{API}/auth/signin", json=typed)
    signed_in = await a_session(rt)
    await client.patch(
        f"{API}/users/me", headers=signed_in.bearer, json={"display_name": "Shown Name"}
    )
    body = {"refresh_token": signed_in.tokens.refresh_token}
    refreshed = (await client.post(f"{API}/auth/refresh", json=body)).json()
    await client.post(f"{API}/auth/refresh", json=body)
    await client.post(f"{API}/auth/logout", headers=signed_in.bearer)
    logged = json.dumps([dict(event._mapping) for event in await events(rt)], default=str)
    assert "user.updated" in logged
    assert "token.retried" in logged
    tokens = [*signed_up["tokens"].values(), *refreshed.values(), signed_up["device_token"]]
    secrets = [part for token in map(str, tokens) for part in token.split(".") if len(part) > 40]
    assert len(secrets) > 6
    names = ["alice", "typed", "Alicia", "Shown", "example.com", PASSWORD, "typed password"]
    for secret in [*names, *secrets]:
        assert secret not in logged


async def test_parallel_changes_lose_no_event(rt: Runtime, client: httpx.AsyncClient) -> None:
    signed_in = await a_session(rt)
    answers = await asyncio.gather(
        *(
            client.patch(
                f"{API}/users/me", headers=signed_in.bearer, json={"first_name": f"A{number}"}
            )
            for number in range(20)
        )
    )
    assert [answer.status_code for answer in answers] == [200] * 20
    assert len(await events(rt, "user.updated")) == 20
