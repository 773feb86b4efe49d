"""The command line: `ostiary serve | worker | migrate | config | user | keys | mail | …`.

Owns: arguments, exit codes, what an operator reads. Does not own: any rule; each command calls
one action. Exit codes: 0 done, 1 refused or failed (with one line that says why), 2 wrong usage.
A command that changes something says so in one sentence on stdout, or in JSON with `--json`.
"""

import os
import sys

import typer

from ostiary.cli.commands import app
from ostiary.cli.outcomes import CommandFailed, describe_usage
from ostiary.kernel.problems import Problem
from ostiary.kernel.schema import SchemaBehind
from ostiary.kernel.vault import SealBroken
from ostiary.settings import SettingsError

__all__ = ["main"]


def main() -> None:
    """Run the command that `sys.argv` names, and exit. What is refused is told in one line."""
    try:
        # Not standalone: it would tell wrong usage in words and boxes of its own.
        sys.exit(app(prog_name="ostiary", standalone_mode=False))
    except typer.TyperException as error:
        _fail(describe_usage(error), code=error.exit_code)
    except typer.Abort:
        _fail("The question was not answered, so nothing was done. Run the command again.")
    except (SettingsError, SchemaBehind, CommandFailed) as error:
        _fail(str(error))
    except SealBroken:
        _fail(
            "secret_keys: the key that sealed a stored value is not among them. Put back the key "
            "that was in use when the value was stored."
        )
    except Problem as problem:
        details = "; ".join(fault.detail for fault in problem.faults)
        _fail(details or problem.detail or problem.title)
    except BrokenPipeError:
        # The reader has gone, as `head` does. What is still buffered has nowhere to go either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        subject = f"{error.filename} cannot be used: " if error.filename else ""
        _fail(f"{subject}{error.strerror or error}.")
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(why: str, *, code: int = 1) -> None:
    for line in why.splitlines():
        print(f"ostiary: {line}", file=sys.stderr)
    sys.exit(code)
