"""Run many commands, each in a process of its own that starts with everything imported.

Reads a JSON list of argument lists; writes a JSON list of what each did. It is run by
`running.run_each`.
"""

import json
import os
import sys
import tempfile
from typing import IO

import ostiary.app
import ostiary.cli.checking
import ostiary.cli.working
import ostiary.signin.signup  # noqa: F401 -- what commands import is imported once for all
from ostiary.cli import main


def _answer(arguments: list[str], stdin: str) -> dict[str, object]:
    with (
        tempfile.TemporaryFile("w+") as given,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        given.write(stdin)
        given.seek(0)
        child = os.fork()
        if child == 0:
            for number, file in enumerate((given, out, err)):
                os.dup2(file.fileno(), number)
            sys.argv = ["ostiary", *arguments]
            main()
        _, status = os.waitpid(child, 0)
        return {
            "exit_code": os.waitstatus_to_exitcode(status),
            "stdout": _whole(out),
            "stderr": _whole(err),
            "files": sorted(os.listdir()),
        }


def _whole(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


if __name__ == "__main__":
    calls = json.load(sys.stdin)
    # No thread runs yet, and none is to: what is imported is all that the children share.
    print(json.dumps([_answer(one, "correct horse battery\n" * 2) for one in calls]))
