"""Several command lines in one process, through its real entry point: it starts once for all."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cli.running import PATIENCE, environment

_DRIVER = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from ostiary.cli import main

lines, told = json.load(sys.stdin), []
for arguments, typed in lines:
    sys.argv, sys.stdin = ["ostiary", *arguments], io.StringIO(typed)
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
    told.append([code or 0, out.getvalue(), err.getvalue()])
json.dump(told, sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One command line, what is piped into it, and what it is expected to say.

    `says` is the start of its standard output; with `refuses`, of its standard error.
    """

    command: str
    says: str = ""
    refuses: str = ""
    stdin: str = ""


def run(folder: Path, *lines: Line, **settings: str) -> list[str]:
    """Run the lines one after the other, check each, and return what each has said."""
    asked = [(line.command.split(), line.stdin) for line in lines]
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER],
        cwd=folder,
        env=environment(folder, **settings),
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for line, (code, out, err) in zip(lines, told, strict=True):
        assert code == (1 if line.refuses else 0), (line, out, err)
        assert out.startswith(line.says), (line, out)
        assert err.startswith(f"ostiary: {line.refuses}" if line.refuses else ""), (line, err)
        assert bool(err) == bool(line.refuses), (line, err)
        assert "Traceback" not in err
    return [out or err for _, out, err in told]
