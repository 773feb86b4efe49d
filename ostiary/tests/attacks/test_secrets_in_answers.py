"""The attacker reads answers, also those meant for others: proxies, caches and screens keep them.

A secret is handed out once, to whom it belongs, in an answer that nobody may store. No answer
holds a password, a hash, a digest, or what only administrators may see.
"""

import httpx
from factories import PASSWORD, a_session, a_user, signup_body

from attacks.surface import API
from ostiary.runtime import Runtime

INTERNAL = ("password", "hash", "argon2", "digest", "secret", "sealed", "private", "_key", "lookup")


async def _answers(rt: Runtime, client: httpx.AsyncClient) -> dict[str, httpx.Response]:
    signed_up = await client.post(f"{API}/auth/signup", json=signup_body(username="alice"))
    tokens = signed_up.json()["tokens"]
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    credentials = {"username": "alice", "password": PASSWORD}
    refresh = {"refresh_token": tokens["refresh_token"]}
    profile = {"first_name": "Alice"}
    return {
        "signup": signed_up,
        "signin": await client.post(f"{API}/auth/signin", json=credentials),
        "refresh": await client.post(f"{API}/auth/refresh", json=refresh),
        "me": await client.get(f"{API}/auth/me", headers=bearer),
        "profile": await client.patch(f"{API}/users/me", json=profile, headers=bearer),
        "sessions": await client.get(f"{API}/sessions", headers=bearer),
        "conflict": await client.post(f"{API}/auth/signup", json=signup_body()),
        "logout": await client.post(f"{API}/auth/logout", headers=bearer),
        "refused": await client.get(f"{API}/auth/me", headers=bearer),
    }


async def test_no_answer_holds_what_is_not_the_clients_to_know(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    for name, answer in (await _answers(rt, client)).items():
        assert PASSWORD not in answer.text
        for word in INTERNAL:
            assert word not in answer.text.lower(), (name, word)


async def test_no_answer_may_be_stored(rt: Runtime, client: httpx.AsyncClient) -> None:
    for name, answer in (await _answers(rt, client)).items():
        assert answer.headers["cache-control"] == "no-store", name


async def test_tokens_are_in_the_answers_that_hand_them_out_and_in_no_other(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    answers = await _answers(rt, client)
    for name in ("me", "profile", "sessions", "conflict", "logout", "refused"):
        for kind in ("ostrt.", "ostdt.", "eyJ"):
            assert kind not in answers[name].text, name
    assert "ostrt." in answers["signin"].text


async def test_no_refusal_repeats_what_it_refused(rt: Runtime, client: httpx.AsyncClient) -> None:
    session = await a_session(rt, await a_user(rt))
    typed = "Sup3rS3cretTyped"
    for path, body in (
        ("auth/signup", {"email": typed, "password": typed, "username": f"{typed}!"}),
        ("auth/signup", {"email": "a@example.com", "password": typed * 100}),
        ("auth/signin", {"email": typed, "password": [typed]}),
        ("auth/signin", {"email": [typed], "password": {"a": typed}}),
        ("auth/refresh", {"refresh_token": {"t": typed}}),
        ("auth/refresh", {"refresh_token": f"ostrt.{typed}"}),
        ("auth/logout", {"refresh_token": [typed]}),
    ):
        response = await client.post(f"{API}/{path}", json=body)
        assert response.status_code in (401, 422)
        assert typed not in response.text
    response = await client.get(f"{API}/sessions?limit={typed}", headers=session.bearer)
    assert response.status_code == 422
    assert typed not in response.text


async def test_published_keys_hold_no_private_half(rt: Runtime, client: httpx.AsyncClient) -> None:
    keys = (await client.get("/.well-known/jwks.json")).json()["keys"]
    assert keys
    for key in keys:
        assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}
