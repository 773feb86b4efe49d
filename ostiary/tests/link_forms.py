"""What people fill in on the pages of links, and whether what they asked for has happened."""

import httpx
from factories import PASSWORD, an_origin
from mailed import Mailed
from pages import read, send

from ostiary.kernel.problems import NotFound
from ostiary.runtime import Runtime
from ostiary.signin.actions import Admitted, PasswordProof, present
from ostiary.signin.links import Purpose
from ostiary.users.actions import Profile, find

NEW_PASSWORD = "a new phrase of mine"

TYPED: dict[Purpose, dict[str, str]] = {
    "verify_email": {"password": PASSWORD},
    "reset_password": {"new_password": NEW_PASSWORD},
    "change_email": {},
    "undo_email_change": {},
    "invitation": {"password": NEW_PASSWORD},
    "bootstrap": {"email": "root@example.com", "password": NEW_PASSWORD},
}


async def use(client: httpx.AsyncClient, purpose: Purpose, link: Mailed) -> httpx.Response:
    """The answer to the form of a link's page, filled in."""
    page = await read(client, link.url)
    return await send(client, page.forms[0], **TYPED[purpose])


async def is_done(rt: Runtime, purpose: Purpose, link: Mailed) -> bool:
    """Whether what the link is for has happened."""
    if purpose == "bootstrap":
        made = await profile(rt, "root@example.com")
        return made is not None and made.role == "administrator" and made.email_verified
    assert link.user is not None
    match purpose:
        case "verify_email":
            found = await profile(rt, link.user.email)
            return found is not None and found.email_verified
        case "reset_password" | "invitation":
            return await _opens(rt, link.user.email, NEW_PASSWORD)
        case "change_email":
            return await profile(rt, str(link.new_email)) is not None
        case "undo_email_change":
            return await profile(rt, link.user.email) is not None
    raise AssertionError(purpose)


async def profile(rt: Runtime, email: str) -> Profile | None:
    """The account with this address."""
    try:
        return await find(rt, email)
    except NotFound:
        return None


async def _opens(rt: Runtime, email: str, password: str) -> bool:
    outcome = await present(rt, PasswordProof(password, email=email), origin=an_origin())
    return isinstance(outcome, Admitted)
