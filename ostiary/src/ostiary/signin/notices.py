"""What the owner of an account is told of a sign-in that somebody else may have made."""

import asyncio
from dataclasses import dataclass

from ostiary.kernel.limits import Spent
from ostiary.kernel.origin import Origin
from ostiary.mail.messages import Kind, Letter
from ostiary.runtime import Runtime
from ostiary.sessions.devices import describe
from ostiary.signin.budgets import count_notice
from ostiary.signin.letters import letter
from ostiary.users.actions import Profile


@dataclass(frozen=True, slots=True)
class Notice:
    """A letter to be sent, and what it took of its budget."""

    letter: Letter
    spent: Spent


async def withdraw(rt: Runtime, notice: Notice | None) -> None:
    """Give back what a notice took that is not sent."""
    if notice is not None:
        await rt.limits.refund(notice.spent)


async def of_sign_in(
    rt: Runtime, profile: Profile, *, is_known_device: bool, origin: Origin
) -> Notice | None:
    """The notice of a sign-in from a device that is new, or None.

    Made before the transaction of the sign-in; given back (`withdraw`) where that came to nothing.

    The first sign-in of all is no news, and a flood of them is told a few times only.
    """
    if is_known_device or profile.last_sign_in_at is None:
        return None
    spent = await count_notice(rt, profile.id)
    if spent is None:
        return None
    # In a thread: the first User-Agent of a process loads large tables.
    hint = await asyncio.to_thread(describe, origin.user_agent)
    told = letter(
        profile,
        Kind.NEW_DEVICE,
        device=", ".join(part for part in (hint.browser, hint.os) if part),
        ip_address=origin.ip_address,
        at=rt.clock.now().isoformat(),
    )
    return Notice(told, spent)
