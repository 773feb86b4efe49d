"""The attacker takes the steps of a recovery in another order, or with another step's link.

A link for one purpose, account or address is worth nothing for another, whatever was done in
between; and a step that was not taken cannot be skipped.
"""

from collections.abc import Awaitable, Callable

import httpx
import pytest
from factories import PASSWORD, problem
from inbox import Mailbox
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
    undo,
    verified,
    verify,
)

from ostiary.runtime import Runtime

ALICE, NEW_ADDRESS = "alice@example.com", "alice@new.example"
NEW = "another horse entirely"
Use = Callable[[httpx.AsyncClient, str], Awaitable[httpx.Response]]


async def _reset(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await reset(client, token, NEW)


USES: dict[str, Use] = {
    "verify": verify,
    "reset": _reset,
    "confirm": confirm,
    "undo": undo,
}


async def _every_link(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox) -> dict[str, str]:
    """One good link for each use, each of another account."""
    found = {}
    await person(client, "v@example.com")
    found["verify"] = await last_token(rt, mailbox, "v@example.com")
    await verified(rt, client, mailbox, "r@example.com")
    await forget(client, "r@example.com")
    found["reset"] = await last_token(rt, mailbox, "r@example.com")
    changing = await verified(rt, client, mailbox, "c@example.com")
    await ask_for_change(client, changing, "c@new.example", PASSWORD)
    found["confirm"] = await last_token(rt, mailbox, "c@new.example")
    moved = await verified(rt, client, mailbox, "u@example.com")
    await ask_for_change(client, moved, "u@new.example", PASSWORD)
    await confirm(client, await last_token(rt, mailbox, "u@new.example"))
    found["undo"] = await last_token(rt, mailbox, "u@example.com")
    return found


@pytest.mark.parametrize("link", USES)
async def test_a_link_is_good_for_nothing_else(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, link: str
) -> None:
    token = (await _every_link(rt, client, mailbox))[link]
    for name, use in USES.items():
        if name != link:
            assert problem(await use(client, token)) == (400, "token-invalid"), name
    for spelling in (f"Bearer {token}",):
        response = await client.get(f"{API}/me", headers={"Authorization": spelling})
        assert problem(response) == (401, "invalid-token")
    response = await client.post(f"{API}/refresh", json={"refresh_token": token})
    assert problem(response) == (401, "invalid-refresh-token")
    assert (await USES[link](client, token)).status_code in (200, 204)


async def test_a_reset_link_ends_with_the_address_it_went_to(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    alice = await verified(rt, client, mailbox, ALICE)
    await ask_for_change(client, alice, NEW_ADDRESS, PASSWORD)
    change = await last_token(rt, mailbox, NEW_ADDRESS)
    await forget(client, ALICE)
    stale = await last_token(rt, mailbox, ALICE)
    assert (await confirm(client, change)).status_code == 200
    assert problem(await reset(client, stale, NEW)) == (400, "token-invalid")
    assert (await sign_in(client, NEW_ADDRESS, PASSWORD)).status_code == 200


async def test_a_verification_link_does_not_verify_the_next_address(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    # Signed up with the attacker's own mailbox, moved to the victim's: the first link must be dead.
    mallory = await person(client, "mallory@evil.example")
    first = await last_token(rt, mailbox, "mallory@evil.example")
    await ask_for_change(client, mallory, "victim@example.com", PASSWORD)
    assert (await verify(client, first)).status_code == 200
    user = (await me(client, mallory)).json()
    assert (user["email"], user["email_verified"]) == ("mallory@evil.example", True)


async def test_a_reset_without_asking_for_it_has_nothing_to_use(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await verified(rt, client, mailbox, ALICE)
    for token in ("", "ostlt..", f"ostlt.tok_{'0' * 26}.{'A' * 43}"):
        assert problem(await reset(client, token, NEW)) == (400, "token-invalid")
    assert (await sign_in(client, ALICE, PASSWORD)).status_code == 200


async def test_another_account_s_link_changes_that_account_only(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await verified(rt, client, mailbox, ALICE)
    await verified(rt, client, mailbox, "bob@example.com")
    await forget(client, "bob@example.com")
    token = await last_token(rt, mailbox, "bob@example.com")
    assert (await reset(client, token, NEW)).status_code == 204
    assert (await sign_in(client, ALICE, PASSWORD)).status_code == 200
    assert problem(await sign_in(client, ALICE, NEW)) == (401, "invalid-credentials")
