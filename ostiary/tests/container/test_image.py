"""The image: small, without tools, without rights, read-only, and whole."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import PASSWORD

from container.running import Image, client, serving

pytestmark = pytest.mark.container

LOCK = Path(__file__).resolve().parents[3] / "requirements" / "run.txt"
LIBRARY = "opt/ostiary/lib/python3.13/site-packages"
BUILD_ONLY = {"hatchling", "editables", "pathspec", "pluggy", "tomlkit", "trove-classifiers"}
TOOLS = {"apt", "bash", "curl", "dash", "dpkg", "gcc", "perl", "pip", "pip3", "sh", "su", "wget"}

LOAD_EVERYTHING = """
import importlib, importlib.machinery, pathlib, sys
failed = []
for folder in map(pathlib.Path, sys.path[1:]):
    for file in sorted(folder.rglob("*.so")) if folder.is_dir() else ():
        name = ".".join([*file.relative_to(folder).parts[:-1], file.name.split(".")[0]])
        if "site-packages" in name or "lib-dynload" in name:
            continue
        try:
            importlib.import_module(name)
        except Exception as error:
            failed.append(f"{name}: {error!r}")
sys.exit("\\n".join(failed) or 0)
"""

TRY_TO_WRITE = """
import pathlib, sys
for place in sys.argv[1:]:
    try:
        pathlib.Path(place, "written").write_text("x")
        print(place, "written")
    except OSError as error:
        print(place, error.strerror)
"""

VERSIONS = """
from importlib.metadata import distributions
for found in distributions():
    print(f"{found.name.lower().replace('_', '-')}=={found.version}")
"""


def _files(root: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            else:
                yield entry


def test_the_image_is_small_and_holds_no_tools(image: Image) -> None:
    files = list(_files(image.root))
    sizes = {file.inode(): file.stat(follow_symlinks=False).st_size for file in files}
    assert sum(sizes.values()) < 150_000_000
    assert not {file.name for file in files} & TOOLS
    # A file with these bits runs as its owner.
    assert not [file.path for file in files if file.stat(follow_symlinks=False).st_mode & 0o6000]


def test_the_image_is_configured_for_a_user_without_rights(image: Image) -> None:
    assert image.config["User"] == "10001:10001"
    assert image.config["Entrypoint"] == ["ostiary"]
    assert image.config["Cmd"] == ["serve", "--host", "0.0.0.0"]
    assert set(image.config["Volumes"]) == {"/var/lib/ostiary"}
    assert set(image.config["ExposedPorts"]) == {"8000/tcp"}
    assert image.config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_the_image_holds_the_lock_and_nothing_else(image: Image) -> None:
    locked = dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z]+\])?==([^\s;]+)", LOCK.read_text(), re.M))
    result = image.run("python", "-c", VERSIONS)
    installed = dict(line.split("==") for line in result.stdout.split())
    version = image.run("ostiary", "version").stdout.strip()
    assert installed.pop("ostiary") == version
    assert version == image.config["Labels"]["org.opencontainers.image.version"]
    assert installed.items() <= locked.items()
    left_out = set(locked) - set(installed)
    assert left_out - BUILD_ONLY <= {"async-timeout", "colorama", "packaging"}


def test_every_compiled_module_loads(image: Image) -> None:
    result = image.run("python", "-W", "ignore", "-c", LOAD_EVERYTHING)
    assert result.returncode == 0, result.stdout


def test_each_module_is_compiled(image: Image) -> None:
    for place in (f"{LIBRARY}/ostiary", f"{LIBRARY}/sqlalchemy", "usr/lib/python3.13/asyncio"):
        sources = {file.stem for file in (image.root / place).glob("*.py")}
        compiled = {file.name.split(".")[0] for file in (image.root / place).rglob("*.pyc")}
        assert sources <= compiled


def test_a_container_serves_people_and_stops_when_asked(image: Image, volume: Path) -> None:
    public = {"OSTIARY_PUBLIC_URL": "https://id.example.com"}
    with serving(image, *image.command(), volume=volume, **public) as container:
        with client() as http:
            assert http.get("/health/live").json() == {"status": "ok"}
            assert http.get("/health/ready").status_code == 200
            body = {"email": "ada@example.com", "password": PASSWORD, "locale": "es"}
            assert http.post("/api/v1/auth/signup", json=body).status_code == 201
            refused = http.post("/api/v1/auth/signup", json={}).json()
            assert refused["type"].startswith("https://id.example.com/problems/")
        # The other language needs its catalogue, and of Babel what the image keeps.
        assert container.says("Subject: Confirma")
        assert image.run(*image.health_check).returncode == 0
        status = container.status()
        code, output = container.stop()
    assert code == 0, output
    assert image.run(*image.health_check).returncode == 1
    assert status["Uid"].split() == ["10001"] * 4
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert {"ostiary.db", "secret.key"} <= {file.name for file in volume.iterdir()}


def test_a_container_goes_on_where_the_last_one_stopped(image: Image, volume: Path) -> None:
    create = ("user", "create", "ada@example.com", "--password-stdin")
    made = image.run(*image.command("migrate"), volume=volume)
    assert (made.returncode, "Created the database" in made.stdout) == (0, True), made.stdout
    created = image.run(*image.command(*create), volume=volume, stdin=f"{PASSWORD}\n")
    assert created.returncode == 0, created.stdout
    listed = image.run(*image.command("user", "list"), volume=volume)
    assert (listed.returncode, "ada@example.com" in listed.stdout) == (0, True), listed.stdout


def test_only_the_volume_and_tmp_can_be_written(image: Image, volume: Path) -> None:
    places = [
        "/",
        "/etc",
        "/opt/ostiary",
        "/usr/lib",
        "/var/lib",
        "/dev",
        "/tmp",
        "/var/lib/ostiary",
    ]
    result = image.run("python", "-c", TRY_TO_WRITE, *places, volume=volume)
    written = [line.split()[0] for line in result.stdout.splitlines() if line.endswith("written")]
    assert written == ["/tmp", "/var/lib/ostiary"], result.stdout
    # These tests run what they say they run.
    assert result.stdout.count(os.strerror(errno.EROFS)) == 5, result.stdout
    assert (volume / "written").exists()
