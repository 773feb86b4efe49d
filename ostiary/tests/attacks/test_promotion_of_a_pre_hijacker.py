"""The attacker signs up with the email of somebody who is going to be an administrator, and waits.

The operator promotes the account by that email; the attacker's session would be an administrator's.
An account that somebody was in is promoted only after its email was verified (arXiv:2205.10174).
"""

import httpx
from factories import PASSWORD, events, problem
from inbox import Mailbox
from links import last_token, me, person, reset, sign_in

from ostiary.admin.users import Changed, Unproven, mail_password_link, promote
from ostiary.kernel.origin import LOCAL
from ostiary.runtime import Runtime
from ostiary.users.actions import find

BOSS = "boss@example.com"
THEIRS = "the boss's own horse"


async def test_an_attackers_account_is_not_promoted_until_its_mailbox_has_taken_it(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    mallory = await person(client, BOSS)
    assert await promote(rt, mallory.id, origin=LOCAL) == Unproven()
    assert (await me(client, mallory)).json()["role"] == "user"
    assert await events(rt, "user.promoted") == []
    assert (await find(rt, BOSS)).role == "user"

    # What the refusal tells the operator to do, and then the operator promotes again.
    await mail_password_link(rt, await find(rt, BOSS), origin=LOCAL)
    token = await last_token(rt, mailbox, BOSS, page="/reset-password")
    assert (await reset(client, token, THEIRS)).status_code == 204
    assert await promote(rt, mallory.id, origin=LOCAL) == Changed()

    assert problem(await me(client, mallory)) == (401, "invalid-token")
    body = {"refresh_token": mallory.refresh_token}
    refused = await client.post("/api/v1/auth/refresh", json=body)
    assert problem(refused) == (401, "invalid-refresh-token")
    assert problem(await sign_in(client, BOSS, PASSWORD)) == (401, "invalid-credentials")
    assert (await sign_in(client, BOSS, THEIRS)).json()["user"]["role"] == "administrator"
