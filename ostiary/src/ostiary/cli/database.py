"""`database copy`: from the SQLite file of the settings to PostgreSQL."""

import asyncio
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ostiary.cli.failures import explained
from ostiary.cli.opening import settings_of
from ostiary.cli.outcomes import CommandFailed
from ostiary.installation import finding
from ostiary.installation.places import database_file, is_sqlite, secret_file
from ostiary.kernel.database import Database, driver_url
from ostiary.settings import Settings, SettingsError

if TYPE_CHECKING:
    from ostiary.copying.actions import Copied

database = typer.Typer(no_args_is_help=True, help="Move the data to another database.")

_URL_NEEDED = "--to: give the URL of a PostgreSQL database, postgresql://user:password@host/name."
_PATIENCE = 60.0  # seconds for a batch: nobody waits for an answer as a request does
_AGAIN = "run the same command once more"


@database.command("copy")
def database_copy(
    context: typer.Context,
    to: Annotated[
        str,
        typer.Option(
            envvar="COPY_TO_DATABASE_URL",
            show_envvar=False,
            help="postgresql://user:password@host/name; or set COPY_TO_DATABASE_URL, which keeps "
            "the password out of the list of processes",
        ),
    ],
) -> None:
    """Copy everything from SQLite to PostgreSQL, and compare every row.

    The server may run meanwhile. Stop it, and run the command once more: the second run copies what
    was written since, and is complete when it ends with 0. A run that was interrupted is started
    again in the same way. An empty target is migrated; one that holds anything else is refused.
    """
    from ostiary.copying.actions import copy
    from ostiary.copying.rows import CopyRefused

    settings = settings_of(context)
    file = _source(settings)
    target = _target(to)
    finding.find(settings)

    async def run() -> "Copied":
        db = Database(to, pool_size=2, patience=_PATIENCE)
        try:
            return await copy(settings.database_url, db, tell=_tell)
        finally:
            await db.close()

    print(f"From {file} to {target}", flush=True)
    try:
        with explained(settings.model_copy(update={"database_url": to})):
            copied = asyncio.run(run())
    except CopyRefused as refusal:
        raise CommandFailed(str(refusal)) from None
    except CommandFailed as failure:
        # The words are of a database that the settings name; this one is named by an option.
        raise CommandFailed(str(failure).replace("database_url", "--to")) from failure
    _show(copied)
    if not copied.is_equal:
        raise CommandFailed(
            f"The target differs. Stop every program that writes to it, and {_AGAIN}."
        )
    if not copied.is_held:
        raise CommandFailed(
            f"Another program has {file} open, and may have written to it since this run began. "
            f"Stop the server, and {_AGAIN}: it copies what is new."
        )
    _advise(settings, file, target)


def _source(settings: Settings) -> Path:
    if not is_sqlite(settings):
        raise SettingsError(
            "database_url: names PostgreSQL already. Set it to the SQLite file that is to be "
            "copied, sqlite:///path, and give the new database as --to."
        )
    return database_file(settings)


def _target(to: str) -> str:
    """Where `to` leads, without user, password and parameters."""
    try:
        url = driver_url(to)
    except ValueError as error:
        is_postgresql = to.startswith("postgresql")
        raise SettingsError(f"--to: {error}" if is_postgresql else _URL_NEEDED) from None
    if url.get_backend_name() != "postgresql" or not url.database:
        raise SettingsError(_URL_NEEDED)
    return f"PostgreSQL at {url.host or 'localhost'}:{url.port or 5432}, database {url.database}"


def _tell(step: str, table: str) -> None:
    """Show what is being done, to a person who waits for it."""
    if sys.stderr.isatty():
        print(f"{step} {table}", file=sys.stderr, flush=True)


def _show(copied: "Copied") -> None:
    print(f"{'table':16} {'rows':>10} {'copied':>10} {'changed':>10} {'removed':>10}  verified")
    for one in copied.tables:
        verdict = f"{one.differing:,} differ" if one.differing else "equal"
        print(
            f"{one.name:16} {one.rows:10,} {one.copied:10,} {one.changed:10,} {one.removed:10,}"
            f"  {verdict}"
        )


def _advise(settings: Settings, file: Path, target: str) -> None:
    print(
        f"\nEvery row is equal, and no other program had {file} open: the copy is complete.\n"
        "Now set database_url to the new database, and keep the secret keys:\n"
    )
    if settings.secret_keys:
        print("  secret_keys stays as it is set now.")
    else:
        quoted = shlex.quote(str(secret_file(settings)))
        print(f'  export OSTIARY_SECRET_KEYS="$(cat {quoted})"')
    print(f"  OSTIARY_DATABASE_URL: the URL of --to ({target})")
    print(f"\nThen start the server. Start none on {file} again: the two would part.")
