"""What is asked on the pages of links, and what is said where the answer will not do."""

import httpx
import pytest
from factories import PASSWORD, a_user
from inbox import Mailbox
from link_forms import NEW_PASSWORD, is_done, profile, use
from mailed import Post
from pages import SAME_ORIGIN, followed, page_of, read, send

from ostiary.runtime import Runtime
from ostiary.signin.links import Purpose


@pytest.fixture
def post(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox) -> Post:
    """Where links come from."""
    return Post(rt, client, mailbox)


async def test_verifying_asks_for_the_password_of_the_account(
    rt: Runtime, client: httpx.AsyncClient, post: Post
) -> None:
    link = await post.link("verify_email")
    page = await read(client, link.url)
    for password, sentence in (
        ("not my password", "This is not the password of this account."),
        ("", "Enter a password"),
    ):
        response = await send(client, page.forms[0], password=password)
        assert response.status_code == 422
        refused = page_of(response)
        assert sentence in refused.text
        assert refused.input("password")["aria-invalid"] == "true"
        assert "value" not in refused.input("password")
    without = {name: value for name, value in page.forms[0].fields.items() if name != "password"}
    response = await client.post("/verify-email", data=without, headers=SAME_ORIGIN)
    assert response.status_code == 422
    assert not await is_done(rt, "verify_email", link)
    await followed(client, await send(client, refused.forms[0], password=PASSWORD))
    assert await is_done(rt, "verify_email", link)


async def test_guessing_that_password_ends_soon(client: httpx.AsyncClient, post: Post) -> None:
    link = await post.link("verify_email")
    form = (await read(client, link.url)).forms[0]
    answers = [await send(client, form, password=f"a wrong one {n}") for n in range(6)]
    assert [one.status_code for one in answers] == [422] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    page = page_of(answers[-1])
    assert "Too many tries" in page.text
    assert "You can try again in 15 minutes." in page.text


async def test_disowning_asks_once_more_and_deletes_the_account(
    rt: Runtime, client: httpx.AsyncClient, post: Post
) -> None:
    link = await post.link("verify_email")
    assert link.user is not None
    page = await read(client, link.url)
    sure = await read(client, next(one for one in page.links if "/not-me" in one))
    assert link.user.email in sure.text
    assert await profile(rt, link.user.email) is not None
    await read(client, next(one for one in sure.links if one == link.url))  # the way back
    gone = await followed(client, await send(client, sure.forms[0]))
    assert "The account is deleted" in gone.text
    assert await profile(rt, link.user.email) is None


async def test_a_verified_account_cannot_be_disowned(
    rt: Runtime, client: httpx.AsyncClient, post: Post
) -> None:
    link = await post.link("verify_email")
    sure = await read(client, f"/verify-email/not-me?token={link.token}")
    await followed(client, await use(client, "verify_email", link))
    response = await send(client, sure.forms[0])
    assert response.status_code == 400
    assert await is_done(rt, "verify_email", link)


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("short", "The password is too short: it needs at least 8 characters."),
        ("password123", "This password is one of the most common ones. Choose another."),
        ("owner@example.com", "A password must not be your own name or address."),
        ("", "Enter a password of at most 1024 characters."),
        ("a" * 1025, "Enter a password of at most 1024 characters."),
    ],
)
async def test_a_password_that_will_not_do_is_told_beside_its_field(
    rt: Runtime, client: httpx.AsyncClient, post: Post, password: str, sentence: str
) -> None:
    link = await post.link("reset_password", email="owner@example.com")
    page = await read(client, link.url)
    assert "At least 8 characters." in page.text
    response = await send(client, page.forms[0], new_password=password)
    assert response.status_code == 422
    refused = page_of(response)
    assert refused.title.startswith("Error: ")
    assert refused.text.count(sentence) == 2  # in the summary, and beside the field
    assert "#new_password" in refused.links
    field = refused.input("new_password")
    assert field["aria-describedby"] == "new_password-hint new_password-fault"
    assert "autofocus" in field
    assert "value" not in field
    await followed(client, await send(client, refused.forms[0], new_password=NEW_PASSWORD))
    assert await is_done(rt, "reset_password", link)


async def test_what_was_typed_stays_but_for_passwords(
    rt: Runtime, client: httpx.AsyncClient, post: Post
) -> None:
    link = await post.link("bootstrap")
    page = await read(client, link.url)
    response = await send(client, page.forms[0], email="no address", password=NEW_PASSWORD)
    assert response.status_code == 422
    refused = page_of(response)
    assert "Enter an email address" in refused.text
    assert refused.input("email")["value"] == "no address"
    assert NEW_PASSWORD not in refused.html
    assert "aria-invalid" not in refused.input("password")


async def test_an_address_that_is_taken_is_told_beside_its_field(
    rt: Runtime, client: httpx.AsyncClient, post: Post
) -> None:
    await a_user(rt, "root@example.com")
    link = await post.link("bootstrap")
    response = await use(client, "bootstrap", link)
    assert response.status_code == 422
    assert "Another account uses this address." in page_of(response).text
    page = page_of(response)
    again = await send(client, page.forms[0], email="boss@example.com", password=NEW_PASSWORD)
    await followed(client, again)


async def test_a_new_address_that_was_taken_meanwhile_is_refused(
    rt: Runtime, client: httpx.AsyncClient, post: Post
) -> None:
    link = await post.link("change_email")
    await a_user(rt, link.new_email)
    response = await use(client, "change_email", link)
    assert response.status_code == 409
    assert "This address is taken" in page_of(response).text
    assert link.user is not None
    assert await profile(rt, link.user.email) is not None


async def test_password_managers_find_their_fields(client: httpx.AsyncClient, post: Post) -> None:
    wanted: dict[Purpose, list[str]] = {
        "verify_email": ["username", "current-password"],
        "reset_password": ["username", "new-password"],
        "bootstrap": ["username", "new-password"],
    }
    for purpose, hints in wanted.items():
        link = await post.link(purpose)
        page = await read(client, link.url)
        shown = [one for one in page.inputs if one["type"] != "hidden"]
        assert [one["autocomplete"] for one in shown] == hints
        if link.user:
            assert shown[0]["value"] == link.user.email
            assert "readonly" in shown[0]
            assert "name" not in shown[0]  # it is shown, never sent
