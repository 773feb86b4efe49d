"""Have the Linux kernel hold this process: no network but its own loopback, or no socket for one.

Called in a child between fork and exec, so everything it needs is loaded beforehand.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

# Windows has no fcntl; there is nothing to hold a process with either.
if sys.platform != "win32":
    import fcntl

_CLONE_NEWNET = 0x4000_0000
_CLONE_NEWUSER = 0x1000_0000
_SIOCSIFFLAGS = 0x8914
_IFF_UP_RUNNING = 0x41
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_IO_URING_SETUP = 425
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
# By machine: the kernel's AUDIT_ARCH and the number of the system call `socket`.
_MACHINES = {"x86_64": (0xC000_003E, 41), "aarch64": (0xC000_00B7, 198)}
_HARMLESS = (socket.AF_UNSPEC, 1, 16, 38)  # none, unix, netlink, the kernel's ciphers


def hold() -> None:
    """Leave the network for good. Raises `OSError` where the kernel offers no way."""
    try:
        enter_namespace()
    except OSError:
        refuse_sockets()


def enter_namespace() -> None:
    """Move this thread, and all it starts, to a network of its own: nothing but loopback.

    As root directly; else in a user namespace in which the user stays who they are, and which
    only a process with a single thread may enter. Raises `OSError`.
    """
    user, group = os.geteuid(), os.getegid()
    try:
        _unshare(_CLONE_NEWNET)
    except PermissionError:
        _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", _IFF_UP_RUNNING)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


def rejoin(handle: int) -> None:
    """Move this thread to the network namespace that the open file `handle` is of.

    Raises `OSError`: who had to enter a user namespace cannot leave it.
    """
    if _LIBC is None or _LIBC.setns(handle, _CLONE_NEWNET):
        _fail("setns")


def refuse_sockets() -> None:
    """Have every socket refused that is not of this machine, by a seccomp filter, for good.

    Loopback is refused with the rest. Raises `OSError` on a machine that is not known here.
    """
    program = (ctypes.c_char * len(_FILTER)).from_buffer_copy(_FILTER)
    pointer = struct.pack("HxxxxxxP", len(_FILTER) // 8, ctypes.addressof(program))
    if not _FILTER or _LIBC is None:
        raise OSError(errno.ENOSYS, "no seccomp filter is known for this machine")
    nothing = ctypes.c_ulong(0)
    if _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), nothing, nothing, nothing):
        _fail("prctl")
    if _LIBC.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), pointer, nothing):
        _fail("seccomp")


def _program(architecture: int, socket_call: int) -> bytes:
    """The filter, in the kernel's BPF: looks at a call's number and its first argument."""
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    allow, refuse = 0x7FFF_0000, 0x0005_0000 | errno.EACCES
    lines: list[tuple[int, int, int, int]] = [
        (load, 0, 0, 4),  # the architecture: another one numbers its calls otherwise
        (equal, 1, 0, architecture),
        (answer, 0, 0, refuse),
        (load, 0, 0, 0),  # the call
        (at_least, 1, 0, 0x4000_0000),  # x32, a second numbering on x86-64
        (equal, 0, 1, _IO_URING_SETUP),  # which opens sockets without the call
        (answer, 0, 0, refuse),
        (equal, 1, 0, socket_call),
        (answer, 0, 0, allow),
        (load, 0, 0, 16),  # the family
        *(
            (equal, len(_HARMLESS) - index, 0, int(family))
            for index, family in enumerate(_HARMLESS)
        ),
        (answer, 0, 0, refuse),
        (answer, 0, 0, allow),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


_FILTER = _program(*_MACHINES[platform.machine()]) if platform.machine() in _MACHINES else b""


def _unshare(flags: int) -> None:
    if _LIBC is None:
        raise OSError(errno.ENOSYS, "only Linux has network namespaces")
    if _LIBC.unshare(flags):
        _fail("unshare")


def _fail(call: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, f"{call}: {os.strerror(number)}")


def _write(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)
