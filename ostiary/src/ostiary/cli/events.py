"""`events list`: the event log, newest first."""

import difflib
import json
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from ostiary.cli.opening import with_runtime
from ostiary.cli.outcomes import CommandFailed
from ostiary.runtime import Runtime

if TYPE_CHECKING:
    # Imported where it is used: no other command waits for it.
    from ostiary.events.catalogue import EventType
    from ostiary.events.reading import Logged

events = typer.Typer(no_args_is_help=True, help="Read the event log: who did what to whom.")

_PAGE = 500


@events.command("list")
def events_list(
    context: typer.Context,
    type: Annotated[str | None, typer.Option(help="Only this type, such as signin.failed")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only what happened to this id, or account's email")
    ] = None,
    actor: Annotated[
        str | None, typer.Option(help="Only what this id, or account's email, did")
    ] = None,
    after: Annotated[
        str | None, typer.Option(help="Only later than this time (RFC 3339), or day in UTC")
    ] = None,
    before: Annotated[
        str | None, typer.Option(help="Only earlier than this time (RFC 3339), or day in UTC")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line")] = False,
) -> None:
    """List events, newest first. Events of one millisecond come in no order."""
    from ostiary.events.reading import Filter, listed

    of_type = _type(type) if type is not None else None
    since, until = _instant("after", after), _instant("before", before)

    async def run(rt: Runtime) -> int:
        which = Filter(of_type, await _id(rt, subject), await _id(rt, actor), since, until)
        shown, cursor = 0, None
        while page := await listed(rt, which, cursor=cursor, limit=min(limit - shown, _PAGE)):
            for one in page:
                print(_as_json(one) if as_json else _as_text(one))
            shown, cursor = shown + len(page), page[-1].id
            if shown == limit:
                break
        return shown

    if with_runtime(context, run) == 0 and not as_json:
        print("There is no such event.")


def _type(name: str) -> "EventType":
    from ostiary.events.catalogue import EventType

    types = {one.value: one for one in EventType}
    if name in types:
        return types[name]
    names = list(types)
    alike = [one for one in names if one.startswith(f"{name}.")]
    alike = alike or difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    nearest = f"The nearest are {', '.join(alike)}." if alike else ""
    raise CommandFailed(
        f"There is no type of event called {name}. "
        + (nearest or "The page docs/reference/events.md lists all.")
    )


async def _id(rt: Runtime, value: str | None) -> str | None:
    """The id that `value` is, or the id of the account with this email."""
    if value is None or "@" not in value:
        return value
    from ostiary.cli.accounts.lookup import account

    return (await account(rt, value)).id


def _instant(option: str, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        if len(value) == len("2026-11-22"):
            return datetime.combine(date.fromisoformat(value), time(), UTC)
        found = datetime.fromisoformat(value)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # refused below, like a time without its zone
    raise CommandFailed(
        f"--{option}: {value} is not a time. Write a day such as 2026-11-22, or a time with its "
        "zone such as 2026-11-22T10:39:45Z (RFC 3339)."
    )


def _as_json(one: "Logged") -> str:
    return json.dumps(
        {
            "id": one.id,
            "type": one.type,
            "at": _time(one.at),
            "actor": one.actor,
            "subject": one.subject,
            "session_id": one.session_id,
            "ip_address": one.ip_address,
            "request_id": one.request_id,
            "data": one.data,
        }
    )


def _as_text(one: "Logged") -> str:
    data = json.dumps(one.data, ensure_ascii=False) if one.data else ""
    return (
        f"{_time(one.at, 'milliseconds')}  {one.type:24}  {one.subject or '-':30}  "
        f"by {one.actor or '-':30}  {one.ip_address or '-':15}  {data}"
    ).rstrip()


def _time(at: datetime, precision: str = "auto") -> str:
    return at.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
