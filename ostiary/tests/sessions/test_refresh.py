"""Refresh tokens are single use; reuse revokes the family; a retry in time is no reuse."""

import asyncio

import httpx
import pytest
from clock import OwnedClock
from factories import a_session, events, problem
from sqlalchemy import func, select

from ostiary.runtime import Runtime
from ostiary.sessions.tables import RefreshToken

URL = "/api/v1/auth/refresh"


async def _rows(rt: Runtime) -> int:
    async with rt.db.read() as connection:
        return await connection.scalar(select(func.count()).select_from(RefreshToken)) or 0


async def test_parallel_presentations_share_one_successor(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    body = {"refresh_token": (await a_session(rt)).tokens.refresh_token}
    answers = await asyncio.gather(*(client.post(URL, json=body) for _ in range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert await _rows(rt) == 2
    assert len(await events(rt, "token.refreshed")) == 1
    assert len(await events(rt, "token.retried")) == 19


async def test_reuse_after_the_window_revokes_the_family(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    first = await a_session(rt)
    body = {"refresh_token": first.tokens.refresh_token}
    second = (await client.post(URL, json=body)).json()
    clock.advance(seconds=10)
    assert problem(await client.post(URL, json=body)) == (401, "invalid-refresh-token")
    successor = {"refresh_token": second["refresh_token"]}
    assert problem(await client.post(URL, json=successor)) == (401, "invalid-refresh-token")
    assert len(await events(rt, "token.reuse_detected")) == 1


async def test_the_window_does_not_slide(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    body = {"refresh_token": (await a_session(rt)).tokens.refresh_token}
    for _ in range(3):
        assert (await client.post(URL, json=body)).status_code == 200
        clock.advance(seconds=4)
    assert problem(await client.post(URL, json=body)) == (401, "invalid-refresh-token")


@pytest.mark.settings(refresh={"retry_window": 0})
async def test_a_window_of_zero_makes_every_retry_a_reuse(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    body = {"refresh_token": (await a_session(rt)).tokens.refresh_token}
    assert (await client.post(URL, json=body)).status_code == 200
    assert problem(await client.post(URL, json=body)) == (401, "invalid-refresh-token")
