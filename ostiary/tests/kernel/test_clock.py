"""All time comes from the runtime's clock."""

from datetime import UTC, datetime, timedelta

import httpx
from clock import OwnedClock
from factories import a_session, sign_up

from ostiary.kernel.clock import SystemClock
from ostiary.runtime import Runtime


def test_the_machines_clock_tells_utc_and_goes_on() -> None:
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert first.utcoffset() == timedelta(0)
    assert first <= second <= clock.now()


async def test_every_instant_on_the_wire_is_the_runtimes(
    client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    clock.advance(days=400, microseconds=123456)
    signed_up = await sign_up(client)
    for member in ("created_at", "updated_at", "last_sign_in_at"):
        assert signed_up["user"][member].endswith("Z")
        assert datetime.fromisoformat(signed_up["user"][member]) == clock.now()


async def test_a_clock_set_back_makes_nothing_that_was_used_usable(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    signed_in = await a_session(rt)
    body = {"refresh_token": signed_in.tokens.refresh_token}
    successor = (await client.post("/api/v1/auth/refresh", json=body)).json()
    successor = {"refresh_token": successor["refresh_token"]}
    assert (await client.post("/api/v1/auth/refresh", json=successor)).status_code == 200
    clock.advance(hours=-1)
    assert clock.now().tzinfo is UTC
    assert (await client.post("/api/v1/auth/refresh", json=body)).status_code == 401


async def test_a_clock_set_back_breaks_nothing(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    signed_in = await a_session(rt)
    clock.advance(hours=-1)
    again = await a_session(rt, signed_in.user)
    for one in (signed_in, again):
        me = await client.get("/api/v1/auth/me", headers=one.bearer)
        assert me.json()["id"] == signed_in.user.id
