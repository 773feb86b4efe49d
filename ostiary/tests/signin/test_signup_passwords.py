"""New passwords: length is the rule, common ones and one's own names are refused."""

from typing import Any

import httpx
import pytest
from factories import problem, signup_body

SIGNUP = "/api/v1/auth/signup"


async def _refusal(client: httpx.AsyncClient, **changes: Any) -> str:
    """What is wrong with the password, in words."""
    answer = await client.post(SIGNUP, json=signup_body(**changes))
    assert problem(answer) == (422, "validation")
    [fault] = answer.json()["errors"]
    assert fault["pointer"] == "/password"
    return str(fault["detail"])


@pytest.mark.parametrize("password", ["a", "1234567", "ünïcöd7", "👩‍👩‍👧"])
async def test_fewer_than_eight_characters_are_refused(
    client: httpx.AsyncClient, password: str
) -> None:
    assert "8 characters" in await _refusal(client, password=password)


@pytest.mark.parametrize(
    "password", ["qzvkwxjy", "        ", "ünïcöd78", "12 34 5x", "q" * 8 + "é"]
)
async def test_eight_characters_of_any_kind_are_enough(
    client: httpx.AsyncClient, password: str
) -> None:
    answer = await client.post(SIGNUP, json=signup_body(password=password))
    assert answer.status_code == 201, answer.text
    again = await client.post("/api/v1/auth/signin", json=signup_body(password=password))
    assert again.json()["user"]["id"] == answer.json()["user"]["id"]


@pytest.mark.settings(password={"min_length": 15})
async def test_the_least_length_is_a_setting(client: httpx.AsyncClient) -> None:
    assert "15 characters" in await _refusal(client, password="fourteen chars")
    answer = await client.post(SIGNUP, json=signup_body(password="fifteen chars !"))
    assert answer.status_code == 201


async def test_the_length_is_counted_after_composition(client: httpx.AsyncClient) -> None:
    # Eight code points as typed, four characters as they are checked.
    assert "8 characters" in await _refusal(client, password="u\u0308" * 4)


@pytest.mark.parametrize("password", ["password", "PASSWORD", "12345678", "Qwertyuiop", "iloveyou"])
async def test_a_common_password_is_refused_in_any_case(
    client: httpx.AsyncClient, password: str
) -> None:
    assert "common" in await _refusal(client, password=password)


@pytest.mark.parametrize(
    "password",
    [
        "alexandra@example.com",
        "ALEXANDRA@EXAMPLE.COM",
        "alexandra",
        "Al_Liddell",
        "Christina",
        "LIDDELLSON",
        "Christina Liddellson",
        "ChristinaLiddellson",
        "liddellson christina",
    ],
)
async def test_one_s_own_address_or_name_is_refused(
    client: httpx.AsyncClient, password: str
) -> None:
    refusal = await _refusal(
        client,
        email="alexandra@example.com",
        username="al_liddell",
        first_name="Christina",
        last_name="Liddellson",
        password=password,
    )
    assert "own" in refusal
