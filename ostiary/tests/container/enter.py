"""Become process 1 of a container: what `docker run` does with an image, without docker.

Reads one JSON object from its argument; started by `unshare --mount --pid --fork`. The root is
read-only, /tmp and /dev are its own, every capability is dropped, and no program gains any.
"""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

_PR_CAPBSET_DROP = 24  # prctl(2)
_PR_SET_NO_NEW_PRIVS = 38
_LAST_CAPABILITY = 40
_DEVICES = ("null", "zero", "random", "urandom")


def main() -> None:
    """Mount, drop, and run the command in place of this process."""
    given = json.loads(sys.argv[1])
    root = Path(given["root"])
    _mount("--bind", str(root), str(root))
    _mount("--types", "proc", "proc", str(root / "proc"))
    _mount("--types", "tmpfs", "--options", "mode=755", "tmpfs", str(root / "dev"))
    for device in _DEVICES:
        (root / "dev" / device).touch()
        _mount("--bind", f"/dev/{device}", str(root / "dev" / device))
    _mount("--types", "tmpfs", "--options", "mode=1777", "tmpfs", str(root / "tmp"))
    _mount("--bind", given["hosts"], str(root / "etc/hosts"))
    if given["volume"] is not None:
        _mount("--bind", given["volume"], f"{root}/var/lib/ostiary")
    _mount("--options", "remount,bind,ro", str(root))

    os.chroot(root)
    os.chdir(given["folder"])
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(_LAST_CAPABILITY + 1):
        _check(libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0))
    os.setgroups([])
    os.setresgid(given["gid"], given["gid"], given["gid"])
    os.setresuid(given["uid"], given["uid"], given["uid"])
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    os.execvpe(given["command"][0], given["command"], given["environment"])


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main()
