"""The attacker presents one kind of token where another is asked for.

A stolen access token as a refresh token would live for ninety days; a device token, which an
application may keep carelessly, as a bearer would open the account. Each is good for one thing,
also under another's prefix.
"""

import httpx
import pytest
from factories import PASSWORD, SignedIn, a_session, a_user, events, problem

from attacks.surface import API, assert_accepted, assert_refused_everywhere
from ostiary.runtime import Runtime

REFUSED = (401, "invalid-refresh-token")


async def _everything(rt: Runtime) -> tuple[SignedIn, dict[str, str]]:
    """A session, and all the tokens that its client holds by kind."""
    session = await a_session(rt)
    assert session.device_token is not None
    return session, {
        "access": session.tokens.access_token,
        "refresh": session.tokens.refresh_token,
        "device": session.device_token,
    }


def _relabelled(token: str, *, kind: str, other: str) -> list[str]:
    """`token` as if it were of `kind`: by its prefix, by the secret of one, by the id of one."""
    _, id, secret = token.split(".")
    _, other_id, other_secret = other.split(".")
    return [f"{kind}.{id}.{secret}", f"{kind}.{other_id}.{secret}", f"{kind}.{id}.{other_secret}"]


async def test_only_an_access_token_is_a_bearer(rt: Runtime, client: httpx.AsyncClient) -> None:
    session, held = await _everything(rt)
    for token in (held["refresh"], held["device"]):
        await assert_refused_everywhere(client, token)
    for token in (session.session_id, session.user.id):
        await assert_refused_everywhere(client, token)
    await assert_accepted(client, held["access"])


@pytest.mark.parametrize("path", ["auth/refresh", "auth/logout", "auth/signout"])
async def test_only_a_refresh_token_refreshes_or_logs_out(
    rt: Runtime, client: httpx.AsyncClient, path: str
) -> None:
    _, held = await _everything(rt)
    device, refresh = held["device"], held["refresh"]
    wrong = [held["access"], device, *_relabelled(device, kind="ostrt", other=refresh)]
    for token in wrong:
        response = await client.post(f"{API}/{path}", json={"refresh_token": token})
        assert problem(response) == REFUSED, token
    await assert_accepted(client, held["access"])
    right = await client.post(f"{API}/{path}", json={"refresh_token": refresh})
    assert right.status_code in (200, 204)


async def test_a_refused_token_of_another_kind_revokes_nothing(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    _, held = await _everything(rt)
    for token in _relabelled(held["device"], kind="ostrt", other=held["refresh"]):
        response = await client.post(f"{API}/auth/refresh", json={"refresh_token": token})
        assert problem(response) == REFUSED
    assert await events(rt, "session.revoked", "token.reuse_detected") == []


async def test_only_a_device_token_makes_a_device_known(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    session, held = await _everything(rt)
    credentials = {"email": session.user.email, "password": PASSWORD}
    wrong = [
        held["access"],
        held["refresh"],
        *_relabelled(held["refresh"], kind="ostdt", other=held["device"]),
        held["device"].upper(),
        f" {held['device']}",
        f"{held['device']}=",
        "ostdt..",
        "%",
    ]
    for token in wrong:
        body = {**credentials, "device_token": token}
        answer = await client.post(f"{API}/auth/signin", json=body)
        # A device token decides no sign-in: the password does. But this device is a new one.
        assert answer.status_code == 200, token
        assert answer.json()["device_token"] not in (None, held["device"]), token
    body = {**credentials, "device_token": held["device"]}
    known = await client.post(f"{API}/auth/signin", json=body)
    assert known.json()["device_token"] is None


async def test_a_device_token_alone_signs_nobody_in(rt: Runtime, client: httpx.AsyncClient) -> None:
    session, held = await _everything(rt)
    body = {"email": session.user.email, "password": "wrong guess", "device_token": held["device"]}
    response = await client.post(f"{API}/auth/signin", json=body)
    assert problem(response) == (401, "invalid-credentials")


async def test_a_device_is_known_for_its_own_user_only(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    attacker, victim = await a_session(rt), await a_user(rt)
    body = {"email": victim.email, "password": PASSWORD, "device_token": attacker.device_token}
    answer = await client.post(f"{API}/auth/signin", json=body)
    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == victim.id
    assert answer.json()["device_token"] not in (None, attacker.device_token)


async def test_a_refresh_token_gives_tokens_of_its_own_session_only(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    mine, victim = await a_session(rt), await a_session(rt)
    _, my_id, my_secret = mine.tokens.refresh_token.split(".")
    _, their_id, their_secret = victim.tokens.refresh_token.split(".")
    for token in (f"ostrt.{their_id}.{my_secret}", f"ostrt.{my_id}.{their_secret}"):
        response = await client.post(f"{API}/auth/refresh", json={"refresh_token": token})
        assert problem(response) == REFUSED
    body = {"refresh_token": mine.tokens.refresh_token}
    renewed = (await client.post(f"{API}/auth/refresh", json=body)).json()
    headers = {"Authorization": f"Bearer {renewed['access_token']}"}
    me = (await client.get(f"{API}/auth/me", headers=headers)).json()
    assert me["id"] == mine.user.id
