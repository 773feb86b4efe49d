"""The attacker writes a new address into every request, so that no budget of theirs is used up.

X-Forwarded-For and its relatives are written by whoever likes to. They are believed only from a
proxy that the settings name, and then only as far as that proxy itself wrote them.
"""

import httpx
import pytest
from conftest import ClientAt
from factories import events, problem, signup_body

from attacks.surface import API
from ostiary.runtime import Runtime

FEW = {"signups": 3, "signin_attempts": 3}
BEHIND_PROXIES = pytest.mark.settings(
    limits=FEW, trusted_proxies=("10.0.0.0/8", "2001:db8:ffff::/48")
)
HEADERS = ["X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP",
           "X-Client-IP", "X-Cluster-Client-IP", "X-Original-Forwarded-For"]  # fmt: skip


async def _sign_up(client: httpx.AsyncClient, number: int, *forwarded: str) -> int:
    headers = [("X-Forwarded-For", line) for line in forwarded]
    body = signup_body(email=f"u{number}@example.com")
    response = await client.post(f"{API}/auth/signup", json=body, headers=headers)
    return response.status_code


@pytest.mark.settings(limits=FEW)
@pytest.mark.parametrize("header", HEADERS)
async def test_a_header_gives_no_new_address(
    rt: Runtime, client: httpx.AsyncClient, header: str
) -> None:
    statuses = []
    for number in range(6):
        value = f"for=192.0.2.{number}" if header == "Forwarded" else f"192.0.2.{number}"
        body = signup_body(email=f"u{number}@example.com")
        response = await client.post(f"{API}/auth/signup", json=body, headers={header: value})
        statuses.append(response.status_code)
    assert statuses == [201, 201, 201, 429, 429, 429]
    assert {row.ip_address for row in await events(rt)} == {"203.0.113.7"}


@pytest.mark.settings(limits=FEW)
async def test_sign_ins_are_counted_by_the_true_address_too(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    answers = []
    for number in range(5):
        # Spraying: one guess at each account, from an address of its own each time.
        body = {"email": f"u{number}@example.com", "password": "Spring2026!"}
        headers = {"X-Forwarded-For": f"192.0.2.{number}"}
        answers.append(await client.post(f"{API}/auth/signin", json=body, headers=headers))
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert problem(answers[-1]) == (429, "too-many-requests")
    assert int(answers[-1].headers["retry-after"]) == 900
    limited = await events(rt, "signin.limited")
    assert [row.data for row in limited] == [{"budget": "signin-address"}]


@BEHIND_PROXIES
async def test_behind_a_proxy_what_the_client_wrote_counts_for_nothing(
    client_at: ClientAt,
) -> None:
    proxy = client_at("10.0.0.1")
    statuses = [
        await _sign_up(proxy, number, f"192.0.2.{number}, 203.0.113.9") for number in range(5)
    ]
    assert statuses == [201, 201, 201, 429, 429]
    # In a line of its own, which the proxy's stands behind (RFC 9110 §5.3).
    assert await _sign_up(proxy, 6, "192.0.2.66", "203.0.113.9") == 429


@BEHIND_PROXIES
async def test_behind_a_proxy_each_client_has_a_budget_of_its_own(client_at: ClientAt) -> None:
    proxy = client_at("10.0.0.1")
    for number in range(4):
        await _sign_up(proxy, number, "203.0.113.9")
    assert await _sign_up(proxy, 5, "203.0.113.9") == 429
    assert await _sign_up(proxy, 6, "203.0.113.10") == 201


@BEHIND_PROXIES
async def test_two_proxies_in_a_row_are_seen_through(rt: Runtime, client_at: ClientAt) -> None:
    outer = client_at("2001:db8:ffff::1")
    for number in range(3):
        line = f"192.0.2.{number}, 203.0.113.9, 10.1.2.{number}"
        assert await _sign_up(outer, number, line) == 201
    assert await _sign_up(outer, 4, "192.0.2.99, 203.0.113.9", "10.9.9.9") == 429
    created = await events(rt, "user.created")
    assert {row.ip_address for row in created} == {"203.0.113.9"}


@BEHIND_PROXIES
async def test_a_stranger_who_claims_to_come_through_a_proxy_is_not_believed(
    client_at: ClientAt,
) -> None:
    stranger = client_at("203.0.113.7")
    statuses = [
        await _sign_up(stranger, number, f"192.0.2.{number}, 10.0.0.1") for number in range(5)
    ]
    assert statuses == [201, 201, 201, 429, 429]


@BEHIND_PROXIES
@pytest.mark.parametrize(
    "forged",
    ["", ",", "unknown", "_hidden", "999.1.1.1", "1.2.3", "203.0.113.9:80", "' OR 1=1", "a" * 9000,
     "127.0.0.1,", "::ffff:", "[::1", "for=203.0.113.9", "\u00e9", ",".join(["1.1.1.1"] * 2000)],
    ids=lambda forged: ascii(forged)[:24],
)  # fmt: skip
async def test_a_malformed_list_of_addresses_is_no_way_around(
    client_at: ClientAt, forged: str
) -> None:
    proxy = client_at("10.0.0.1")
    statuses = []
    for number in range(5):
        headers = {b"X-Forwarded-For": forged.encode("latin-1")}
        body = signup_body(email=f"u{number}@example.com")
        response = await proxy.post(f"{API}/auth/signup", json=body, headers=headers)
        statuses.append(response.status_code)
    assert statuses == [201, 201, 201, 429, 429]


@BEHIND_PROXIES
async def test_a_session_remembers_the_true_address(rt: Runtime, client_at: ClientAt) -> None:
    proxy = client_at("10.0.0.1")
    headers = {"X-Forwarded-For": "127.0.0.1, 203.0.113.9"}
    answer = await proxy.post(f"{API}/auth/signup", json=signup_body(), headers=headers)
    bearer = {"Authorization": f"Bearer {answer.json()['tokens']['access_token']}"}
    (session,) = (await proxy.get(f"{API}/sessions", headers=bearer)).json()["items"]
    assert session["ip_address"] == "203.0.113.9"
