"""An invited person chooses the first password by a link; until then the account is nobody's."""

from datetime import timedelta

import httpx
import pytest
from clock import OwnedClock
from factories import (
    PASSWORD,
    a_suspended_user,
    a_user,
    events,
    problem,
    rows_in,
    sign_up,
    signup_body,
)
from inbox import Mailbox, deliver
from link_forms import NEW_PASSWORD, profile, use
from links import forget, last_token, reset, sign_in
from mailed import Mailed, Post
from mfa import ask_code, bearer
from pages import followed, page_of, read

from ostiary.admin.invitations import Differs, HasPassword, Invited, invite
from ostiary.admin.users import Shut, suspend
from ostiary.kernel.origin import LOCAL
from ostiary.runtime import Runtime
from ostiary.sessions.tables import Device
from ostiary.users.actions import NewUser, UsernameTaken

API = "/api/v1"
ADA = NewUser("ada@example.com", username="ada", role="administrator")


@pytest.fixture
def post(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox) -> Post:
    """Where links come from."""
    return Post(rt, client, mailbox)


async def _ada(post: Post) -> Mailed:
    return await post.link("invitation", email=ADA.email, username=ADA.username, role=ADA.role)


async def test_the_invited_person_chooses_a_password_and_has_what_the_operator_gave(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, post: Post
) -> None:
    link = await _ada(post)
    assert mailbox.last(ADA.email).subject == "You are invited"
    page = await read(client, link.url)
    assert "An account at Ostiary was created for you." in page.text
    assert ADA.email in page.text
    assert "ada" in page.text
    done = await followed(client, await use(client, "invitation", link))
    assert "Your account is ready" in done.text
    user = (await sign_in(client, ADA.email, NEW_PASSWORD)).json()["user"]
    assert (user["username"], user["role"]) == ("ada", "administrator")
    assert user["email_verified"] is True
    await deliver(rt)
    changed = [one for one in mailbox.to(ADA.email) if "password was changed" in one.subject]
    assert changed == []
    types = ["user.created", "user.invited", "email.verified", "invitation.accepted"]
    assert {one.type for one in await events(rt, *types, "user.reclaimed")} == set(types)


async def test_a_password_that_will_not_do_uses_nothing_up(
    client: httpx.AsyncClient, post: Post
) -> None:
    link = await _ada(post)
    form = (await read(client, link.url)).forms[0]
    data = form.fields | {"password": "short"}
    refused = await client.post(form.action, data=data, headers={"Sec-Fetch-Site": "same-origin"})
    assert refused.status_code == 422
    assert page_of(refused).input("password")["aria-invalid"] == "true"
    assert "ada@example.com" in page_of(refused).text
    await followed(client, await use(client, "invitation", link))


async def test_inviting_again_sends_a_new_link_and_ends_the_old_one(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, post: Post, clock: OwnedClock
) -> None:
    first = await _ada(post)
    clock.advance(days=1)
    again = await invite(rt, NewUser("ADA@example.com"), origin=LOCAL)
    assert isinstance(again, Invited)
    assert first.user is not None
    assert (again.profile.id, again.is_new) == (first.user.id, False)
    assert again.expires_at == clock.now() + timedelta(days=7)
    assert (await client.get(first.url)).status_code == 400
    token = await last_token(rt, mailbox, ADA.email)
    await followed(client, await use(client, "invitation", Mailed(f"/invitation?token={token}")))
    assert len(await events(rt, "user.created")) == 1


async def test_what_cannot_be_invited_stays_as_it_is(rt: Runtime, mailbox: Mailbox) -> None:
    await a_user(rt, "has@example.com")
    await invite(rt, NewUser("bob@example.com", username="bob"), origin=LOCAL)
    shut = await invite(rt, NewUser("shut@example.com"), origin=LOCAL)
    assert isinstance(shut, Invited)
    await suspend(rt, shut.profile.id, origin=LOCAL)
    await deliver(rt)
    sent, before = len(mailbox.messages), await events(rt)
    for new, outcome in (
        (NewUser("has@example.com"), HasPassword),
        (NewUser("shut@example.com"), Shut),
        (NewUser("bob@example.com", role="administrator"), Differs),
        (NewUser("bob@example.com", username="robert"), Differs),
    ):
        assert isinstance(await invite(rt, new, origin=LOCAL), outcome)
    with pytest.raises(UsernameTaken):
        await invite(rt, NewUser("other@example.com", username="BOB"), origin=LOCAL)
    await deliver(rt)
    assert (len(mailbox.messages), await events(rt)) == (sent, before)
    same = NewUser("bob@example.com", username="BOB")
    assert isinstance(await invite(rt, same, origin=LOCAL), Invited)


async def test_before_the_invitation_is_accepted_a_sign_in_is_refused_like_an_unknown_one(
    client: httpx.AsyncClient, post: Post
) -> None:
    await _ada(post)
    known = await sign_in(client, ADA.email, PASSWORD)
    unknown = await sign_in(client, "nobody@example.com", PASSWORD)
    assert problem(known) == problem(unknown) == (401, "invalid-credentials")
    hidden = {"request_id": ""}
    assert known.json() | hidden == unknown.json() | hidden


