"""`mail list | retry | test`: what was not delivered, another try, and a test of the server."""

import json
from typing import Annotated

import typer

from ostiary.cli.opening import with_runtime
from ostiary.cli.outcomes import CommandFailed, count
from ostiary.runtime import Runtime

mail = typer.Typer(
    no_args_is_help=True, help="Test the mail server; look after messages that are not delivered."
)


@mail.command("list")
def mail_list(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line")] = False,
) -> None:
    """List messages that wait or were put aside, oldest first. Their content is not shown."""
    from ostiary.mail.actions import Undelivered, undelivered

    def show(one: Undelivered) -> None:
        due = one.due_at.isoformat() if one.due_at else None
        if as_json:
            row = {"id": one.id, "kind": one.kind, "user_id": one.user_id, "state": one.state}
            row |= {"created_at": one.created_at.isoformat(), "due_at": due}
            print(json.dumps({**row, "attempts": one.attempts, "failure": one.failure}))
            return
        when = f"due {one.due_at:%Y-%m-%d %H:%M}" if one.due_at else one.failure
        print(
            f"{one.id}  {one.created_at:%Y-%m-%d %H:%M}  {one.state:7}  {one.attempts:3}  "
            f"{one.kind:24}  {one.user_id or '-':30}  {when}"
        )

    async def run(rt: Runtime) -> bool:
        after = ""
        while page := await undelivered(rt, after=after, limit=100):
            for one in page:
                show(one)
            after = page[-1].id
        return after == ""

    is_empty = with_runtime(context, run)
    if is_empty and not as_json:
        print("No message waits, and none was put aside.")


@mail.command("retry")
def mail_retry(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="Messages that were put aside")] = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="All that were put aside")] = False,
) -> None:
    """Try messages again that were put aside; the worker sends them."""
    from ostiary.mail.actions import retry

    if bool(ids) == all_of_them:
        raise typer.BadParameter("name messages, or say --all")
    wanted = None if all_of_them else ids or []
    found = with_runtime(context, lambda rt: retry(rt, wanted))
    if found or not wanted:
        print(f"{count(len(found), 'message')} will be tried again.")
    missing = [one for one in dict.fromkeys(wanted or ()) if one not in found]
    if missing:
        raise CommandFailed(
            f"No message with this id was put aside: {', '.join(missing)}. "
            "`ostiary mail list` shows those that were, as failed."
        )


@mail.command("test")
def mail_test(
    context: typer.Context,
    email: Annotated[str, typer.Argument(help="Where the message goes")],
) -> None:
    """Send one message at once, and say what the mail server answered."""
    from ostiary.cli.accounts.lookup import valid
    from ostiary.mail.trial import NotTaken, send_test
    from ostiary.users.names import Email

    to = valid("email", Email, email)

    async def run(rt: Runtime) -> str:
        outcome = await send_test(rt, to)
        if isinstance(outcome, NotTaken):
            raise CommandFailed(
                f"{outcome.where} did not take the message to {to}: {outcome.why}. {outcome.advice}"
            )
        return outcome.where

    where = with_runtime(context, run)
    if where.startswith("/"):
        print(f"Wrote the message to {to} into {where}; no server was asked.")
    elif where:
        print(f"{where} took the message to {to}.")
    else:
        print(
            f"Printed the message to {to} here, for `mail.url` is `console:`; no server was asked."
        )
