"""The attacker asks for the victim's reset with an address that only looks like it, or folds to it.

Mail goes to the stored address, never to the typed one: else a mailbox that some mail system takes
for the same gets the link (CVE-2019-19844).
"""

import httpx
import pytest
from inbox import Mailbox, deliver
from links import forget, last_token, verified

from ostiary.runtime import Runtime

STORED = "Mike@Example.com"


@pytest.mark.parametrize("typed", ["mike@example.com", "MIKE@EXAMPLE.COM", " Mike@example.COM "])
async def test_another_spelling_of_one_account_mails_the_stored_one(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, typed: str
) -> None:
    await verified(rt, client, mailbox, STORED)
    count = len(mailbox.messages)
    assert (await forget(client, typed)).status_code == 202
    await last_token(rt, mailbox, STORED)
    assert len(mailbox.messages) == count + 1
    assert mailbox.messages[-1].to == STORED


@pytest.mark.parametrize("typed", ["mıke@example.com", "miKe@example.com", "mike@exаmple.com"])
async def test_a_lookalike_gets_nothing(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, typed: str
) -> None:
    await verified(rt, client, mailbox, STORED)
    await forget(client, typed)
    await deliver(rt)
    assert {message.to for message in mailbox.messages} == {STORED}
