"""`user …`: the accounts of a server, as its operator sees them."""

import json
import sys
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from ostiary.cli.opening import with_runtime
from ostiary.runtime import Runtime
from ostiary.settings import SettingsError

user = typer.Typer(no_args_is_help=True, help="Create, list, suspend and reactivate accounts.")


@user.command("create")
def user_create(
    context: typer.Context,
    email: Annotated[str, typer.Argument(help="The email address")],
    admin: Annotated[bool, typer.Option("--admin", help="Make them an administrator")] = False,
    verified: Annotated[bool, typer.Option("--verified", help="The address is known good")] = False,
    username: Annotated[str | None, typer.Option(help="A user name")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input")
    ] = False,
) -> None:
    """Create an account. The password is asked for, or read from standard input."""
    from ostiary.authenticators.password import Password
    from ostiary.kernel.origin import LOCAL
    from ostiary.signin.signup import create_user
    from ostiary.users.actions import NewUser
    from ostiary.users.names import Email, Username

    new = NewUser(
        email=_valid("email", Email, email),
        username=_valid("username", Username, username) if username else None,
        role="administrator" if admin else "user",
        email_verified=verified,
    )
    plain: str = _valid("password", Password, _read_password(from_stdin=password_stdin))
    profile = with_runtime(context, lambda rt: create_user(rt, new, plain, origin=LOCAL))
    print(profile.id)


@user.command("list")
def user_list(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line")] = False,
) -> None:
    """List accounts, oldest first."""
    from ostiary.users.actions import Profile, listed

    def show(one: Profile) -> None:
        if as_json:
            row = {"id": one.id, "email": one.email, "role": one.role, "status": one.status}
            print(json.dumps({**row, "created_at": one.created_at.isoformat()}))
        else:
            print(
                f"{one.id}  {one.created_at:%Y-%m-%d}  {one.role:13}  {one.status:9}  {one.email}"
            )

    async def run(rt: Runtime) -> None:
        after = ""
        while page := await listed(rt, after=after, limit=100):
            for one in page:
                show(one)
            after = page[-1].id

    with_runtime(context, run)


@user.command("suspend")
def user_suspend(
    context: typer.Context, email: Annotated[str, typer.Argument(help="Whose account")]
) -> None:
    """Shut an account: its sessions are refused from the next request on."""
    from ostiary.kernel.origin import LOCAL
    from ostiary.users.actions import find, suspend
    from ostiary.users.names import Email

    async def run(rt: Runtime) -> None:
        await suspend(rt, (await find(rt, _valid("email", Email, email))).id, origin=LOCAL)

    with_runtime(context, run)


@user.command("reactivate")
def user_reactivate(
    context: typer.Context, email: Annotated[str, typer.Argument(help="Whose account")]
) -> None:
    """Open a suspended account again."""
    from ostiary.kernel.origin import LOCAL
    from ostiary.users.actions import find, reactivate
    from ostiary.users.names import Email

    async def run(rt: Runtime) -> None:
        await reactivate(rt, (await find(rt, _valid("email", Email, email))).id, origin=LOCAL)

    with_runtime(context, run)


@user.command("reset-mfa")
def user_reset_mfa(
    context: typer.Context, email: Annotated[str, typer.Argument(help="Whose account")]
) -> None:
    """Take every second factor from an account and end its sessions. Make sure who is asking."""
    from ostiary.kernel.origin import LOCAL
    from ostiary.signin.binding import reset
    from ostiary.users.actions import find
    from ostiary.users.names import Email

    async def run(rt: Runtime) -> None:
        await reset(rt, await find(rt, _valid("email", Email, email)), origin=LOCAL)

    with_runtime(context, run)


def _read_password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    prompted: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return prompted


def _valid(name: str, kind: Any, value: str) -> str:
    try:
        checked: str = TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise SettingsError(
            f"{name} {error.errors()[0]['msg'].removeprefix('Value error, ')}"
        ) from None
    return checked