async def test_signing_up_with_an_invited_email_gains_nothing(
    rt: Runtime, client: httpx.AsyncClient, post: Post
) -> None:
    # The attacker knows that the victim was invited, and signs up with that email first.
    # Were the password taken, it would be the attacker's when the victim accepts.
    # The account is there already, so the sign-up is refused and leaves nothing behind.
    link = await _ada(post)
    attempt = await client.post(f"{API}/auth/signup", json=signup_body(email=ADA.email))
    assert problem(attempt) == (409, "email-taken")
    assert problem(await sign_in(client, ADA.email, PASSWORD))[0] == 401
    await followed(client, await use(client, "invitation", link))
    assert problem(await sign_in(client, ADA.email, PASSWORD))[0] == 401
    assert (await sign_in(client, ADA.email, NEW_PASSWORD)).status_code == 200


async def test_an_account_made_before_by_somebody_else_is_not_invited(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    # The attacker signs up with the email of somebody who is going to be invited.
    # An invitation would give the account, which the attacker is in, the operator's trust.
    # It is refused, and no message leads the victim into the attacker's account.
    await sign_up(client, email=ADA.email)
    await deliver(rt)
    sent = len(mailbox.messages)
    outcome = await invite(rt, NewUser(ADA.email, role="administrator"), origin=LOCAL)
    assert isinstance(outcome, HasPassword)
    await deliver(rt)
    assert len(mailbox.messages) == sent
    found = await profile(rt, ADA.email)
    assert found is not None
    assert found.role == "user"


async def test_a_forgotten_password_works_before_there_is_one_and_ends_the_invitation(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, post: Post
) -> None:
    link = await _ada(post)
    await forget(client, ADA.email)
    token = await last_token(rt, mailbox, ADA.email, page="/reset-password")
    assert (await reset(client, token, "a phrase of my own")).status_code == 204
    user = (await sign_in(client, ADA.email, "a phrase of my own")).json()["user"]
    assert (user["username"], user["email_verified"]) == ("ada", True)
    assert (await client.get(link.url)).status_code == 400
    assert (await client.post(link.page, data={"token": link.token})).status_code in (400, 403)


async def test_an_accepted_invitation_ends_every_other_link(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, post: Post
) -> None:
    link = await _ada(post)
    await forget(client, ADA.email)
    token = await last_token(rt, mailbox, ADA.email, page="/reset-password")
    await followed(client, await use(client, "invitation", link))
    assert problem(await reset(client, token, "a phrase of my own")) == (400, "token-invalid")


async def test_signing_in_by_mail_takes_nothing_that_the_operator_gave(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, post: Post
) -> None:
    link = await _ada(post)
    attempt_token, code = await ask_code(rt, client, mailbox, ADA.email)
    body = {"attempt_token": attempt_token, "code": code}
    user = (await client.post(f"{API}/auth/email-code/verify", json=body)).json()["user"]
    assert (user["username"], user["role"]) == ("ada", "administrator")
    await followed(client, await use(client, "invitation", link))
    assert (await sign_in(client, ADA.email, NEW_PASSWORD)).status_code == 200


async def test_an_invitation_to_an_account_in_use_is_a_reset_of_its_password(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, post: Post
) -> None:
    # The victim is invited and signs in by a mailed code, so the invitation stays good.
    # The attacker comes by the link and chooses a password for the account that is in use.
    # Sessions and known devices end, and the victim gets a notice, as after a reset.
    link = await _ada(post)
    attempt_token, code = await ask_code(rt, client, mailbox, ADA.email)
    body = {"attempt_token": attempt_token, "code": code}
    answer = (await client.post(f"{API}/auth/email-code/verify", json=body)).json()
    assert await rows_in(rt, Device) == 1
    await followed(client, await use(client, "invitation", link))
    refused = await client.get(f"{API}/auth/me", headers=bearer(answer))
    assert problem(refused) == (401, "invalid-token")
    body = {"refresh_token": answer["tokens"]["refresh_token"]}
    assert problem(await client.post(f"{API}/auth/refresh", json=body))[0] == 401
    assert await rows_in(rt, Device) == 0
    assert [one.data["reason"] for one in await events(rt, "session.revoked")] == ["password_reset"]
    await deliver(rt)
    changed = [one for one in mailbox.to(ADA.email) if "password was changed" in one.subject]
    assert len(changed) == 1


@pytest.mark.settings(mfa={"policy": "required_for_administrators"})
async def test_an_invited_administrator_needs_what_the_policy_asks(
    client: httpx.AsyncClient, post: Post
) -> None:
    await followed(client, await use(client, "invitation", await _ada(post)))
    answer = (await sign_in(client, ADA.email, NEW_PASSWORD)).json()
    assert answer["mfa_required"] is True
    assert answer["bind"] == ["totp"]
    assert "tokens" not in answer


@pytest.mark.settings(links={"invitation_lifetime": 3_600})
async def test_the_lifetime_is_a_setting(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, post: Post, clock: OwnedClock
) -> None:
    link = await _ada(post)
    assert "for 1 hour." in mailbox.last(ADA.email).text
    clock.advance(hours=1)
    expired = await client.get(link.url)
    assert "This link is too old" in page_of(expired).text


async def test_a_suspended_person_cannot_accept(
    rt: Runtime, client: httpx.AsyncClient, post: Post
) -> None:
    link = await _ada(post)
    await a_suspended_user(rt)
    assert link.user is not None
    await a_user(rt, role="administrator")
    await suspend(rt, link.user.id, origin=LOCAL)
    assert (await client.get(link.url)).status_code == 400
