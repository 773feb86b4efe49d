"""The first administrator: made by whoever holds the link that the server's terminal shows."""

from datetime import timedelta

from sqlalchemy import delete

from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import Problem
from ostiary.runtime import Runtime
from ostiary.signin import links
from ostiary.signin.signup import add_user, check_password
from ostiary.signin.tables import OneTimeToken
from ostiary.users import actions as users
from ostiary.users.actions import NewUser, Profile

_LIFETIME = timedelta(hours=1)


class SetupLinkInvalid(Problem):
    """The link that makes the first administrator does not work.

    It was used, it is more than an hour old, a newer one was made, or there is an administrator
    already. `ostiary setup-link`, on the server, makes a new one.
    """

    status, slug, title = 400, "setup-link-invalid", "This setup link is not valid"


async def invite(rt: Runtime) -> str | None:
    """A link with which the first administrator is made; None where there is one already.

    Each call makes a new one and ends those before.
    """
    now = rt.clock.now()
    async with rt.db.write() as tx:
        if await users.has_administrator(tx):
            return None
        await tx.execute(delete(OneTimeToken).where(OneTimeToken.purpose == "bootstrap"))
        token = await links.create(tx, now, links.Wanted("bootstrap", _LIFETIME))
    return links.address(rt.settings, "bootstrap", token)


async def is_needed(rt: Runtime) -> bool:
    """Whether there is no administrator yet."""
    async with rt.db.read() as connection:
        return not await users.has_administrator(connection)


async def look(rt: Runtime, presented: str) -> None:
    """Let a link pass that makes an administrator now. Raises `SetupLinkInvalid`."""
    try:
        await links.look(rt, presented, "bootstrap")
    except (links.TokenInvalid, links.TokenExpired):
        raise SetupLinkInvalid from None
    if not await is_needed(rt):
        raise SetupLinkInvalid


async def create_administrator(
    rt: Runtime, presented: str, email: str, plain: str, *, origin: Origin
) -> Profile:
    """Make the first administrator with the link of `invite`.

    Their address counts as verified: who reads the server's terminal owns the server. Raises
    `Validation` for the password and `EmailTaken`, which use nothing up, `SetupLinkInvalid`,
    `TooManyRequests`, `Unavailable`.
    """
    spent = await links.attempt(rt, origin)
    try:
        await look(rt, presented)
    except SetupLinkInvalid:
        await links.refuse(rt, presented, "bootstrap", origin=origin)
        raise
    new = NewUser(email=email, role="administrator", email_verified=True)
    check_password(rt, new, plain)
    encoded = await rt.hasher.hash(plain)
    now = rt.clock.now()
    profile: Profile | None = None
    async with rt.db.write() as tx:
        is_ours = await links.claim(tx, now, presented, "bootstrap") is not None
        # Asked behind the claim: of two links used at once, one finds the other's administrator.
        if is_ours and not await users.has_administrator(tx):
            await tx.execute(delete(OneTimeToken).where(OneTimeToken.purpose == "bootstrap"))
            profile = await add_user(tx, now, new, encoded, origin)
    if profile is None:
        await links.refuse(rt, presented, "bootstrap", origin=origin)
        raise SetupLinkInvalid
    await rt.limits.refund(spent)
    return profile
