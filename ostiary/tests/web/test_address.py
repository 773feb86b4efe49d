"""The client's address is the socket's peer, unless a trusted proxy says otherwise."""

from ipaddress import ip_network

import httpx
import pytest
from conftest import ClientAt
from factories import problem, signup_body

from ostiary.web.address import client_address, network_of

PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "192.0.2.1/32", "2001:db8:f::/48")))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        # Nobody is trusted who is not named.
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.9"], "203.0.113.7"),
        ("203.0.113.7", ["10.0.0.1"], "203.0.113.7"),
        # A trusted proxy tells who asked it.
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["  203.0.113.7  "], "203.0.113.7"),
        # The right-most that is not trusted; what stands to its left is the client's invention.
        ("10.0.0.1", ["198.51.100.9, 203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.9, 203.0.113.7, 192.0.2.1, 10.1.1.1"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.9", "203.0.113.7", "10.1.1.1"], "203.0.113.7"),
        # Proxies all the way: the farthest of them.
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # What is no address ends the chain where it stands.
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.9, , 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["203.0.113.7, evil', 10.0.0.2"], "10.0.0.2"),
        # One address in another spelling.
        ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["::FFFF:CB00:7107"], "203.0.113.7"),
        ("2001:db8:f::1", ["[2001:db8:0:0::7]"], "2001:db8::7"),
        ("fe80::1%eth0", [], "fe80::1"),
        # No peer: a socket without addresses.
        ("", ["203.0.113.7"], ""),
        ("testclient", ["203.0.113.7"], ""),
    ],
)
def test_the_address_is_the_last_that_nobody_could_invent(
    peer: str, forwarded: list[str], expected: str
) -> None:
    assert client_address(peer, forwarded, PROXIES) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_an_ipv6_customer_counts_as_one_network(address: str, expected: str) -> None:
    assert network_of(address) == expected


@pytest.mark.settings(trusted_proxies="10.0.0.0/8, 2001:db8::/32", limits={"signups": 1})
@pytest.mark.parametrize(("peer", "status"), [("10.9.8.7", 201), ("203.0.113.7", 429)])
async def test_only_a_trusted_proxy_may_name_another_address(
    client_at: ClientAt, peer: str, status: int
) -> None:
    client, url = client_at(peer), "/api/v1/auth/signup"
    first = await client.post(url, json=signup_body(), headers={"X-Forwarded-For": "198.51.100.1"})
    assert first.json()["user"]["email"] == signup_body()["email"]
    body = signup_body(email="bob@example.com")
    second = await client.post(url, json=body, headers={"X-Forwarded-For": "198.51.100.2"})
    assert second.status_code == status


@pytest.mark.settings(limits={"signups": 1})
async def test_one_ipv6_network_has_one_budget(client_at: ClientAt) -> None:
    url = "/api/v1/auth/signup"
    first = await client_at("2001:db8:1:2::1").post(url, json=signup_body())
    assert first.status_code == 201
    body = signup_body(email="bob@example.com")
    near = await client_at("2001:db8:1:2:ffff::9").post(url, json=body)
    assert problem(near) == (429, "too-many-requests")
    far = await client_at("2001:db8:1:3::1").post(url, json=body)
    assert far.status_code == 201


async def test_a_session_remembers_the_address_of_the_peer(client: httpx.AsyncClient) -> None:
    forged = dict.fromkeys(("X-Forwarded-For", "X-Real-Ip", "Forwarded"), "198.51.100.9")
    signed_up = await client.post("/api/v1/auth/signup", json=signup_body(), headers=forged)
    bearer = {"Authorization": f"Bearer {signed_up.json()['tokens']['access_token']}"}
    listed = await client.get("/api/v1/sessions", headers=bearer)
    assert [one["ip_address"] for one in listed.json()["items"]] == ["203.0.113.7"]
