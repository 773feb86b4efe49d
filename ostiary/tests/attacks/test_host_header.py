"""The attacker lies about where the server is, so that it makes links to theirs.

Host, X-Forwarded-Host and -Proto, Forwarded, two Hosts, an absolute address: every link and every
claim comes from `public_url`, and no answer is a redirect built from a header.
"""

import httpx
import pytest
from factories import PASSWORD, a_session, ours, problem, signup_body

from attacks.forging import claims_of
from attacks.surface import API
from ostiary.runtime import Runtime

PUBLIC = pytest.mark.settings(public_url="https://id.example.com")
EVIL = "evil.example"
LIES: dict[str, list[tuple[str, str]]] = {
    "Host": [("Host", EVIL)],
    "Host with a port": [("Host", f"{EVIL}:443")],
    "Host with a path": [("Host", f"{EVIL}/x?y#z")],
    "Host with a user": [("Host", f"id.example.com@{EVIL}")],
    "Host of nonsense": [("Host", f"{EVIL}[::1\\\\")],
    "Host with white space": [("Host", f"id.example.com {EVIL}")],
    "empty Host": [("Host", ""), ("X-Host", EVIL)],
    "two Hosts": [("Host", "id.example.com"), ("Host", EVIL)],
    "X-Forwarded-Host": [("X-Forwarded-Host", EVIL), ("X-Forwarded-Proto", "http")],
    "X-Forwarded-Server": [("X-Forwarded-Server", EVIL), ("X-Forwarded-Port", "8443")],
    "X-Original-URL": [("X-Original-URL", f"//{EVIL}/x"), ("X-Rewrite-URL", f"//{EVIL}/x")],
    "Forwarded": [("Forwarded", f"for=127.0.0.1;host={EVIL};proto=http")],
    "Origin": [("Origin", f"https://{EVIL}"), ("Referer", f"https://{EVIL}/x")],
    "X-HTTP-Method-Override": [("X-HTTP-Method-Override", "DELETE"), ("X-Forwarded-Prefix", EVIL)],
}
PATHS = ["/", "/openapi.json", "/docs", "/.well-known/jwks.json", "/health/live", "/health/ready",
         f"{API}/auth/me", f"{API}/auth/me/", f"{API}/sessions", "/problems/validation",
         "/problems/none", "/static", "/static/", f"//{EVIL}/x", f"/{EVIL}"]  # fmt: skip


@PUBLIC
@pytest.mark.parametrize("headers", LIES.values(), ids=LIES.keys())
async def test_no_answer_repeats_the_lie_or_sends_anybody_there(
    client: httpx.AsyncClient, headers: list[tuple[str, str]]
) -> None:
    for path in PATHS:
        url = httpx.URL("http://ostiary.test").copy_with(raw_path=path.encode())
        for method in ("GET", "POST", "HEAD"):
            response = ours(await client.request(method, url, headers=headers))
            assert response.status_code < 500
            assert not response.is_redirect
            assert "location" not in response.headers
            assert EVIL not in response.text
            assert EVIL not in str(response.headers)


@PUBLIC
@pytest.mark.parametrize("headers", LIES.values(), ids=LIES.keys())
async def test_links_and_claims_come_from_the_public_url(
    client: httpx.AsyncClient, headers: list[tuple[str, str]]
) -> None:
    answer = await client.post(f"{API}/auth/signup", json=signup_body(), headers=headers)
    claims = claims_of(answer.json()["tokens"]["access_token"])
    assert claims["iss"] == "https://id.example.com"
    assert claims["aud"] == "https://id.example.com/api/v1"
    refused = await client.post(f"{API}/auth/signin", json={}, headers=headers)
    assert refused.json()["type"] == "https://id.example.com/problems/validation"
    document = (await client.get("/openapi.json", headers=headers)).json()
    assert document["servers"] == [{"url": "https://id.example.com"}]


@PUBLIC
async def test_an_absolute_address_is_a_path_like_any_other(client: httpx.AsyncClient) -> None:
    response = await client.get(f"http://{EVIL}/api/v1/auth/me")
    assert problem(response) == (401, "missing-token")
    assert response.json()["type"] == "https://id.example.com/problems/missing-token"


async def test_a_method_cannot_be_overridden(rt: Runtime, client: httpx.AsyncClient) -> None:
    session = await a_session(rt)
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        headers = {**session.bearer, name: "DELETE"}
        assert (await client.get(f"{API}/sessions", headers=headers)).status_code == 200
        query = {"_method": "DELETE"}
        listed = await client.get(f"{API}/sessions", params=query, headers=headers)
        assert listed.status_code == 200
    me = await client.get(f"{API}/auth/me", headers=session.bearer)
    assert me.json()["id"] == session.user.id


async def test_a_request_id_is_the_servers_own(client: httpx.AsyncClient) -> None:
    for lie in ("req_attacker", "a\x1b[31m", "x" * 5000, "<script>"):
        headers = {"X-Request-Id": lie, "X-Correlation-Id": lie, "Traceparent": lie}
        body = {"email": "a@example.com", "password": PASSWORD}
        response = await client.post(f"{API}/auth/signin", json=body, headers=headers)
        assert response.headers["x-request-id"].startswith("req_")
        assert lie not in response.headers["x-request-id"]
        assert lie not in response.text
