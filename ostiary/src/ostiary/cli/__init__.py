"""The command line: `ostiary serve | migrate | config | user | keys | version`.

Owns: arguments, exit codes, what an operator reads. Does not own: any rule; each command calls
one action. Exit codes: 0 done, 1 refused or failed (with one line that says why), 2 wrong usage.
"""

import sys

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ostiary.cli.commands import app
from ostiary.kernel.problems import Problem
from ostiary.kernel.redis import RedisError
from ostiary.kernel.schema import SchemaBehind
from ostiary.kernel.vault import SealBroken
from ostiary.settings import SettingsError

__all__ = ["main"]


def main() -> None:
    """Run the command that `sys.argv` names, and exit. What is refused is told in one line."""
    try:
        app()
    except (SettingsError, SchemaBehind) as error:
        _fail(str(error))
    except SealBroken:
        _fail("a stored key cannot be opened: secret_keys lacks the one it was sealed under")
    except Problem as problem:
        _fail("; ".join(fault.detail for fault in problem.faults) or problem.title)
    except DBAPIError as error:
        _fail(f"the database refused: {error.orig}")
    except RedisError as error:
        _fail(f"redis refused: {error}")
    except (OSError, TimeoutError, PoolTimeout) as error:
        _fail(str(error) or "the database does not answer")
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(why: str) -> None:
    for line in why.splitlines():
        print(f"ostiary: {line}", file=sys.stderr)
    sys.exit(1)
