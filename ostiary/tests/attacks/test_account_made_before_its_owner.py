"""The attacker signs up with the victim's address and waits for the victim to take the account.

Sessions, a known device, a password, names, outstanding links: whatever the attacker left must be
gone once the victim shows that the mailbox is theirs (pre-hijack, arXiv:2205.10174).
"""

import httpx
import pytest
from factories import PASSWORD, events, problem, sign_up
from inbox import Mailbox, deliver
from links import (
    API,
    ask_for_change,
    confirm,
    forget,
    last_token,
    me,
    person,
    reset,
    sign_in,
    token_of,
    verify,
)
from sqlalchemy import func, select

from ostiary.authenticators.tables import Authenticator
from ostiary.kernel.origin import LOCAL
from ostiary.runtime import Runtime
from ostiary.sessions.tables import Device
from ostiary.signin import verification
from ostiary.signin.links import TokenInvalid

VICTIM = "victim@example.com"
THEIRS = "the victim's own horse"


async def hijacked(client: httpx.AsyncClient) -> dict[str, object]:
    """What the attacker's sign-up gives them."""
    return await sign_up(
        client,
        email=VICTIM,
        username="trap",
        first_name="Mallory",
        last_name="Malone",
        locale="fr",
    )


async def reset_token(rt: Runtime, mailbox: Mailbox) -> str:
    """The token in the victim's reset link."""
    return await last_token(rt, mailbox, VICTIM, page="/reset-password")


async def test_the_victims_reset_leaves_nothing_of_the_attackers(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    trap = await hijacked(client)
    tokens = trap["tokens"]
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}  # type: ignore[index]  # JSON
    body = {"display_name": "Trap", "metadata": {"public": {"note": "mine"}}}
    await client.patch("/api/v1/users/me", json=body, headers=bearer)
    await forget(client, VICTIM)
    assert (await reset(client, await reset_token(rt, mailbox), THEIRS)).status_code == 204

    assert problem(await client.get(f"{API}/me", headers=bearer)) == (401, "invalid-token")
    refresh = {"refresh_token": tokens["refresh_token"]}  # type: ignore[index]  # JSON
    response = await client.post(f"{API}/refresh", json=refresh)
    assert problem(response) == (401, "invalid-refresh-token")
    assert problem(await sign_in(client, VICTIM, PASSWORD)) == (401, "invalid-credentials")
    user = (await sign_in(client, VICTIM, THEIRS)).json()["user"]
    assert user["email_verified"] is True
    for member in ("username", "first_name", "last_name", "display_name", "locale"):
        assert user[member] is None
    assert user["metadata"] == {"public": {}}
    assert [one.type for one in await events(rt, "user.reclaimed")] == ["user.reclaimed"]


async def test_no_authenticator_and_no_known_device_is_left(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await hijacked(client)
    await forget(client, VICTIM)
    await reset(client, await reset_token(rt, mailbox), THEIRS)
    async with rt.db.read() as connection:
        kinds = list(await connection.scalars(select(Authenticator.kind)))
        devices = await connection.scalar(select(func.count()).select_from(Device))
    assert (kinds, devices) == (["password"], 0)


async def test_the_attackers_outstanding_links_end_too(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    mallory = await person(client, VICTIM)
    await ask_for_change(client, mallory, "mallory@evil.example", PASSWORD)
    waiting = await last_token(rt, mailbox, "mallory@evil.example")
    await forget(client, VICTIM)
    await reset(client, await reset_token(rt, mailbox), THEIRS)
    assert problem(await confirm(client, waiting)) == (400, "token-invalid")
    assert (await sign_in(client, VICTIM, THEIRS)).json()["user"]["email"] == VICTIM


async def test_a_verified_account_is_not_cleared_by_its_reset(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await person(client, VICTIM, first_name="Victoria")
    await verify(client, await last_token(rt, mailbox, VICTIM))
    await forget(client, VICTIM)
    await reset(client, await reset_token(rt, mailbox), THEIRS)
    user = (await sign_in(client, VICTIM, THEIRS)).json()["user"]
    assert (user["id"], user["first_name"]) == (alice.id, "Victoria")
    assert await events(rt, "user.reclaimed") == []


async def test_the_page_verifies_no_account_whose_password_its_reader_lacks(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    mallory = await person(client, VICTIM)
    token = await last_token(rt, mailbox, VICTIM)
    for guess in (None, "", "not the attacker's"):
        with pytest.raises(Exception, match="not valid"):
            await verification.verify_with_password(rt, token, guess, origin=LOCAL)
    assert (await me(client, mallory)).json()["email_verified"] is False
    profile = await verification.verify_with_password(rt, token, PASSWORD, origin=LOCAL)
    assert profile.email_verified is True


async def test_this_was_not_me_deletes_the_account(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    mallory = await person(client, VICTIM)
    token = await last_token(rt, mailbox, VICTIM)
    await verification.disown(rt, token, origin=LOCAL)
    assert problem(await me(client, mallory)) == (401, "invalid-token")
    [deleted] = await events(rt, "user.deleted")
    assert (deleted.subject, deleted.data) == (mallory.id, {"reason": "disowned"})
    assert (await person(client, VICTIM)).id != mallory.id


async def test_this_was_not_me_deletes_no_verified_account(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await person(client, VICTIM)
    first = await last_token(rt, mailbox, VICTIM)
    await client.post(f"{API}/email/resend-verification", headers=alice.bearer)
    await deliver(rt)
    assert (await verify(client, token_of(mailbox.link(VICTIM)))).status_code == 200
    with pytest.raises(TokenInvalid):
        await verification.disown(rt, first, origin=LOCAL)
    assert (await me(client, alice)).status_code == 200


async def test_what_the_attacker_entered_is_not_in_the_mail_to_the_victim(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    # Else our mail is their letter: "Hello YOUR ACCOUNT IS LOCKED, CALL …".
    await sign_up(client, email=VICTIM, first_name="Call 555 0100 at once", username="call-555")
    await deliver(rt)
    message = mailbox.last(VICTIM)
    assert "555" not in message.subject + message.text + message.html
