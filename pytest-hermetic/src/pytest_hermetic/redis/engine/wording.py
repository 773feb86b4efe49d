"""Redis 7.0's words for what goes wrong, where the engine has others."""

from __future__ import annotations

import re

from pytest_hermetic.redis.engine.adapter import SimpleError
from pytest_hermetic.redis.resp import Failure

_ODD_ARGUMENTS = "ERR Wrong number of args calling Redis command from script"
_TEXTS = {
    ("", "ERR BUSYGROUP Consumer Group name already exists"): (
        "BUSYGROUP Consumer Group name already exists"
    ),
    ("", "ERR min or max not a valid string range item"): (
        "ERR min or max not valid string range item"
    ),
    ("pfadd", "WRONGTYPE Operation against a key holding the wrong kind of value"): (
        "WRONGTYPE Key is not a valid HyperLogLog string value."
    ),
}
_CODED = re.compile(r"^[A-Z]{3,} ")
_EXPIRE = re.compile(r"^ERR invalid expire time in '?(\w+)'?(?: command)?$")


def unknown_command(fields: list[bytes]) -> str:
    """The text for a name that is not a command, quoting the first arguments."""
    name, *arguments = (_text(field) for field in fields)
    quoted = ""
    for argument in arguments:
        if len(quoted) >= 128:
            break
        quoted += f"'{argument[: 128 - len(quoted)]}' "
    return f"ERR unknown command '{name[:128]}', with args beginning with: {quoted}"


def unknown_subcommand(fields: list[bytes]) -> str:
    """The text for a subcommand that its command does not have."""
    return (
        f"ERR unknown subcommand '{_text(fields[1])[:128]}'. Try {_text(fields[0]).upper()} HELP."
    )


def reword(error: SimpleError, command: str) -> Failure:
    """The engine's refusal of ``command`` in Redis 7.0's words."""
    text = error.value
    if text == _ODD_ARGUMENTS or text.startswith("ERR wrong number of arguments for"):
        return Failure(f"ERR wrong number of arguments for '{command.replace(' ', '|')}' command")
    text = _TEXTS.get((command, text)) or _TEXTS.get(("", text)) or text
    if text.startswith("ERR at least 1 input key is needed for ") and "'" not in text:
        return Failure(f"ERR at least 1 input key is needed for '{command}' command")
    match = _EXPIRE.match(text)
    if match:
        return Failure(f"ERR invalid expire time in '{command}' command")
    return Failure(text if _CODED.match(text) else f"ERR {text}")


def _text(field: bytes) -> str:
    return field.decode("utf-8", "surrogateescape").replace("\r", " ").replace("\n", " ")
