"""The owner is told of a sign-in from a device that is new, and of no other."""

import httpx
from clock import OwnedClock
from factories import PASSWORD
from inbox import Mailbox, deliver
from links import API, sign_in, verified

from ostiary.runtime import Runtime

ALICE = "alice@example.com"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


async def test_a_new_device_is_told_with_its_name_and_address(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await verified(rt, client, mailbox, ALICE)
    client.headers["User-Agent"] = FIREFOX
    assert (await sign_in(client, ALICE, PASSWORD)).status_code == 200
    await deliver(rt)
    message = mailbox.last(ALICE)
    for part in ("Firefox", "Linux", "203.0.113.7"):
        assert part in message.text
        assert part in message.html


async def test_a_known_device_is_not(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await verified(rt, client, mailbox, ALICE)
    device = (await sign_in(client, ALICE, PASSWORD)).json()["device_token"]
    await deliver(rt)
    count = len(mailbox.messages)
    body = {"email": ALICE, "password": PASSWORD, "device_token": device}
    assert (await client.post(f"{API}/signin", json=body)).status_code == 200
    await deliver(rt)
    assert len(mailbox.messages) == count


async def test_the_sign_up_itself_is_no_news(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await verified(rt, client, mailbox, ALICE)
    await deliver(rt)
    assert len(mailbox.messages) == 1


async def test_a_failed_sign_in_is_not_told(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await verified(rt, client, mailbox, ALICE)
    assert (await sign_in(client, ALICE, "wrong")).status_code == 401
    await deliver(rt)
    assert len(mailbox.messages) == 1


async def test_a_flood_of_sign_ins_is_told_twenty_times_an_hour(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, clock: OwnedClock
) -> None:
    await verified(rt, client, mailbox, ALICE)
    for _ in range(25):
        assert (await sign_in(client, ALICE, PASSWORD)).status_code == 200
    await deliver(rt)
    assert len(mailbox.messages) == 1 + 20
    clock.advance(hours=1)
    await sign_in(client, ALICE, PASSWORD)
    await deliver(rt)
    assert len(mailbox.messages) == 1 + 21


async def test_messages_asked_for_by_others_do_not_use_up_the_notices(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await verified(rt, client, mailbox, ALICE)
    for _ in range(6):
        await client.post(f"{API}/password/forgot", json={"email": ALICE})
    await deliver(rt)
    count = len(mailbox.messages)
    await sign_in(client, ALICE, PASSWORD)
    await deliver(rt)
    assert len(mailbox.messages) == count + 1
