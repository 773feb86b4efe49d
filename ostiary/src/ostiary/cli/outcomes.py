"""How a command ends: with one sentence that says what it did, or why it did nothing."""

import re
from difflib import get_close_matches
from typing import Any

import typer
from pydantic import ValidationError

from ostiary.kernel.faults import read


class CommandFailed(Exception):
    """A command cannot go on; the text says what failed, why, and what to do next."""


def count(number: int, thing: str) -> str:
    """`number` with its noun, such as "1 session" or "2 sessions"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def describe_usage(error: typer.TyperException) -> str:
    """What is wrong with the call, and what to do. `error` is what reading the arguments raised.

    Its classes are told apart by their names: most of them are not public.
    """
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "ostiary"
    help_hint = f"`{command} --help`"
    match type(error).__name__:
        case "NoArgsIsHelpError":
            return error.message  # empty where the help is printed already
        case "MissingParameter":
            return f"{_subject(error)}: this is required. Add it; {help_hint} describes it."
        case "BadParameter":
            return f"{_subject(error)}: {_fault(error)}"
        case "NoSuchOption":
            name: str = getattr(error, "option_name", "")
            near = get_close_matches(name, _options(context), n=1)
            advice = f"Did you mean {near[0]}?" if near else f"{help_hint} lists the options."
            return f"{name}: `{command}` has no such option. {advice}"
        case "BadOptionUsage":
            name = getattr(error, "option_name", "")
            if "does not take a value" in error.message:
                return f"{name}: this option takes no value. Write only {name}."
            return f"{name}: this option needs a value. Write the value behind {name}."
    return _describe_words(error.message, context, command)


def _describe_words(message: str, context: Any, command: str) -> str:
    """A fault that has no class of its own, only a message."""
    help_hint = f"`{command} --help`"
    if found := re.match(r"No such command '(.*?)'", message):
        near = get_close_matches(found[1], getattr(context.command, "commands", ()), n=1)
        advice = (
            f"Did you mean `{command} {near[0]}`?" if near else f"{help_hint} lists the commands."
        )
        return f"{found[1]}: `{command}` has no such command. {advice}"
    if found := re.match(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)$", message):
        return f"{found[1]}: `{command}` takes fewer arguments. Leave this out."
    if message.startswith("Missing command"):
        return f"`{command}` needs a command behind it. {help_hint} lists the commands."
    return f"{message.rstrip('.')}. {help_hint} says what `{command}` takes."


def _subject(error: typer.TyperException) -> str:
    """The option, or the noun of the argument."""
    parameter = getattr(error, "param", None)
    if parameter is None:
        return "The call"
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.name).replace("_", " ").capitalize()


def _fault(error: typer.TyperException) -> str:
    parameter = getattr(error, "param", None)
    choices = [str(one) for one in getattr(_type_of(parameter), "choices", None) or ()]
    if choices:
        return f"use {' or '.join(choices)}."
    if isinstance(error.__cause__, ValidationError):
        return read(error.__cause__.errors(include_url=False)[0])[1]
    return f"{error.message.rstrip('.')}. Use another value."


def _type_of(parameter: Any) -> Any:
    return getattr(parameter, "type_descriptor", None)


def _options(context: Any) -> list[str]:
    if context is None:
        return []
    return [name for one in context.command.get_params(context) for name in one.opts]
