"""The account that an email names, and what its values must be; a command ends where it is not."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError

from ostiary.cli.accounts.sentences import no_account
from ostiary.cli.outcomes import CommandFailed
from ostiary.kernel.faults import read
from ostiary.kernel.problems import subject
from ostiary.runtime import Runtime
from ostiary.settings import SettingsError

if TYPE_CHECKING:
    # Imported where it is used: no other command waits for it.
    from ostiary.users.actions import Profile

T = TypeVar("T")

EmailArgument = Annotated[str, typer.Argument(help="The email of the account")]


async def account(rt: Runtime, email: str) -> "Profile":
    """The account with this email. Ends the command where there is none."""
    from ostiary.kernel.problems import NotFound
    from ostiary.users.actions import find
    from ostiary.users.names import Email

    try:
        return await find(rt, valid("email", Email, email))
    except NotFound:
        raise CommandFailed(no_account(email)) from None


async def on_account(
    rt: Runtime, email: str, action: Callable[["Profile"], Awaitable[T]]
) -> "tuple[Profile, T]":
    """Run `action` on the account with this email. Ends the command where that is refused."""
    from ostiary.kernel.problems import NotFound
    from ostiary.users.actions import LastAdministrator

    found = await account(rt, email)
    try:
        return found, await action(found)
    except LastAdministrator:
        raise CommandFailed(
            f"{found.email} is the last administrator that can sign in, and nothing was changed. "
            "Make another one first: `ostiary user promote EMAIL`."
        ) from None
    except NotFound:
        raise CommandFailed(no_account(email)) from None


def valid(name: str, kind: Any, value: str) -> str:
    """`value` as its kind has it. Raises `SettingsError`, which names the argument `name`."""
    try:
        checked: str = TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise SettingsError(f"{subject([name])}: {read(error.errors()[0])[1]}") from None
    return checked
