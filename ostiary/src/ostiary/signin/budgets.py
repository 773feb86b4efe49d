"""Attempt budgets of everything that leads in, and of the messages that anybody may ask for."""

from contextlib import suppress

from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.kernel.limits import Budget, Claim, Spent
from ostiary.kernel.origin import Origin
from ostiary.kernel.problems import TooManyRequests
from ostiary.runtime import Runtime


async def spend(rt: Runtime, claim: Claim, limited: EventType, origin: Origin) -> Spent:
    """Take one attempt. Raises `TooManyRequests`, of which `limited` is logged once a window."""
    try:
        return await rt.limits.spend(claim)
    except TooManyRequests as refusal:
        if refusal.is_first:
            async with rt.db.write() as tx:
                happened = Happened(limited, data={"budget": claim.budget.name})
                await emit(tx, rt.clock.now(), origin, happened)
        raise


async def spend_message(rt: Runtime, recipient: str, origin: Origin) -> None:
    """Take one message to `recipient` (an address's key, known or not), asked for from here.

    Raises `TooManyRequests`.
    """
    limits = rt.settings.limits
    of_sender = Budget("messages-address", limits.messages_address, limits.message_window)
    spent = await spend(rt, Claim(of_sender, origin.network), EventType.MESSAGE_LIMITED, origin)
    try:
        await spend(rt, _to(rt, recipient), EventType.MESSAGE_LIMITED, origin)
    except TooManyRequests:
        await rt.limits.refund(spent)
        raise


async def count_message(rt: Runtime, recipient: str, origin: Origin) -> bool:
    """Take one message to `recipient` where there is one left; whether there was."""
    with suppress(TooManyRequests):
        await spend(rt, _to(rt, recipient), EventType.MESSAGE_LIMITED, origin)
        return True
    return False


async def count_notice(rt: Runtime, user_id: str) -> Spent | None:
    """Take one notice about `user_id`; None where there is none left.

    A budget of its own: who uses up the messages must not keep the owner from being warned.
    """
    with suppress(TooManyRequests):
        return await rt.limits.spend(Claim(Budget("notices-recipient", 20, 3_600), user_id))
    return None


def _to(rt: Runtime, recipient: str) -> Claim:
    limits = rt.settings.limits
    budget = Budget("messages-recipient", limits.messages_recipient, limits.message_window)
    return Claim(budget, recipient)
