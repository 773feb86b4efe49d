"""What `pip install` gets: both wheels and sdists, built and installed without a network."""

import email
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.message import Message
from importlib import metadata
from pathlib import Path

import httpx
import pytest
from cli.running import PATIENCE, environment
from factories import PASSWORD
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
DISTRIBUTIONS = {"ostiary": "ostiary", "pytest-hermetic": "pytest_hermetic"}
each = pytest.mark.parametrize("name", DISTRIBUTIONS)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels and the sdists of both distributions."""
    folder = tmp_path_factory.mktemp("dist")
    for name in DISTRIBUTIONS:
        build(ROOT / name, folder)
    return folder


def build(source: Path, target: Path, *kinds: str) -> None:
    """Build the distribution in the folder `source`, with the backend that the lock pins."""
    arguments = [part for kind in kinds for part in ("--target", kind)]
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(target), *arguments]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=PATIENCE)


def wheel(folder: Path, name: str) -> Path:
    """The wheel of the distribution `name`."""
    (found,) = folder.glob(f"{DISTRIBUTIONS[name]}-*.whl")
    return found


def fields(folder: Path, name: str) -> Message:
    """The metadata inside a wheel."""
    with zipfile.ZipFile(wheel(folder, name)) as archive:
        (file,) = (file for file in archive.namelist() if file.endswith(".dist-info/METADATA"))
        return email.message_from_string(archive.read(file).decode())


def needed(name: str) -> set[str]:
    """The distributions that `name` needs, by the metadata of those installed here."""
    found: set[str] = set()
    waiting = [Requirement(name)]
    while waiting:
        requirement = waiting.pop()
        found.add(canonicalize_name(requirement.name))
        for text in metadata.requires(requirement.name) or ():
            further = Requirement(text)
            extras = {"", *requirement.extras}
            wanted = further.marker is None or any(
                further.marker.evaluate({"extra": extra}) for extra in extras
            )
            if wanted and (further.extras or canonicalize_name(further.name) not in found):
                waiting.append(further)
    return found


def installed(folder: Path, wheel: Path, name: str) -> Path:
    """A new virtual environment with that wheel and what it says it needs. Returns its `bin`."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "install"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, timeout=PATIENCE)
    (library,) = folder.glob("lib/python3.*/site-packages")
    for dependency in needed(name) - {name}:
        for entry in entries(dependency):
            link = library / entry.name
            if not link.exists():
                link.symlink_to(entry)
    return python.parent


def entries(distribution: str) -> Iterator[Path]:
    """The files and folders of a distribution in site-packages: not its commands."""
    found = metadata.distribution(distribution)
    names = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
    yield from (Path(str(found.locate_file(name))) for name in sorted(names))


@each
def test_metadata_says_what_it_is(built: Path, name: str) -> None:
    said = fields(built, name)
    classifiers = set(said.get_all("Classifier", ()))
    versions = {f"Programming Language :: Python :: 3.{minor}" for minor in range(11, 15)}
    assert versions | {"Typing :: Typed"} <= classifiers
    assert any(line.startswith("Framework :: ") for line in classifiers)
    assert any(line.startswith("Topic :: ") for line in classifiers)
    # PEP 639: the expression replaces the classifiers of licences.
    assert (said["License-Expression"], said["License-File"]) == ("Apache-2.0", "LICENSE")
    assert not any(line.startswith("License :: ") for line in classifiers)
    assert said["Author"] == "Ostiary developers"
    assert len(said["Keywords"].split(",")) >= 5
    assert said["Requires-Python"] == ">=3.11"
    assert str(said.get_payload()).strip() == (ROOT / name / "README.md").read_text().strip()


@each
def test_a_wheel_holds_each_file_of_the_package_and_the_license(built: Path, name: str) -> None:
    package = DISTRIBUTIONS[name]
    source = ROOT / name / "src"
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", package],
        cwd=source,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    with zipfile.ZipFile(wheel(built, name)) as archive:
        held = {file for file in archive.namelist() if ".dist-info/" not in file}
        (inside,) = (file for file in archive.namelist() if file.endswith("/licenses/LICENSE"))
        assert archive.read(inside) == (ROOT / "LICENSE").read_bytes()
    assert f"{package}/py.typed" in held
    assert held == {file for file in tracked if (source / file).exists()}


@each
def test_an_sdist_builds_the_same_wheel(built: Path, name: str, tmp_path: Path) -> None:
    (sdist,) = built.glob(f"{DISTRIBUTIONS[name]}-*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    assert (unpacked / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    build(unpacked, tmp_path / "again", "wheel")
    with (
        zipfile.ZipFile(wheel(built, name)) as first,
        zipfile.ZipFile(wheel(tmp_path / "again", name)) as second,
    ):
        assert {file.filename: file.CRC for file in first.infolist()} == {
            file.filename: file.CRC for file in second.infolist()
        }


def test_an_installed_ostiary_serves_in_an_empty_folder(built: Path, tmp_path: Path) -> None:
    binaries = installed(tmp_path / "venv", wheel(built, "ostiary"), "ostiary")
    folder = tmp_path / "empty"
    folder.mkdir()
    url = "sqlite:///var/ostiary.db"
    with subprocess.Popen(
        [binaries / "ostiary", "serve", "--port", "0"],
        cwd=folder,
        env=environment(folder, OSTIARY_DATABASE_URL=url, OSTIARY_MAIL__URL=f"file://{tmp_path}"),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            with httpx.Client(
                base_url=listening(process), timeout=PATIENCE, trust_env=False
            ) as client:
                assert client.get("/health/live").json() == {"status": "ok"}
                body = {"email": "ada@example.com", "password": PASSWORD, "locale": "es"}
                assert client.post("/api/v1/auth/signup", json=body).status_code == 201
                # Templates and the style are files of the package, too.
                assert client.get("/docs").status_code == 200
                assert "Ostiary" in client.get("/problems/validation").text
        finally:
            process.terminate()
        assert process.wait(PATIENCE) == 0
    assert (folder / "var" / "ostiary.db").exists()


def listening(process: "subprocess.Popen[str]") -> str:
    """The URL that a server says it listens on."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"listening on (http://[^\"\s]+)", line):
            return found[1]
    raise AssertionError(f"the server did not start, and ended with {process.wait(PATIENCE)}")


def test_pytest_hermetic_works_beside_pytest_alone(built: Path, tmp_path: Path) -> None:
    name = "pytest-hermetic"
    binaries = installed(tmp_path / "venv", wheel(built, name), name)
    result = subprocess.run(
        [binaries / "python", "-m", "pytest", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert result.returncode == 0, result.stderr
    assert "--hermetic-explain" in result.stdout
