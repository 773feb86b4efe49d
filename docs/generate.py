"""Write the reference pages that are made from the code; with --check, fail where one is stale."""

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from ostiary.app import create_api
from ostiary.cli.commands import app as cli
from ostiary.events.catalogue import EventType
from ostiary.kernel.problems import every_problem
from ostiary.settings import PREFIX, Group, Settings

REFERENCE = Path(__file__).parent / "reference"


def settings() -> Iterator[str]:
    """Every setting."""
    yield "# Settings"
    yield (
        "Read once at start: `ostiary.toml` in the working folder (or `--config FILE`), then "
        "environment variables, which win. A relative path counts from the working folder, also "
        "where `--config` names a file in another one. Lists in a variable are comma-separated. "
        f"A key, or a variable with the prefix `{PREFIX}`, that is not here refuses to start."
    )
    yield "| setting | variable | default | meaning |\n|---|---|---|---|\n" + "\n".join(
        _settings_rows(Settings, ())
    )


def events() -> Iterator[str]:
    """Every type of event."""
    yield "# Events"
    yield (
        "Each row of the event log has an id, a type, a time, an actor (who did it), a subject "
        "(to whom), and where they are known the session, the IP address and the request id. "
        "`data` holds what the meaning below names."
    )
    rows = [f"| `{one.value}` | {one.meaning} |" for one in sorted(EventType)]
    yield "| type | meaning |\n|---|---|\n" + "\n".join(rows)


def problems() -> Iterator[str]:
    """Every problem."""
    yield "# Problems"
    yield (
        "A refusal is `application/problem+json` (RFC 9457). Its `type` is "
        "`<public_url>/problems/<slug>`, a page that the server itself serves with this text."
    )
    for one in sorted(every_problem(), key=lambda kind: (kind.status, kind.slug)):
        text = inspect.cleandoc(one.__doc__ or "")
        yield f"## {one.slug}\n\nStatus {one.status} · {one.title}\n\n{text}"


def command_line() -> Iterator[str]:
    """Every command."""
    yield "# Command line"
    yield (
        "Exit codes: 0 done, 1 refused or failed (one line on stderr says why), 2 wrong usage. A "
        "command that changes something says so in a sentence on stdout; `--json`, where a command "
        "has it, prints JSON instead."
    )
    yield (
        "Only `serve` and `migrate` make a database and a secret key. Every other command refuses "
        "where there is none: it leaves the folder as it is, and says where it looked. A relative "
        "path, such as that of the default `sqlite:///var/ostiary.db`, counts from the working "
        "folder."
    )
    root = typer.main.get_command(cli)
    yield f"## ostiary\n\nOptions before the command.\n\n{_parameters(root)}"
    yield from _commands(typer.main.get_command(cli), "ostiary")


def endpoints() -> Iterator[str]:
    """Every operation."""
    yield "# Endpoints"
    yield (
        "Made from the OpenAPI document, which a running server has at `/openapi.json`, and for "
        "people at `/docs`. What holds for all of them is in [http-api.md](http-api.md)."
    )
    document = create_api(Settings()).openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield _endpoint(method.upper(), path, operation)


PAGES = {
    "settings.md": settings,
    "events.md": events,
    "problems.md": problems,
    "cli.md": command_line,
    "endpoints.md": endpoints,
}


def _settings_rows(group: type[Group], path: tuple[str, ...]) -> Iterator[str]:
    for name, field in group.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Group):
            yield from _settings_rows(kind, (*path, name))
            continue
        names = (*path, field.alias or name)
        variable = PREFIX + "__".join(names).upper()
        default = field.default if field.default not in ((), "", None) else "(none)"
        yield f"| `{'.'.join(names)}` | `{variable}` | {default} | {field.description} |"


def _commands(command: Any, name: str) -> Iterator[str]:
    if hasattr(command, "commands"):
        for child, one in command.commands.items():
            yield from _commands(one, f"{name} {child}")
        return
    yield f"## {name}\n\n{command.help}\n\n{_parameters(command)}".rstrip()


def _parameters(command: Any) -> str:
    rows = [
        f"| `{' '.join(one.opts) if one.param_type_name == 'option' else one.name}` "
        f"| {one.help or ''} |"
        for one in command.params
        if one.name != "help"
    ]
    return "| argument | meaning |\n|---|---|\n" + "\n".join(rows) if rows else ""


def _endpoint(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = []
    for status, one in sorted(operation["responses"].items()):
        parts = [part.strip() for part in one["description"].split("\n\n") if part.strip()]
        if parts == ["Successful Response"]:
            parts = [_shape(one)]
        rows.append(f"| {status} | {'<br>'.join(parts)} |")
    table = "| status | answer |\n|---|---|\n" + "\n".join(rows)
    head = f"## {method} {path}\n\n`{operation['operationId']}`: {operation['description']}"
    return "\n\n".join([head, table, *_examples(operation)])


def _examples(operation: dict[str, Any]) -> Iterator[str]:
    parts = [("Request", operation.get("requestBody", {}))]
    parts += [("Answer", one) for one in operation["responses"].values()]
    for label, part in parts:
        for media in part.get("content", {}).values():
            for name, example in media.get("examples", {}).items():
                text = json.dumps(example["value"], indent=2, ensure_ascii=False)
                yield f"{label}, an example of `{name}`:\n\n```json\n{text}\n```"


def _shape(response: dict[str, Any]) -> str:
    for media in response.get("content", {}).values():
        schema = media["schema"]
        references = [one["$ref"] for one in schema.get("anyOf", [schema]) if "$ref" in one]
        if references:
            return " or ".join(f"`{one.rpartition('/')[2]}`" for one in references)
    return "No content"


def main() -> None:
    """Write the pages, or compare them with what they should be."""
    stale = []
    for name, make in PAGES.items():
        text = "\n\n".join(make()) + "\n"
        page = REFERENCE / name
        if page.exists() and page.read_text() == text:
            continue
        if "--check" in sys.argv:
            stale.append(name)
        else:
            page.write_text(text)
    if stale:
        sys.exit(f"stale: {', '.join(stale)} in docs/reference; run `make docs`")


if __name__ == "__main__":
    main()
