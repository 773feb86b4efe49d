"""The attacker knows a victim's address and fails to sign in until nobody may, victim included.

A device that the victim has signed in on before has a budget of its own, which nobody else can
spend. From a device that is not known the account stays shut until the window has passed.
"""

import httpx
import pytest
from clock import OwnedClock
from conftest import ClientAt
from factories import PASSWORD, SignedIn, a_session, a_user, events, problem

from attacks.surface import API
from ostiary.runtime import Runtime

WRONG = "wrong guess"


async def _attack(attacker: httpx.AsyncClient, email: str, times: int = 6) -> None:
    for _ in range(times):
        last = await attacker.post(f"{API}/auth/signin", json={"email": email, "password": WRONG})
    assert last.status_code == 429


def _body(session: SignedIn, **changes: str | None) -> dict[str, str | None]:
    own = {"password": PASSWORD, "device_token": session.device_token}
    return {"email": session.user.email, **own, **changes}


async def test_a_known_device_is_not_locked_out_by_others(
    rt: Runtime, client: httpx.AsyncClient, client_at: ClientAt
) -> None:
    victim = await a_session(rt)
    await _attack(client_at("198.51.100.66"), victim.user.email)
    known = await client.post(f"{API}/auth/signin", json=_body(victim))
    assert known.status_code == 200
    unknown = await client.post(f"{API}/auth/signin", json=_body(victim, device_token=None))
    assert problem(unknown) == (429, "too-many-requests")
    assert len(await events(rt, "signin.limited")) == 1


async def test_a_known_device_has_no_more_guesses_than_any_other(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    victim = await a_session(rt)
    body = _body(victim, password=WRONG)
    statuses = [(await client.post(f"{API}/auth/signin", json=body)).status_code for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    right = await client.post(f"{API}/auth/signin", json=_body(victim))
    assert problem(right) == (429, "too-many-requests")
    clock.advance(seconds=int(right.headers["retry-after"]))
    assert (await client.post(f"{API}/auth/signin", json=_body(victim))).status_code == 200


async def test_each_known_device_has_a_budget_of_its_own(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    user = await a_user(rt)
    laptop, phone = await a_session(rt, user), await a_session(rt, user)
    for _ in range(6):
        stolen = await client.post(f"{API}/auth/signin", json=_body(laptop, password=WRONG))
    assert stolen.status_code == 429
    assert (await client.post(f"{API}/auth/signin", json=_body(phone))).status_code == 200


@pytest.mark.parametrize("fault", ["secret", "id", "other user's", "none", "empty"])
async def test_a_device_token_that_is_not_the_victims_opens_no_second_budget(
    rt: Runtime, client: httpx.AsyncClient, fault: str
) -> None:
    victim, attacker = await a_session(rt), await a_session(rt)
    kind, id, secret = str(victim.device_token).split(".")
    forged = {
        "secret": f"{kind}.{id}.{'A' * 43}",
        "id": f"{kind}.dev_{'0' * 26}.{secret}",
        "other user's": attacker.device_token,
        "none": None,
        "empty": "",
    }[fault]
    await _attack(client, victim.user.email)
    body = _body(victim, device_token=forged)
    response = await client.post(f"{API}/auth/signin", json=body)
    assert problem(response) == (429, "too-many-requests")


async def test_another_spelling_of_the_address_opens_no_second_budget(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt, "Zo\u00eb@b\u00fccher.example")
    await _attack(client, "zo\u00eb@b\u00fccher.example")
    for email in ("ZOE\u0308@B\u00dcCHER.example", " zo\u00eb@xn--bcher-kva.example ",
                  "zo\u00eb@b\u00fccher\u3002example"):  # fmt: skip
        body = {"email": email, "password": PASSWORD}
        response = await client.post(f"{API}/auth/signin", json=body)
        assert problem(response) == (429, "too-many-requests"), ascii(email)


async def test_another_address_of_the_attackers_opens_no_second_budget(
    rt: Runtime, client_at: ClientAt
) -> None:
    victim = await a_user(rt)
    body = {"email": victim.email, "password": WRONG}
    statuses = [
        (await client_at(f"198.51.100.{number}").post(f"{API}/auth/signin", json=body)).status_code
        for number in range(7)
    ]
    assert statuses == [401] * 5 + [429] * 2


async def test_a_success_of_the_victim_gives_the_attacker_no_new_guesses(
    rt: Runtime, client: httpx.AsyncClient, client_at: ClientAt
) -> None:
    victim = await a_session(rt)
    attacker = client_at("198.51.100.66")
    await _attack(attacker, victim.user.email)
    assert (await client.post(f"{API}/auth/signin", json=_body(victim))).status_code == 200
    guess = {"email": victim.user.email, "password": WRONG}
    assert (await attacker.post(f"{API}/auth/signin", json=guess)).status_code == 429


async def test_others_failures_end_no_session(rt: Runtime, client: httpx.AsyncClient) -> None:
    victim = await a_session(rt)
    await _attack(client, victim.user.email)
    assert (await client.get(f"{API}/auth/me", headers=victim.bearer)).status_code == 200
    body = {"refresh_token": victim.tokens.refresh_token}
    assert (await client.post(f"{API}/auth/refresh", json=body)).status_code == 200
