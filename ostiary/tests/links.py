"""Mailed links as their readers use them: out of the delivered message, over HTTP."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
from factories import PASSWORD, sign_up
from inbox import Mailbox, deliver

from ostiary.runtime import Runtime

API = "/api/v1/auth"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody signed up, with what their client and their mailbox hold."""

    email: str
    id: str
    bearer: dict[str, str]
    refresh_token: str


def token_of(link: str) -> str:
    """The token that a link carries."""
    [token] = parse_qs(urlsplit(link).query)["token"]
    return token


async def person(client: httpx.AsyncClient, email: str, **changes: object) -> Person:
    """Sign up; the address is not verified."""
    answer = await sign_up(client, email=email, **changes)
    tokens = answer["tokens"]
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    return Person(email, answer["user"]["id"], bearer, tokens["refresh_token"])


async def signed_in(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> Person:
    """Sign in again."""
    answer = (await sign_in(client, email, password)).json()
    tokens = answer["tokens"]
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    return Person(email, answer["user"]["id"], bearer, tokens["refresh_token"])


async def verified(rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, email: str) -> Person:
    """Sign up and follow the link in the mail."""
    found = await person(client, email)
    response = await verify(client, await last_token(rt, mailbox, email))
    assert response.status_code == 200, response.text
    return found


async def last_token(rt: Runtime, mailbox: Mailbox, email: str, *, page: str = "") -> str:
    """Deliver what is due; the token in the newest message to `email` (whose link leads to `page`).

    Of two messages of one instant either may come first: where both have a link, name the page.
    """
    before = len(mailbox.messages)
    await deliver(rt)
    links = [mailbox.link_in(one) for one in mailbox.messages[before:] if one.to == email]
    found = [link for link in links if link and page in link]
    assert page or len({urlsplit(link).path for link in found}) <= 1, found
    return token_of(found[-1] if found else mailbox.link(email))


async def verify(client: httpx.AsyncClient, token: str) -> httpx.Response:
    """Use a verification link."""
    return await client.post(f"{API}/verify-email", json={"token": token})


async def forget(client: httpx.AsyncClient, email: str) -> httpx.Response:
    """Ask for a reset link."""
    return await client.post(f"{API}/password/forgot", json={"email": email})


async def reset(client: httpx.AsyncClient, token: str, new: str) -> httpx.Response:
    """Use a reset link."""
    return await client.post(f"{API}/password/reset", json={"token": token, "new_password": new})


async def ask_for_change(
    client: httpx.AsyncClient, person: Person, new_email: str, password: str
) -> httpx.Response:
    """Ask for another address."""
    body = {"new_email": new_email, "password": password}
    return await client.post(f"{API}/email/change", json=body, headers=person.bearer)


async def confirm(client: httpx.AsyncClient, token: str) -> httpx.Response:
    """Use the link that a new address got."""
    return await client.post(f"{API}/email/change/confirm", json={"token": token})


async def undo(client: httpx.AsyncClient, token: str) -> httpx.Response:
    """Use the link that the old address got."""
    return await client.post(f"{API}/email/change/undo", json={"token": token})


async def sign_in(client: httpx.AsyncClient, email: str, password: str) -> httpx.Response:
    """Sign in with a password."""
    return await client.post(f"{API}/signin", json={"email": email, "password": password})


async def me(client: httpx.AsyncClient, person: Person) -> httpx.Response:
    """Who the person's access token says they are."""
    return await client.get(f"{API}/me", headers=person.bearer)
