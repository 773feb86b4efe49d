"""Every command, with its arguments. `docs/reference/cli.md` is made from this."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from ostiary import __version__
from ostiary.cli.accounts.access import user
from ostiary.cli.configuration import config
from ostiary.cli.database import database
from ostiary.cli.events import events
from ostiary.cli.opening import settings_of, with_runtime
from ostiary.cli.outbox import mail
from ostiary.cli.outcomes import CommandFailed
from ostiary.kernel import logs
from ostiary.runtime import Runtime
from ostiary.settings import Settings

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
keys = typer.Typer(no_args_is_help=True, help="Look after the signing keys.")
app.add_typer(config, name="config")
app.add_typer(user, name="user")
app.add_typer(keys, name="keys")
app.add_typer(mail, name="mail")
app.add_typer(events, name="events")
app.add_typer(database, name="database")

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings file; without it, ostiary.toml in the working folder, where there is one. "
        "Relative paths in it count from the working folder.",
    ),
]


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(f"ostiary {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Print the version and exit"
    ),
]


@app.callback()
def common(
    context: typer.Context,
    config_file: ConfigFile = None,
    version: Version = False,  # noqa: ARG001 -- its callback prints
) -> None:
    """A self-hosted identity platform. Settings: ostiary.toml, then OSTIARY_… variables."""
    context.obj = config_file


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for all, which needs public_url")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 picks a free one")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes; more than one need a Redis server")
    ] = 1,
) -> None:
    """Start the server. It makes and migrates SQLite itself; for PostgreSQL run migrate first.

    The first start makes var/ostiary.db and var/secret.key in the working folder.

    Ctrl+C or SIGTERM stops it. Requests in flight have 30 seconds to finish.
    """
    # Imported here: the other commands need no HTTP.
    from ostiary.cli.serving.process import serve as run

    settings = settings_of(context)
    logs.configure(settings.log_level)
    run(settings, host=host.removeprefix("[").removesuffix("]"), port=port, workers=workers)


@app.command()
def worker(context: typer.Context) -> None:
    """Deliver messages, sweep, rotate keys: alone, where `worker.enabled` is false for `serve`."""
    from ostiary.cli.working import work

    settings = settings_of(context)
    logs.configure(settings.log_level)
    work(settings)


@app.command()
def migrate(context: typer.Context) -> None:
    """Bring the database to the schema of this version. Safe to run twice, or by two at once.

    An SQLite database that is not there is made, with its secret key.
    """
    from ostiary.cli.failures import explained
    from ostiary.installation import making, places
    from ostiary.kernel import schema

    settings = settings_of(context)
    with explained(settings):
        made = making.create(settings)
        count = asyncio.run(making.migrate(settings))
    if made.sentences():
        print(made.sentences())
    state = f"now: {count} migration{'s' if count > 1 else ''} run" if count else "already"
    print(f"The database {places.place(settings)} is at migration {schema.head():04} {state}.")


@app.command("setup-link")
def setup_link(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object")] = False,
) -> None:
    """Make a link with which the first administrator is made, within an hour.

    Links from before are no longer valid. Refused where there is an administrator.
    """
    from ostiary.signin import bootstrap

    async def run(rt: Runtime) -> tuple[str | None, Settings]:
        return await bootstrap.invite(rt), rt.settings

    link, settings = with_runtime(context, run)
    if link is None:
        raise CommandFailed(
            "No link was made: there is an administrator already. `ostiary user list` shows the "
            "accounts and their roles."
        )
    if as_json:
        print(json.dumps({"url": link}))
        return
    print(f"Open this link within an hour to make the first administrator: {link}")
    if "public_url" not in settings.model_fields_set:
        print(f"It is for a server on {settings.public_url}. For another, set public_url first.")


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


@keys.command("list")
def keys_list(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line")] = False,
) -> None:
    """List the signing keys, newest first, with what each is doing."""
    from ostiary.kernel.keyring import LoadedKey

    def state(key: LoadedKey, rt: Runtime) -> str:
        now = rt.clock.now()
        if key.is_signing(now):
            return "signing"
        if key.signs_until is not None and key.signs_until <= key.signs_from:
            return "overtaken"
        return "published" if key.signs_from > now else "verifying"

    async def run(rt: Runtime) -> None:
        for key in await rt.keys.keys():
            doing, since = state(key, rt), key.signs_from
            if as_json:
                row = {"kid": key.kid, "alg": key.alg, "state": doing}
                print(json.dumps({**row, "signs_from": since.isoformat()}))
            else:
                print(f"{key.kid}  {key.alg}  {doing:9}  from {since:%Y-%m-%d %H:%M}")

    with_runtime(context, run)


@keys.command("rotate")
def keys_rotate(
    context: typer.Context,
    now: Annotated[
        bool, typer.Option("--now", help="Sign at once: for a key that may have leaked")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object")] = False,
) -> None:
    """Add a signing key. It is published at once and signs after 24 hours."""
    from ostiary.kernel.keyring import LoadedKey
    from ostiary.kernel.origin import LOCAL
    from ostiary.sessions.actions import rotate_keys

    async def run(rt: Runtime) -> LoadedKey:
        kid = await rotate_keys(rt, at_once=now, origin=LOCAL)
        return next(key for key in await rt.keys.keys() if key.kid == kid)

    key = with_runtime(context, run)
    if as_json:
        print(json.dumps({"kid": key.kid, "signs_from": key.signs_from.isoformat()}))
        return
    start = "now" if now else f"{key.signs_from:%Y-%m-%d %H:%M} UTC"
    print(f"The signing key {key.kid} is published, and signs from {start} on.")
