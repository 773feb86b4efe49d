"""`config check | show`: whether a server would run on these settings, and what they are."""

import asyncio

import typer
from pydantic import SecretStr

from ostiary.cli.opening import settings_of
from ostiary.installation.places import hide_password

config = typer.Typer(no_args_is_help=True, help="Check the configuration, or show it.")


@config.command("check")
def config_check(context: typer.Context) -> None:
    """Try what `serve` needs: keys, database, Redis, mail, templates. Makes and sends nothing.

    One line for each; exit code 1 where one failed. A database that `serve` would make first
    counts as failed.
    """
    from ostiary.cli.checking import check

    settings = settings_of(context)
    found = asyncio.run(check(settings, file=context.obj))
    for checked in found:
        print(checked)
    if not all(checked.is_ok for checked in found):
        raise typer.Exit(1)


@config.command("show")
def config_show(context: typer.Context) -> None:
    """Print every setting as it will be used, secrets hidden. Opens nothing."""
    for name, value in _flatten(settings_of(context)):
        print(f"{name} = {value}")


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
    if name == "url" or name.endswith("_url"):
        return hide_password(str(value))
    if isinstance(value, tuple):
        return ", ".join("(hidden)" if isinstance(one, SecretStr) else str(one) for one in value)
    return str(value)
