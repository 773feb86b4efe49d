"""`mail list | retry`: what has not been delivered, and another try for what was put aside."""

import json
from typing import Annotated

import typer

from ostiary.cli.opening import with_runtime
from ostiary.runtime import Runtime

mail = typer.Typer(no_args_is_help=True, help="Look after messages that are not delivered.")


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

    async def run(rt: Runtime) -> None:
        after = ""
        while page := await undelivered(rt, after=after, limit=100):
            for one in page:
                show(one)
            after = page[-1].id

    with_runtime(context, run)


@mail.command("retry")
def mail_retry(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="Messages that were put aside")] = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="All that were put aside")] = False,
) -> None:
    """Try messages again that were put aside; the worker sends them. Prints how many those are."""
    from ostiary.mail.actions import retry

    if bool(ids) == all_of_them:
        raise typer.BadParameter("name messages, or say --all")
    count = with_runtime(context, lambda rt: retry(rt, None if all_of_them else ids or []))
    print(f"{count} messages will be tried again")
