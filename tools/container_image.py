"""Build the image of the Dockerfile without a registry, for `make test-container`.

`debian:trixie-slim` is debootstrap's minbase of Debian's own packages, less the documentation. Here
it is made from those packages, and `buildah` runs the Dockerfile's steps on it. Packages come from
the mirrors that apt and pip are set up with. What was downloaded is kept in ~/.cache/ostiary.

It mounts, so call it in a mount namespace of its own: `unshare --mount python … FOLDER`. Into
FOLDER go `root` (the image's files), `image.json` (its configuration) and `services` (the same
Debian with PostgreSQL, Redis and Compose).
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
LOCK = REPOSITORY / "requirements" / "run.txt"
SUITE = "trixie"
PYTHON = "3.13"  # of that suite
BASE = f"docker.io/library/debian:{SUITE}-slim"
SERVICES = "docker-compose postgresql-17 redis-server"
# Places of a package's documentation, and what apt downloaded: not in a slim image.
_LEFT_OUT = (
    *(f"usr/share/{name}" for name in ("doc", "man", "locale")),
    *("var/cache/apt", "var/lib/apt/lists"),
)
_MANYLINUX = ("1", "2010", "2014", *(f"_2_{minor}" for minor in (5, 12, 17, 24, 26, 28, 31, 34)))


def main() -> None:
    """Make what the tests need in the folder that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ostiary"
    cache.mkdir(parents=True, exist_ok=True)
    base = _base(cache)
    services = _services(cache, base)
    _download_wheels(cache / "wheels")
    _build(folder, base, cache / "wheels")
    (folder / "services").mkdir()
    run("tar", "--extract", "--file", services, "--directory", folder / "services")


def run(*command: str | Path, output: bool = False) -> str:
    """Run a command; its output is returned, or goes to where ours does. Ends with its failure."""
    stdout = subprocess.PIPE if output else None
    done = subprocess.run(command, stdout=stdout, text=True, check=False)  # our own
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))[:200]} ended with {done.returncode}")
    return (done.stdout or "").strip()


def say(text: str) -> None:
    """Tell what is being done."""
    print(f"container: {text}", flush=True)


def _base(cache: Path) -> Path:
    archive = cache / f"debian-{SUITE}.tar"
    if archive.exists():
        return archive
    say(f"making {BASE} from Debian's packages")
    targets = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
    mirror = run(*targets, output=True).splitlines()[0]
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        run("debootstrap", "--variant=minbase", SUITE, root, mirror, output=True)
        for place in _LEFT_OUT:
            for entry in (root / place).iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        # The published image does not wait for the disk at each file of a package, either.
        (root / "etc/dpkg/dpkg.cfg.d/docker-apt-speedup").write_text("force-unsafe-io\n")
        _pack(root, archive)
    return archive


def _services(cache: Path, base: Path) -> Path:
    archive = cache / f"services-{SUITE}.tar"
    if archive.exists():
        return archive
    say(f"adding {SERVICES}")
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        run("tar", "--extract", "--file", base, "--directory", root)
        (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")  # start nothing
        (root / "usr/sbin/policy-rc.d").chmod(0o755)
        (root / "etc/postgresql-common").mkdir()
        settings = root / "etc/postgresql-common/createcluster.conf"
        settings.write_text("create_main_cluster = false\n")
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        # In a mount namespace of its own: what is deleted below never holds the machine's /dev.
        mounted = 'mount --rbind /proc "$1/proc" && mount --rbind /dev "$1/dev" && exec chroot "$@"'
        install = f"apt-get update -qq && apt-get install -qq --no-install-recommends {SERVICES}"
        environment = ("env", "DEBIAN_FRONTEND=noninteractive")
        alone = ("unshare", "--mount", "sh", "-euc", mounted, "sh", root)
        run(*alone, *environment, "sh", "-euc", install, output=True)
        _pack(root, archive)
    return archive


def _pack(root: Path, archive: Path) -> None:
    """Write an archive whole or not at all: a later run takes what it finds."""
    root.chmod(0o755)
    partial = archive.with_suffix(f".{os.getpid()}")
    run("tar", "--create", "--one-file-system", "--file", partial, "--directory", root, ".")
    partial.rename(archive)


def _download_wheels(wheels: Path) -> None:
    """What the Dockerfile would download, with the pip and the index of this machine.

    The Dockerfile's own pip checks each file's hash again.
    """
    say("downloading the wheels of requirements/run.txt")
    machine = platform.machine()
    for_image = ["--only-binary", ":all:", "--python-version", PYTHON, "--implementation", "cp"]
    for tag in _MANYLINUX:
        for_image += ["--platform", f"manylinux{tag}_{machine}"]
    pip = (sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "download")
    known = ("--find-links", str(wheels), "--no-deps", "--require-hashes")
    wheels.mkdir(exist_ok=True)
    run(*pip, *known, *for_image, "--dest", wheels, "--requirement", LOCK)


def _build(folder: Path, base: Path, wheels: Path) -> None:
    storage = ("--root", folder / "storage", "--runroot", folder / "run")
    buildah = ("buildah", *storage, "--storage-driver", "overlay")
    scratch = run(*buildah, "from", "scratch", output=True)
    run(*buildah, "add", "--quiet", scratch, base, "/", output=True)
    run(*buildah, "commit", "--quiet", scratch, BASE, output=True)
    say("building the Dockerfile")
    of_a_folder = ("--build-arg", "PIP_NO_INDEX=1", "--build-arg", "PIP_FIND_LINKS=/mnt/wheels")
    mount = ("--volume", f"{wheels}:/mnt/wheels:ro")
    how = ("--isolation", "chroot", "--format", "docker", "--pull=never", "--tag", "ostiary")
    run(*buildah, "build", *how, *mount, *of_a_folder, REPOSITORY)
    image = json.loads(run(*buildah, "inspect", "--type", "image", "ostiary", output=True))
    (folder / "image.json").write_text(json.dumps(image["Docker"]["config"], indent=2))
    container = run(*buildah, "from", "--pull=never", "ostiary", output=True)
    files = run(*buildah, "mount", container, output=True)
    run("cp", "--archive", files, folder / "root")


if __name__ == "__main__":
    main()
