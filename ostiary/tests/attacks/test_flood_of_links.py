"""The attacker sends wrong links without end, to fill the log or to find a good one.

Each address has its attempts; what is refused costs nobody else anything.
"""

import httpx
import pytest
from conftest import ClientAt
from factories import events, problem
from inbox import Mailbox
from links import API, forget, last_token, verified, verify

from attacks.surface import WITH_BODY, Route
from ostiary.runtime import Runtime

# A sign-in by link is refused for the attempt that it is not part of, before the link is looked at.
ROUTES = [
    route for route in WITH_BODY if "token" in route.body and "attempt_token" not in route.body
]


@pytest.mark.settings(limits={"signin_attempts": 3})
@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_an_address_has_its_attempts(
    rt: Runtime, client: httpx.AsyncClient, client_at: ClientAt, route: Route
) -> None:
    codes = [(await route.send(client, json=route.body)).status_code for _ in range(5)]
    assert codes == [400, 400, 400, 429, 429]
    assert len(await events(rt, "link.refused")) == 3
    assert len(await events(rt, "link.limited")) == 1
    elsewhere = await route.send(client_at("198.51.100.9"), json=route.body)
    assert problem(elsewhere) == (400, "token-invalid")


@pytest.mark.settings(limits={"signin_attempts": 2})
async def test_a_good_link_costs_nothing(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    for name in ("a", "b", "c", "d"):
        await verified(rt, client, mailbox, f"{name}@example.com")
    await forget(client, "a@example.com")
    token = await last_token(rt, mailbox, "a@example.com")
    assert problem(await verify(client, token)) == (400, "token-invalid")
    body = {"token": token, "new_password": "another horse"}
    assert (await client.post(f"{API}/password/reset", json=body)).status_code == 204
