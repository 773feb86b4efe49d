"""What a server sends nobody: links without a page to lead to, and more messages than it may."""

import httpx
import pytest
from factories import a_user, problem
from mfa import API

from ostiary.runtime import Runtime


async def test_a_server_without_a_page_of_its_own_sends_no_links(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt, "alice@example.com")
    response = await client.post(f"{API}/auth/magic-link", json={"email": "alice@example.com"})
    assert problem(response) == (403, "magic-link-closed")


@pytest.mark.settings(limits={"messages_recipient": 2, "messages_address": 100})
async def test_messages_are_limited_whoever_has_the_address(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    await a_user(rt, "alice@example.com")
    for email in ("alice@example.com", "nobody@example.com"):
        statuses = [
            (await client.post(f"{API}/auth/email-code", json={"email": email})).status_code
            for _ in range(3)
        ]
        assert statuses == [202, 202, 429]
