"""Second factors as people have them: an authenticator app, a sheet of codes, a mailbox."""

import re
from base64 import b32decode
from dataclasses import dataclass
from typing import Any

import httpx
from factories import PASSWORD, SignedIn, a_session, a_user, an_origin
from inbox import Mailbox, deliver

from ostiary.authenticators import totp
from ostiary.runtime import Runtime
from ostiary.sessions import guard
from ostiary.signin import binding
from ostiary.users.actions import Profile

API = "/api/v1"
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class App:
    """An authenticator app that was shown a secret."""

    rt: Runtime
    secret: bytes

    def code(self, *, drift: int = 0) -> str:
        """What it shows now, or so many steps from now."""
        return totp.hotp(self.secret, totp.step_at(self.rt.clock.now()) + drift)

    def wrong(self) -> str:
        """A code that is right at no step near now."""
        near = {self.code(drift=drift) for drift in range(-3, 4)}
        return next(code for code in map("{:06}".format, range(10)) if code not in near)


@dataclass(frozen=True, slots=True)
class Protected:
    """A user with an authenticator app and backup codes, whose session bound them."""

    user: Profile
    session: SignedIn
    app: App
    backup_codes: tuple[str, ...]


async def protect(rt: Runtime, user: Profile | None = None) -> Protected:
    """Bind an authenticator app to `user`, or to a new one; its first code is two steps old."""
    user = user or await a_user(rt)
    session = await a_session(rt, user)
    caller = await _caller(rt, session)
    made = await binding.set_up(rt, caller)
    app = App(rt, _secret(made.secret))
    bound = await binding.confirm(rt, caller, app.code(drift=-1), origin=an_origin())
    return Protected(user, session, app, bound.backup_codes)


def app_of(rt: Runtime, set_up: Answer) -> App:
    """The app that was shown the answer of `/auth/mfa/totp/setup`."""
    return App(rt, _secret(set_up["secret"]))


async def sign_in(
    client: httpx.AsyncClient, user: Profile, password: str = PASSWORD, **body: Any
) -> Answer:
    """Sign in with a password; the answer, which has to be 200."""
    sent = {"email": user.email, "password": password, **body}
    response = await client.post(f"{API}/auth/signin", json=sent)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def verify(client: httpx.AsyncClient, challenge: Answer | str, **factor: str) -> Any:
    """Answer a challenge."""
    token = challenge if isinstance(challenge, str) else challenge["challenge_token"]
    body = {"challenge_token": token, **factor}
    return await client.post(f"{API}/auth/mfa/verify", json=body)


async def ask_code(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, email: str
) -> tuple[str, str]:
    """Ask for a sign-in code; the attempt token, and the code from the mailbox."""
    await deliver(rt)
    response = await client.post(f"{API}/auth/email-code", json={"email": email})
    assert response.status_code == 202, response.text
    code = await found_in_mail(rt, mailbox, email, r"\b\d{6}\b")
    return response.json()["attempt_token"], code


async def ask_link(
    rt: Runtime, client: httpx.AsyncClient, mailbox: Mailbox, email: str, **body: str
) -> tuple[str, str]:
    """Ask for a sign-in link; the attempt token, and the link from the mailbox."""
    await deliver(rt)
    response = await client.post(f"{API}/auth/magic-link", json={"email": email, **body})
    assert response.status_code == 202, response.text
    link = await found_in_mail(rt, mailbox, email, r"https://\S+")
    return response.json()["attempt_token"], link


async def found_in_mail(rt: Runtime, mailbox: Mailbox, email: str, pattern: str) -> str:
    """What `pattern` finds in the messages to `email` that are due now; it has to be one thing."""
    before = len(mailbox.messages)
    await deliver(rt)
    texts = [one.text for one in mailbox.messages[before:] if one.to == email]
    [found] = [hit for text in texts for hit in re.findall(pattern, text)]
    return str(found)


def bearer(answer: Answer) -> dict[str, str]:
    """The header of somebody signed in."""
    tokens = answer.get("tokens", answer)
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def _caller(rt: Runtime, session: SignedIn) -> guard.Caller:
    return await guard.check(rt, session.bearer["Authorization"])


def _secret(spelled: str) -> bytes:
    return b32decode(spelled)


async def bind_in(rt: Runtime, client: httpx.AsyncClient, challenge: Answer) -> tuple[App, Answer]:
    """Bind an app in the sign-in that asks for it; the app, and the answer of the confirmation."""
    token = {"challenge_token": challenge["challenge_token"]}
    made = await client.post(f"{API}/auth/mfa/totp/setup", json=token)
    assert made.status_code == 200, made.text
    app = app_of(rt, made.json())
    body = {**token, "code": app.code(drift=-1)}
    confirmed = await client.post(f"{API}/auth/mfa/totp/confirm", json=body)
    assert confirmed.status_code == 200, confirmed.text
    return app, dict(confirmed.json())
