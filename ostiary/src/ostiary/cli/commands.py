"""Every command, with its arguments. `docs/reference/cli.md` is made from this."""

import asyncio
import re
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from ostiary import __version__
from ostiary.cli.access import user
from ostiary.cli.database import database
from ostiary.cli.events import events
from ostiary.cli.opening import settings_of, with_runtime
from ostiary.cli.outbox import mail
from ostiary.kernel import logs
from ostiary.runtime import Runtime

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Ostiary."
)
config = typer.Typer(no_args_is_help=True, help="Look at the configuration.")
keys = typer.Typer(no_args_is_help=True, help="Look after the signing keys.")
app.add_typer(config, name="config")
app.add_typer(user, name="user")
app.add_typer(keys, name="keys")
app.add_typer(mail, name="mail")
app.add_typer(events, name="events")
app.add_typer(database, name="database")

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="Settings file; without it, ostiary.toml where there is one"),
]


@app.callback()
def common(context: typer.Context, config_file: ConfigFile = None) -> None:
    """A self-hosted identity platform. Settings: ostiary.toml, then OSTIARY_… variables."""
    context.obj = config_file


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 picks a free one")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes, one for a core")] = 1,
) -> None:
    """Start the server. SQLite migrates itself; PostgreSQL has to be at head."""
    # Imported here: the other commands need no HTTP.
    from ostiary.cli.serving import serve as run

    settings = settings_of(context)
    logs.configure(settings.log_level)
    run(settings, host=host, port=port, workers=workers)


@app.command()
def worker(context: typer.Context) -> None:
    """Deliver messages, sweep, rotate keys: alone, where `worker.enabled` is false for `serve`."""
    from ostiary.cli.working import work

    settings = settings_of(context)
    logs.configure(settings.log_level)
    work(settings)


@app.command()
def migrate(context: typer.Context) -> None:
    """Bring the database to the schema of this version. Safe to run twice, or by two at once."""
    from ostiary.kernel.database import Database
    from ostiary.migrations import upgrade

    async def run() -> int:
        db = Database(settings_of(context).database_url, pool_size=1)
        try:
            return await upgrade(db)
        finally:
            await db.close()

    count = asyncio.run(run())
    print(f"{count} migrations run" if count else "nothing to do")


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


@config.command("check")
def config_check(context: typer.Context) -> None:
    """Check the configuration without starting; print every setting, secrets hidden."""
    settings = settings_of(context)
    for name, value in _flatten(settings):
        print(f"{name} = {value}")


@keys.command("list")
def keys_list(context: typer.Context) -> None:
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
            print(f"{key.kid}  {key.alg}  {state(key, rt):9}  from {key.signs_from:%Y-%m-%d %H:%M}")

    with_runtime(context, run)


@keys.command("rotate")
def keys_rotate(
    context: typer.Context,
    now: Annotated[
        bool, typer.Option("--now", help="Sign at once: for a key that may have leaked")
    ] = False,
) -> None:
    """Add a signing key. It is published at once and signs after 24 hours."""
    from ostiary.kernel.origin import LOCAL
    from ostiary.sessions.actions import rotate_keys

    kid = with_runtime(context, lambda rt: rotate_keys(rt, at_once=now, origin=LOCAL))
    print(kid)


def _flatten(group: object, prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    fields = type(group).model_fields  # type: ignore[attr-defined]  # every group is a model
    for name, field in fields.items():
        value = getattr(group, name)
        if hasattr(value, "model_fields_set"):
            rows += _flatten(value, f"{prefix}{name}.")
        else:
            rows.append((prefix + (field.alias or name), _shown(name, value)))
    return rows


def _shown(name: str, value: object) -> str:
    if name.endswith("_url") and name != "public_url" and "@" in str(value):
        return make_url(str(value)).render_as_string(hide_password=True)
    if name == "url":
        return re.sub(r"(?<=:)[^:@/]+(?=@)", "***", str(value))
    if isinstance(value, tuple):
        return ", ".join("(hidden)" if isinstance(one, SecretStr) else str(one) for one in value)
    return str(value)
