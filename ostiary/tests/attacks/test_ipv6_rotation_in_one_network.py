"""The attacker has one cheap server, and with it 2^64 IPv6 addresses: a new one a request.

Budgets count the /64, which one customer holds (RFC 6177). An IPv4 address spelled as an IPv6 one
(RFC 4291 §2.5.5.2) is the same client, not a second one.
"""

import pytest
from conftest import ClientAt
from factories import events, signup_body

from attacks.surface import API
from ostiary.runtime import Runtime

FEW = {"signups": 3, "signin_attempts": 3}


async def _statuses(client_at: ClientAt, addresses: list[str], start: int = 0) -> list[int]:
    statuses = []
    for number, address in enumerate(addresses, start):
        body = signup_body(email=f"u{number}@example.com")
        response = await client_at(address).post(f"{API}/auth/signup", json=body)
        statuses.append(response.status_code)
    return statuses


@pytest.mark.settings(limits=FEW)
async def test_one_network_of_64_bits_has_one_budget(client_at: ClientAt) -> None:
    addresses = ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:0DB8:1:2:3:4:5:6",
                 "2001:db8:1:2:a::", "2001:db8:1:2::1%eth0"]  # fmt: skip
    assert await _statuses(client_at, addresses) == [201, 201, 201, 429, 429]


@pytest.mark.settings(limits=FEW)
async def test_the_next_network_has_a_budget_of_its_own(client_at: ClientAt) -> None:
    used_up = [f"2001:db8:1:2::{number:x}" for number in range(4)]
    assert await _statuses(client_at, used_up) == [201, 201, 201, 429]
    neighbours = ["2001:db8:1:3::1", "2001:db8:1:1::1"]
    assert await _statuses(client_at, neighbours, 10) == [201, 201]


@pytest.mark.settings(limits=FEW)
async def test_an_ipv4_address_has_one_budget_in_every_spelling(
    rt: Runtime, client_at: ClientAt
) -> None:
    spellings = ["203.0.113.7", "::ffff:203.0.113.7", "::ffff:cb00:7107",
                 "0:0:0:0:0:FFFF:203.0.113.7", "203.0.113.7"]  # fmt: skip
    assert await _statuses(client_at, spellings) == [201, 201, 201, 429, 429]
    assert {row.ip_address for row in await events(rt)} == {"203.0.113.7"}


@pytest.mark.settings(limits=FEW)
async def test_mapped_addresses_do_not_share_one_budget(client_at: ClientAt) -> None:
    # All of IPv4 lies in one /64 of IPv6: counted there, one attacker would lock everybody out.
    used_up = ["::ffff:203.0.113.7"] * 4
    assert await _statuses(client_at, used_up) == [201, 201, 201, 429]
    assert await _statuses(client_at, ["::ffff:203.0.113.8", "203.0.113.9"], 10) == [201, 201]


@pytest.mark.settings(limits=FEW, trusted_proxies=("10.0.0.0/8",))
async def test_a_rotation_behind_a_proxy_is_counted_as_well(client_at: ClientAt) -> None:
    statuses = []
    for number in range(5):
        headers = {"X-Forwarded-For": f"2001:db8:1:2::{number:x}"}
        body = signup_body(email=f"u{number}@example.com")
        # The proxy itself may be met over either family.
        proxy = client_at("10.0.0.1" if number % 2 else "::ffff:10.0.0.1")
        response = await proxy.post(f"{API}/auth/signup", json=body, headers=headers)
        statuses.append(response.status_code)
    assert statuses == [201, 201, 201, 429, 429]


@pytest.mark.settings(limits=FEW)
async def test_sign_in_attempts_are_counted_by_network_too(client_at: ClientAt) -> None:
    statuses = []
    for number in range(5):
        body = {"email": f"u{number}@example.com", "password": "Spring2026!"}
        attacker = client_at(f"2001:db8:1:2::{number:x}")
        statuses.append((await attacker.post(f"{API}/auth/signin", json=body)).status_code)
    assert statuses == [401, 401, 401, 429, 429]
