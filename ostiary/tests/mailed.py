"""Links as people get them: asked for, sent by the worker, read in the mailbox."""

from dataclasses import dataclass
from itertools import count
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

import httpx
from factories import PASSWORD, SignedIn, a_session, a_user, an_origin
from inbox import Mailbox, deliver

from ostiary.admin.invitations import Invited, invite
from ostiary.runtime import Runtime
from ostiary.signin import bootstrap, recovery, verification
from ostiary.signin.links import Purpose
from ostiary.users.actions import NewUser, Profile

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Mailed:
    """A link, as the path and query that a client asks for; and whom it is about."""

    url: str
    user: Profile | None = None
    new_email: str | None = None

    @property
    def token(self) -> str:
        """The token in it."""
        return parse_qs(urlsplit(self.url).query)["token"][0]

    @property
    def page(self) -> str:
        """The address of its page, without the token."""
        return urlsplit(self.url).path


@dataclass(frozen=True, slots=True)
class Post:
    """The post office of one instance."""

    rt: Runtime
    client: httpx.AsyncClient
    mailbox: Mailbox

    async def link(self, purpose: Purpose, **user: Any) -> Mailed:
        """A link of this purpose, for a new account (`a_user`'s values)."""
        if purpose == "bootstrap":
            url = await bootstrap.invite(self.rt)
            assert url is not None
            return Mailed(_path(url))
        if purpose == "invitation":
            return await self._invitation(**user)
        if purpose in ("change_email", "undo_email_change"):
            user = {"email_verified": True, **user}
        owner = await a_user(self.rt, **user)
        match purpose:
            case "verify_email":
                await verification.resend(self.rt, owner, origin=an_origin())
            case "reset_password":
                await recovery.forget(self.rt, owner.email, origin=an_origin())
            case "change_email":
                return await self._changing(await a_session(self.rt, owner))
            case "undo_email_change":
                change = await self._changing(await a_session(self.rt, owner))
                body = {"token": change.token}
                response = await self.client.post("/api/v1/auth/email/change/confirm", json=body)
                assert response.status_code == 200, response.text
                await deliver(self.rt)
                return Mailed(_path(self.mailbox.link(owner.email)), owner, change.new_email)
        await deliver(self.rt)
        return Mailed(_path(self.mailbox.link(owner.email)), owner)

    async def _invitation(self, email: str | None = None, **user: Any) -> Mailed:
        new = NewUser(email or f"invited{next(_numbers)}@example.com", **user)
        outcome = await invite(self.rt, new, origin=an_origin())
        assert isinstance(outcome, Invited), outcome
        await deliver(self.rt)
        return Mailed(_path(self.mailbox.link(new.email)), outcome.profile)

    async def _changing(self, session: SignedIn) -> Mailed:
        new_email = f"new{next(_numbers)}@example.net"
        response = await self.client.post(
            "/api/v1/auth/email/change",
            json={"new_email": new_email, "password": PASSWORD},
            headers=session.bearer,
        )
        assert response.status_code == 202, response.text
        await deliver(self.rt)
        return Mailed(_path(self.mailbox.link(new_email)), session.user, new_email)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
