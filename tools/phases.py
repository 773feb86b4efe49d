"""Run commands in order, say which one runs, and end with one line: what passed, in how long.

    phases.py check "format" "ruff format --check ." "lint" "ruff check ."

The first command that fails ends the run with its exit code; the last line names it.
"""

import shlex
import subprocess
import sys
import time


def main(title: str, *names_and_commands: str) -> None:
    """Run the commands; exits with the code of the one that fails."""
    names = names_and_commands[::2]
    commands = names_and_commands[1::2]
    done: list[str] = []
    started = time.monotonic()
    for number, (name, command) in enumerate(zip(names, commands, strict=True), 1):
        print(f"== {title} {number}/{len(names)}  {name}", flush=True)
        begun = time.monotonic()
        code = subprocess.run(shlex.split(command), check=False).returncode
        spent = f"{name} {time.monotonic() - begun:.0f} s"
        if code:
            rest = names[number:]
            unrun = f"; not run: {', '.join(rest)}" if rest else ""
            print(f"{title}: FAILED in {spent} (exit code {code}){unrun}", flush=True)
            # A process that a signal ended has a negative code, and a shell's is 128 and more.
            sys.exit(code if code > 0 else 128 - code)
        done.append(spent)
    total = time.monotonic() - started
    print(f"{title}: {', '.join(done)}: all passed in {total:.0f} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
