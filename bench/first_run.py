"""A newcomer's first run: a fresh clone, `make run`, the first 200, the first sign-up, in seconds.

Each combination of a Python and a pip starts from an empty folder and an empty package cache.
Fails where one of them does not end with an account. `make test-install` runs it on each Python
that is there; `--pip 23.0 --pip latest` puts other versions of pip into the virtual environment.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")
PATIENCE = 300.0
ACCOUNT = {"email": "ada@example.com", "password": "correct horse battery"}


def _runs(python: str) -> bool:
    if shutil.which(python) is None:
        return False
    return (
        subprocess.run(
            [python, "-c", "import ensurepip"], check=False, capture_output=True
        ).returncode
        == 0
    )


def _ask(url: str, body: dict[str, str] | None = None) -> int:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code
    except OSError:
        return 0


def _with_pip(checkout: Path, python: str, version: str, environment: dict[str, str]) -> None:
    """Make the virtual environment that `make run` would make, with another pip."""
    subprocess.run([python, "-m", "venv", ".venv"], cwd=checkout, env=environment, check=True)
    wanted = "pip" if version == "latest" else f"pip=={version}"
    command = [".venv/bin/python", "-m", "pip", "install", "--quiet", "--upgrade", wanted]
    subprocess.run(command, cwd=checkout, env=environment, check=True)
    (checkout / ".venv" / "folder").write_text(f"{checkout}\n")
    (checkout / ".venv" / "python").write_text(f"{python}\n")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


def measure(python: str, pip: str) -> bool:
    """Run it once and print a row; tell whether it ended with an account."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder).resolve() / "ostiary"
        environment = {**os.environ, "PIP_CACHE_DIR": f"{folder}/cache"}
        started = time.monotonic()
        clone = ["git", "clone", "--quiet", str(REPOSITORY), str(checkout)]
        subprocess.run(clone, check=True)
        if pip != "own":
            _with_pip(checkout, python, pip, environment)
            shutil.rmtree(f"{folder}/cache", ignore_errors=True)
            started = time.monotonic()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with (checkout.parent / "output").open("wb") as output:
            process = subprocess.Popen(
                ["make", "run", f"PYTHON={python}", f"ARGS=--port {port}"],
                cwd=checkout,
                env=environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{port}"
        try:
            while _ask(f"{url}/health/live") != 200:
                if process.poll() is not None or time.monotonic() - started > PATIENCE:
                    print((checkout.parent / "output").read_text()[-2_000:], file=sys.stderr)
                    return False
                time.sleep(0.02)
            answered = time.monotonic() - started
            status = _ask(f"{url}/api/v1/auth/signup", ACCOUNT)
            signed_up = time.monotonic() - started
        finally:
            _stop(process)
        packages = len(list(checkout.glob(".venv/lib/*/site-packages/*.dist-info")))
        size = sum(one.lstat().st_size for one in checkout.glob(".venv/**/*") if one.is_file())
        version = subprocess.run(
            [".venv/bin/python", "-m", "pip", "--version"],
            check=True,
            cwd=checkout,
            capture_output=True,
            text=True,
        ).stdout.split()
        print(
            f"| {version[-1].strip(')')} | {version[1]} | {packages} | {size / 1e6:.0f} "
            f"| {answered:.1f} | {signed_up:.1f} | {status} |",
            flush=True,
        )
        return status == 201


def main() -> None:
    """Print a table; exit with 1 where a run failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", help="each Python that is there")
    parser.add_argument("--pip", action="append", help="`own`, `latest` or a version; default: own")
    arguments = parser.parse_args()
    pythons = arguments.python or [one for one in PYTHONS if _runs(one)]
    print("| Python | pip | packages | MB | s to the first 200 | s to the first sign-up | status |")
    print("|---|---|---|---|---|---|---|", flush=True)
    outcomes = [measure(python, pip) for python in pythons for pip in arguments.pip or ["own"]]
    print(f"{outcomes.count(True)} passed, {outcomes.count(False)} failed")
    if not outcomes or not all(outcomes):
        sys.exit(1)


if __name__ == "__main__":
    main()
