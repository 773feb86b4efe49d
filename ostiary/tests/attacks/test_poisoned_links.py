"""The attacker asks for the victim's mail with headers that lie about where the server is.

The link in it must lead to `public_url`, whatever Host, X-Forwarded-Host or Forwarded say: else
the victim hands the token to the attacker (CWE-640).
"""

import httpx
import pytest
from factories import signup_body
from inbox import Mailbox, deliver
from links import API

from attacks.test_host_header import EVIL, LIES
from ostiary.runtime import Runtime

pytestmark = pytest.mark.settings(public_url="https://id.example.com")
VICTIM = "alice@example.com"


@pytest.mark.parametrize("headers", LIES.values(), ids=LIES.keys())
async def test_mailed_links_lead_to_the_public_url(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, headers: list[tuple[str, str]]
) -> None:
    signed_up = await client.post(f"{API}/signup", json=signup_body(), headers=headers)
    assert signed_up.status_code == 201
    await deliver(rt)
    assert mailbox.link(VICTIM).startswith("https://id.example.com/verify-email?token=ostlt.")
    asked = await client.post(f"{API}/password/forgot", json={"email": VICTIM}, headers=headers)
    assert asked.status_code == 202
    await deliver(rt)
    assert mailbox.link(VICTIM).startswith("https://id.example.com/reset-password?token=ostlt.")
    for message in mailbox.messages:
        assert EVIL not in message.subject + message.text + message.html
        assert message.to == VICTIM
