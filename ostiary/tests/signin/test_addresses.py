"""An address is stored as given, trimmed; only its key is folded."""

import httpx
import pytest
from factories import problem, sign_up, signup_body


@pytest.mark.parametrize(
    "given", ["Ada.Lovelace@Example.COM", "e\u0301lise@example.com", "a+tag@b\u00fccher.example"]
)
async def test_an_address_is_kept_as_it_was_given(client: httpx.AsyncClient, given: str) -> None:
    answer = await sign_up(client, email=f"  {given} ")
    assert answer["user"]["email"] == given
    again = await client.post("/api/v1/auth/signup", json=signup_body(email=given.upper()))
    assert problem(again) == (409, "email-taken")


async def test_a_name_is_kept_composed(client: httpx.AsyncClient) -> None:
    answer = await sign_up(client, first_name=" E\u0301lise ")
    assert answer["user"]["first_name"] == "\u00c9lise"
