"""A person mistypes their password on a form of an application, and is thrown out of it.

Clients take 401 for a lost session: they drop the tokens and ask for a new sign-in. With a good
access token, a wrong password or code is 422 on every route; 401 refuses the access token alone.
"""

import re

import httpx
import pytest
from factories import a_session, problem

from attacks.surface import API, GUARDED, Route
from ostiary.runtime import Runtime

WRONG = {"password": "not this one", "current_password": "not this one", "code": "000000"}
BEARER = {"missing-token", "invalid-token"}
# These take something else than a bearer too, and refuse it by a status of its own.
OTHERS = {
    "POST /api/v1/auth/logout": {"invalid-refresh-token"},
    "POST /api/v1/auth/mfa/totp/setup": {"attempt-invalid"},
    "POST /api/v1/auth/mfa/totp/confirm": {"attempt-invalid", "invalid-code"},
}


@pytest.mark.parametrize("route", GUARDED, ids=str)
async def test_no_route_answers_a_wrong_proof_with_401(
    rt: Runtime, client: httpx.AsyncClient, route: Route
) -> None:
    who = await a_session(rt)
    takes_proof = bool(WRONG.keys() & route.body.keys())
    body = {name: WRONG.get(name, value) for name, value in route.body.items()}
    wrong = Route(route.method, route.path, body, is_guarded=True)
    answer = await wrong.call(client, who.bearer)
    assert answer.status_code != 401, answer.text
    if takes_proof:
        assert problem(answer) == (422, "incorrect-proof")
        assert "www-authenticate" not in answer.headers
        [fault] = answer.json()["errors"]
        assert fault["pointer"].removeprefix("/") in WRONG
        assert fault["code"] == "incorrect"
        assert fault["detail"].endswith(": this is not right. Enter it again.")
        assert (await client.get(f"{API}/auth/me", headers=who.bearer)).status_code == 200


async def test_the_document_promises_it_for_every_route_with_a_bearer(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()
    met = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            if {"bearer": []} in operation.get("security", []) or name in OTHERS:
                met.add(name)
                refused = operation["responses"]["401"]["description"]
                slugs = set(re.findall(r"`([a-z-]+)`:", refused))
                assert slugs == BEARER | OTHERS.get(name, set()), name
    assert OTHERS.keys() < met
    assert len(met) == len({(one.method, one.path) for one in GUARDED}) - 2  # two are aliases
