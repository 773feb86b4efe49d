"""`make run` and `make test` install what the lock names, whatever is released later."""

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TOOLS = REPOSITORY / "tools"
NEWER = "9999"

PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[.*?\])?==(?P<version>\S+)(?P<marker>.*?) \\$"
)


def _wheel(folder: Path, name: str, version: str) -> str:
    """An empty package, which asks for what the real one asks for; its digest."""
    escaped = re.sub(r"[-_.]+", "_", name)
    file = folder / f"{escaped}-{version}-py3-none-any.whl"
    info = f"{escaped}-{version}.dist-info"
    try:
        needed = requires(name) or []
    except PackageNotFoundError:  # one for another Python or another system
        needed = []
    extras = {extra for one in needed for extra in re.findall(r"extra == ['\"]([^'\"]+)", one)}
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Provides-Extra: {extra}" for extra in sorted(extras)]
    metadata += [f"Requires-Dist: {one}" for one in needed]
    parts = {"METADATA": metadata, "WHEEL": ["Wheel-Version: 1.0", "Tag: py3-none-any"]}
    with zipfile.ZipFile(file, "w") as archive:
        for part, lines in {**parts, "RECORD": []}.items():
            # Of one date, so that the same package has the same digest twice.
            archive.writestr(
                zipfile.ZipInfo(f"{info}/{part}"), "".join(f"{line}\n" for line in lines)
            )
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of no packages whose lock names empty ones; `index` has them and newer ones."""
    (tmp_path / "index").mkdir()
    (tmp_path / "requirements").mkdir()
    shutil.copytree(TOOLS, tmp_path / "tools")
    for lock in ("run.txt", "dev.txt"):
        lines = []
        for line in (REPOSITORY / "requirements" / lock).read_text().splitlines():
            if pin := PIN.match(line):
                digest = _wheel(tmp_path / "index", pin["name"], pin["version"])
                _wheel(tmp_path / "index", pin["name"], NEWER)
                lines += [line, f"    --hash=sha256:{digest}"]
        (tmp_path / "requirements" / lock).write_text("".join(f"{line}\n" for line in lines))
    return tmp_path


def _run(checkout: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", *arguments],
        cwd=checkout,
        env={"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": "/dev/null", **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )


def _install(checkout: Path, lock: str) -> "subprocess.CompletedProcess[str]":
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(checkout / "index")}
    return _run(checkout, "tools/install.sh", lock, sys.executable, **index)


def _installed(checkout: Path) -> dict[str, str]:
    python = checkout / ".venv" / "bin" / "python"
    listed = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", "list", "--format=freeze"],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split("==") for line in listed.stdout.splitlines())


def test_a_lock_is_installed_as_it_is_while_newer_releases_of_everything_exist(
    checkout: Path,
) -> None:
    dev = _install(checkout, "dev")
    assert dev.returncode == 0, dev.stderr
    assert "Installing 137 packages from requirements/dev.txt" in dev.stdout
    installed = _installed(checkout)
    assert NEWER not in installed.values()
    # The one whose pin old versions of pip did not apply.
    assert (installed["coverage"], installed["pytest-cov"]) == (
        _pin("coverage"),
        _pin("pytest-cov"),
    )


def test_another_lock_leaves_nothing_of_the_old_one_and_has_to_be_complete(
    checkout: Path,
) -> None:
    _keep_only(checkout, "segno", "zxcvbn")
    assert _install(checkout, "run").returncode == 0
    assert "zxcvbn" in _installed(checkout)
    _keep_only(checkout, "fakeredis")  # which needs sortedcontainers
    refused = _install(checkout, "run")
    assert refused.returncode == 1
    assert "Making .venv" in refused.stdout
    assert "zxcvbn" not in _installed(checkout)
    assert "sortedcontainers" in refused.stderr
    assert "requirements/run.txt is not complete" in refused.stderr
    assert not (checkout / ".venv" / "run.txt").exists()


def test_the_server_needs_no_test_tool_and_both_locks_agree() -> None:
    run, dev = _pins("run.txt"), _pins("dev.txt")
    assert run.items() <= dev.items()
    assert (
        not {"pytest", "coverage", "mypy", "ruff", "websockets", "watchfiles", "pyyaml"}
        & run.keys()
    )


@pytest.mark.parametrize(
    ("system", "advice"),
    [
        ('ID=debian\nVERSION_ID="12"', "apt-get install python3-venv"),
        ('ID=debian\nVERSION_ID="11"', "Debian 11 has no Python 3.11"),
        ('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"', "apt-get install python3-venv"),
        ('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"', "apt-get install python3.11-venv"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'", "apt-get install python3-venv"),
        ("ID=fedora\nVERSION_ID=42", "dnf install python3"),
        ("ID=rocky\nID_LIKE='rhel centos fedora'", "dnf install python3.11"),
        ("ID=alpine", "apk add python3"),
        ("ID=arch", "pacman -S python"),
        ("ID=opensuse-leap\nID_LIKE='suse opensuse'", "zypper install python311"),
        ("ID=unheard", "https://www.python.org/downloads/"),
    ],
)
def test_a_machine_without_python_gets_the_advice_for_its_system(
    tmp_path: Path, system: str, advice: str
) -> None:
    # A machine with nothing but what the advice is made with.
    uname = shutil.which("uname")
    assert uname
    (tmp_path / "uname").symlink_to(uname)
    (tmp_path / "os-release").write_text(system + "\n")
    refused = _run(
        TOOLS, "find-python.sh", PATH=str(tmp_path), OS_RELEASE=str(tmp_path / "os-release")
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "needs Python 3.11 or newer with its venv module, and found none." in refused.stderr
    assert advice in refused.stderr


def test_an_old_python_is_passed_over_and_a_named_one_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho is Python 3.9, which is too old\nexit 1\n")
    old.chmod(0o755)
    (tmp_path / "python3.13").symlink_to(sys.executable)
    found = _run(TOOLS, "find-python.sh", PATH=f"{tmp_path}:/nowhere")
    assert found.stdout == f"{tmp_path}/python3.13\n", found.stderr
    refused = _run(TOOLS, "find-python.sh", str(old))
    assert refused.returncode == 1
    assert f"PYTHON={old} cannot be used" in refused.stderr
    assert "is Python 3.9" in refused.stderr


def _keep_only(checkout: Path, *names: str) -> None:
    """Let the lock of `checkout` name these packages alone."""
    whole = (REPOSITORY / "requirements" / "run.txt").read_text().splitlines()
    pins = [line for line in whole if (pin := PIN.match(line)) and pin["name"] in names]
    digests = {pin: _wheel(checkout / "index", *pin.split(" ")[0].split("==")) for pin in pins}
    lines = [f"{pin}\n    --hash=sha256:{digest}\n" for pin, digest in digests.items()]
    (checkout / "requirements" / "run.txt").write_text("".join(lines))


def _pins(lock: str) -> dict[str, str]:
    lines = (REPOSITORY / "requirements" / lock).read_text().splitlines()
    return {pin["name"]: pin["version"] for line in lines if (pin := PIN.match(line))}


def _pin(name: str) -> str:
    return _pins("dev.txt")[name]
