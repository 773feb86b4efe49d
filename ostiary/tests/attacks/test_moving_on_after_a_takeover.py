"""The attacker has the victim's session and password, and moves the account on and on.

The old address's undo link must outlive everything they do with the account, and end what they
hold; the addresses that they moved through must not get the account back.
"""

import httpx
from factories import PASSWORD, problem
from inbox import Mailbox, deliver
from links import (
    API,
    ask_for_change,
    confirm,
    last_token,
    me,
    sign_in,
    signed_in,
    token_of,
    undo,
    verified,
)

from ostiary.runtime import Runtime

VICTIM, EVIL, WORSE = "victim@example.com", "one@evil.example", "two@evil.example"
NEW = "the attacker's horse"


async def test_two_moves_and_a_new_password_do_not_outrun_the_undo_link(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    account = await verified(rt, client, mailbox, VICTIM)
    await ask_for_change(client, account, EVIL, PASSWORD)
    await confirm(client, await last_token(rt, mailbox, EVIL))
    way_back = await last_token(rt, mailbox, VICTIM)

    await ask_for_change(client, account, WORSE, PASSWORD)
    await confirm(client, await last_token(rt, mailbox, WORSE))
    attackers_way_back = await last_token(rt, mailbox, EVIL)
    body = {"current_password": PASSWORD, "new_password": NEW}
    await client.post(f"{API}/password/change", json=body, headers=account.bearer)
    attacker = await signed_in(client, WORSE, NEW)

    response = await undo(client, way_back)
    assert response.json()["user"]["email"] == VICTIM
    assert problem(await me(client, attacker)) == (401, "invalid-token")
    assert problem(await undo(client, attackers_way_back)) == (400, "token-invalid")
    assert problem(await sign_in(client, WORSE, NEW)) == (401, "invalid-credentials")


async def test_a_change_that_was_asked_for_before_the_undo_ends_with_it(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    account = await verified(rt, client, mailbox, VICTIM)
    await ask_for_change(client, account, EVIL, PASSWORD)
    await confirm(client, await last_token(rt, mailbox, EVIL))
    way_back = await last_token(rt, mailbox, VICTIM)
    await ask_for_change(client, account, WORSE, PASSWORD)
    waiting = await last_token(rt, mailbox, WORSE)
    assert (await undo(client, way_back)).status_code == 200
    assert problem(await confirm(client, waiting)) == (400, "token-invalid")


async def test_a_reset_of_the_moved_account_leaves_the_undo_link_good(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    account = await verified(rt, client, mailbox, VICTIM)
    await ask_for_change(client, account, EVIL, PASSWORD)
    await confirm(client, await last_token(rt, mailbox, EVIL))
    way_back = await last_token(rt, mailbox, VICTIM)
    await client.post(f"{API}/password/forgot", json={"email": EVIL})
    await deliver(rt)
    body = {"token": token_of(mailbox.link(EVIL)), "new_password": NEW}
    assert (await client.post(f"{API}/password/reset", json=body)).status_code == 204
    assert (await undo(client, way_back)).json()["user"]["email"] == VICTIM
