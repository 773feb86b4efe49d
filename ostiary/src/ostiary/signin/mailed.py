"""Signing in by mail: a link or a code that is good only in the browser that asked for it.

The browser holds an attempt token, the mailbox gets the answer; neither is worth anything alone, so
a stolen mail opens nothing and a link in somebody else's browser signs nobody in. Who has an
account is not told: a known and an unknown address cost the same statements.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from sqlalchemy import insert

from ostiary.authenticators.proofs import Proof
from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel import tokens
from ostiary.kernel.database import AnyRow, Connection
from ostiary.kernel.faults import Code
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import Fault, Problem, Validation
from ostiary.kernel.tokens import Token, equal
from ostiary.mail.actions import enqueue
from ostiary.mail.messages import Kind as Message
from ostiary.mail.messages import Letter
from ostiary.runtime import Runtime
from ostiary.signin import challenges
from ostiary.signin.actions import Admitted, Challenged, Refused, proceed
from ostiary.signin.budgets import spend_message
from ostiary.signin.challenges import AttemptInvalid, Entry, InvalidCode
from ostiary.signin.finding import active_at, known_device
from ostiary.signin.letters import letter, lifetime
from ostiary.signin.links import TokenInvalid, attempt
from ostiary.signin.notices import of_sign_in, withdraw
from ostiary.signin.standing import look, standing
from ostiary.signin.tables import SignIn
from ostiary.signin.verification import accept_mailbox
from ostiary.users.actions import profile_of
from ostiary.users.names import email_key

ByMail = Literal["email_link", "email_code"]

_DIGITS = 6
_PURPOSE = "email_code"
_ADD = insert(SignIn)


class MagicLinkClosed(Problem):
    """This server sends no sign-in links: `links.magic_link` names no page that they lead to."""

    status, slug, title = 403, "magic-link-closed", "There are no sign-in links here"


@dataclass(frozen=True, slots=True)
class Asked:
    """A link or a code is on its way, if anybody has the address. `expires_in` in seconds."""

    token: Token
    expires_in: int


async def ask_link(
    rt: Runtime, email: str, *, continue_to: str | None = None, origin: Origin
) -> Asked:
    """Mail a sign-in link. Raises `MagicLinkClosed`, `Validation`, `TooManyRequests`."""
    template = rt.settings.links.magic_link
    if template is None:
        raise MagicLinkClosed
    if continue_to is not None and not _may_continue(rt, continue_to):
        advice = "use a URL at public_url or at one of links.continue_origins."
        raise Validation(faults=(Fault(Code.NOT_ALLOWED, advice, pointer="/continue"),))
    asked = tokens.new_token("ostat", tokens.new_id("sin", rt.clock.now()))
    sent = tokens.new_token("ostml", asked.id)
    link = _continued(template.replace("{token}", str(sent)), continue_to)
    return await _ask(rt, email, "email_link", asked, sent.digest, {"link": link}, origin)


async def ask_code(rt: Runtime, email: str, *, origin: Origin) -> Asked:
    """Mail a sign-in code of six digits. Raises `TooManyRequests`."""
    asked = tokens.new_token("ostat", tokens.new_id("sin", rt.clock.now()))
    code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"
    stored = rt.vault.mac(_PURPOSE, f"{asked.id}/{code}")
    return await _ask(rt, email, "email_code", asked, stored, {"code": code}, origin)


async def present_link(
    rt: Runtime, presented: str, link: str, *, device_token: str | None, origin: Origin
) -> Admitted | Challenged:
    """Sign in with a mailed link. Raises `AttemptInvalid`, `TokenInvalid`, `TooManyRequests`."""
    sent = tokens.parse_token("ostml", link)

    def is_right(row: AnyRow) -> bool:
        return sent is not None and equal(sent.digest, row.answer)

    return await _present(rt, "email_link", presented, is_right, device_token, origin)


async def present_code(
    rt: Runtime, presented: str, code: str, *, device_token: str | None, origin: Origin
) -> Admitted | Challenged:
    """Sign in with a mailed code. Raises `AttemptInvalid`, `InvalidCode`, `TooManyRequests`."""

    def is_right(row: AnyRow) -> bool:
        macs = rt.vault.macs(_PURPOSE, f"{row.id}/{code.strip()}")
        return any(equal(mac, row.answer) for mac in macs)

    return await _present(rt, "email_code", presented, is_right, device_token, origin)


async def _ask(
    rt: Runtime,
    email: str,
    kind: ByMail,
    asked: Token,
    stored: bytes,
    values: dict[str, str | int],
    origin: Origin,
) -> Asked:
    key = email_key(email)
    await spend_message(rt, key, origin)
    found = await active_at(rt, key)
    now, span = rt.clock.now(), timedelta(seconds=rt.settings.links.magic_link_lifetime)
    row = {
        "id": asked.id,
        "purpose": kind,
        "user_id": found.id if found else None,
        "digest": asked.digest,
        "answer": stored,
        "proofs": "",
        "email_key": key,
        "tries": 0,
        "created_at": now,
        "expires_at": now + span,
    }
    about = Message.MAGIC_LINK if kind == "email_link" else Message.EMAIL_CODE
    values |= lifetime(span)
    to = (
        letter(profile_of(found), about, **values)
        if found
        else Letter(about, None, None, None, values)
    )
    async with rt.db.write() as tx:
        await tx.execute(_ADD, row)
        await enqueue(tx, rt, now, to)
        data: dict[str, object] = {"kind": kind}
        subject = found.id if found else None
        await emit(tx, now, origin, Happened(EventType.SIGNIN_MAILED, subject=subject, data=data))
    return Asked(asked, rt.settings.links.magic_link_lifetime)


async def _present(
    rt: Runtime,
    kind: ByMail,
    presented: str,
    is_right: Callable[[AnyRow], bool],
    device_token: str | None,
    origin: Origin,
) -> Admitted | Challenged:
    spent = await attempt(rt, origin)
    token = tokens.parse_token("ostat", presented)
    row = await challenges.look(rt, token, kind)
    theirs = await look(rt, row.user_id or "")
    device_id = await known_device(rt, row.user_id or "", device_token)
    notice = None
    if theirs and is_right(row):
        is_known = device_id is not None
        notice = await of_sign_in(rt, theirs.profile, is_known_device=is_known, origin=origin)
    now = rt.clock.now()
    async with rt.db.write() as tx:
        outcome = await _enter(tx, rt, now, kind, token, is_right, device_id, origin)
        if isinstance(outcome, Refused):
            happened = Happened(
                EventType.SIGNIN_MAIL_REFUSED, subject=row.user_id, data={"kind": kind}
            )
            await emit(tx, now, origin, happened)
        if notice and isinstance(outcome, Admitted):
            await enqueue(tx, rt, now, notice.letter)
    if not isinstance(outcome, Admitted):
        await withdraw(rt, notice)
    if isinstance(outcome, Refused):
        raise outcome.problem
    await rt.limits.refund(spent)
    return outcome


async def _enter(
    tx: Connection,
    rt: Runtime,
    now: datetime,
    kind: ByMail,
    token: Token | None,
    is_right: Callable[[AnyRow], bool],
    device_id: str | None,
    origin: Origin,
) -> Admitted | Challenged | Refused:
    row = await challenges.take_try(tx, now, token, kind) if token else None
    if row is None:
        return Refused(AttemptInvalid())
    wrong = Refused(TokenInvalid() if kind == "email_link" else InvalidCode())
    before = await standing(tx, row.user_id or "")
    if not is_right(row) or before is None or email_key(before.profile.email) != row.email_key:
        return wrong
    if not await challenges.finish(tx, row.id):
        return Refused(AttemptInvalid())
    await accept_mailbox(tx, now, row.user_id, origin=origin)
    # Once more: of an account that was never verified, nothing is bound any longer.
    theirs = await standing(tx, row.user_id)
    if theirs is None:
        return wrong
    entry = Entry(
        row.user_id,
        theirs.profile.role,
        (Proof(kind),),
        known_device_id=device_id if before.profile.email_verified else None,
        email_key=row.email_key,
    )
    outcome = await proceed(tx, rt, now, entry, bound=theirs.bound, origin=origin)
    if outcome is None:
        return wrong
    return outcome if isinstance(outcome, Challenged) else Admitted(outcome, theirs.mfa_enabled)


def _may_continue(rt: Runtime, address: str) -> bool:
    """Whether `address` is at a listed origin, read as every browser reads it."""
    # A browser takes a backslash for a slash, and drops tabs and line ends.
    if not address.isascii() or not address.isprintable() or "\\" in address or " " in address:
        return False
    parts = urlsplit(address)
    origin = f"{parts.scheme}://{parts.netloc.lower()}"
    return origin in (rt.settings.public_url, *rt.settings.links.continue_origins)


def _continued(link: str, continue_to: str | None) -> str:
    if continue_to is None:
        return link
    parts = urlsplit(link)
    query = "&".join(part for part in (parts.query, urlencode({"continue": continue_to})) if part)
    return urlunsplit(parts._replace(query=query))
