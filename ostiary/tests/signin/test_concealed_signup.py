"""Where sign-up tells nobody who has an account, everything is told by mail."""

import httpx
import pytest
from factories import PASSWORD, events, problem, signup_body
from inbox import Mailbox, deliver
from links import API, last_token, reset, sign_in, token_of, verify
from pydantic import ValidationError

from ostiary.runtime import Runtime
from ostiary.settings import Signup

pytestmark = pytest.mark.settings(signup={"verification": "required", "conceal_existing": True})
ALICE = "alice@example.com"


async def sign_up(client: httpx.AsyncClient, **changes: object) -> httpx.Response:
    """Ask for an account."""
    return await client.post(f"{API}/signup", json=signup_body(**changes))


async def test_everybody_gets_the_same_answer_and_the_owner_a_mail(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    first = await sign_up(client)
    await deliver(rt)
    second = await sign_up(client, password="quite another horse")
    for response in (first, second):
        assert response.status_code == 202
        assert response.json() == {"status": "verification_sent"}
    assert first.headers.keys() == second.headers.keys()
    await deliver(rt)
    new, known = mailbox.to(ALICE)
    assert new.subject != known.subject
    assert "/reset-password?token=" in mailbox.link(ALICE)
    assert len(await events(rt, "user.created")) == 1


async def test_the_new_account_is_let_in_once_verified(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await sign_up(client)
    assert (await verify(client, await last_token(rt, mailbox, ALICE))).status_code == 200
    assert (await sign_in(client, ALICE, PASSWORD)).status_code == 200


async def test_the_owner_who_forgot_gets_in_by_the_link(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await sign_up(client)
    await verify(client, await last_token(rt, mailbox, ALICE))
    await sign_up(client)
    await deliver(rt)
    new = "another horse entirely"
    assert (await reset(client, token_of(mailbox.link(ALICE)), new)).status_code == 204
    assert (await sign_in(client, ALICE, new)).status_code == 200


async def test_a_sign_in_before_verification_tells_nothing_either(
    client: httpx.AsyncClient,
) -> None:
    await sign_up(client)
    right = [await sign_in(client, ALICE, PASSWORD) for _ in range(6)]
    wrong = [await sign_in(client, "bob@example.com", PASSWORD) for _ in range(6)]
    assert [problem(one) for one in right] == [problem(one) for one in wrong]
    assert problem(right[0]) == (401, "invalid-credentials")


async def test_a_user_name_would_tell_and_is_refused(client: httpx.AsyncClient) -> None:
    response = await sign_up(client, username="alice")
    assert problem(response) == (422, "validation")
    assert response.json()["errors"][0]["pointer"] == "/username"


async def test_a_flood_of_sign_ups_is_not_a_flood_of_mail(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    codes = [(await sign_up(client)).status_code for _ in range(8)]
    assert codes == [202] * 8
    await deliver(rt)
    assert len(mailbox.to(ALICE)) == 5


def test_it_needs_verification() -> None:
    with pytest.raises(ValidationError, match=r"this needs signup\.verification"):
        Signup(conceal_existing=True)
