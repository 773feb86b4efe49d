"""uvloop opens sockets in C, past every audit event: its methods are asked instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_hermetic.network import rules as known

if TYPE_CHECKING:
    from types import ModuleType

    from pytest_hermetic.network.children import Children
    from pytest_hermetic.network.guard import Guard


def install(
    uvloop: ModuleType, guard: Callable[[], Guard | None], children: Children
) -> Callable[[], None]:
    """Put ourselves before the methods of `uvloop.Loop` that leave; what takes us out again."""
    loop_class: Any = uvloop.Loop
    original = loop_class.__mro__[1]  # uvloop.Loop is a Python class around one written in C

    async def create_connection(
        loop: Any, factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        if host is not None:
            _check(guard(), host, port)
        return await original.create_connection(loop, factory, host, port, **options)

    async def create_datagram_endpoint(
        loop: Any, factory: Any, local_addr: Any = None, remote_addr: Any = None, **options: Any
    ) -> Any:
        present = guard()
        if isinstance(remote_addr, tuple):
            _check(present, *remote_addr[:2])
        elif present is not None and isinstance(local_addr, tuple):
            _refuse_open_end(present, local_addr[0])
        return await original.create_datagram_endpoint(
            loop, factory, local_addr, remote_addr, **options
        )

    async def getaddrinfo(loop: Any, host: Any, port: Any, **options: Any) -> Any:
        present = guard()
        if present is not None and host is not None:
            present.lookup(_text(host), _number(port))
        return await original.getaddrinfo(loop, host, port, **options)

    async def getnameinfo(loop: Any, address: Any, flags: int = 0) -> Any:
        present = guard()
        if present is not None:
            present.reverse(_text(address[0]))
        return await original.getnameinfo(loop, address, flags)

    async def subprocess_exec(
        loop: Any, factory: Any, program: Any, *more: Any, **options: Any
    ) -> Any:
        options["preexec_fn"] = children.held(program, options.get("preexec_fn"))
        return await original.subprocess_exec(loop, factory, program, *more, **options)

    async def subprocess_shell(loop: Any, factory: Any, command: Any, **options: Any) -> Any:
        options["preexec_fn"] = children.held(command, options.get("preexec_fn"))
        return await original.subprocess_shell(loop, factory, command, **options)

    ours = (
        create_connection,
        create_datagram_endpoint,
        getaddrinfo,
        getnameinfo,
        subprocess_exec,
        subprocess_shell,
    )
    for method in ours:
        setattr(loop_class, method.__name__, method)

    def undo() -> None:
        for method in ours:
            delattr(loop_class, method.__name__)

    return undo


def _check(guard: Guard | None, host: Any, port: Any) -> None:
    """The loop resolves and connects in one go, so both are decided beforehand."""
    if guard is None:
        return
    name = _text(host)
    if known.numeric(name) is None:
        guard.lookup(name, _number(port))
    guard.connect(name, _number(port) or 0)


def _refuse_open_end(guard: Guard, local: Any) -> None:
    """A datagram transport without a peer sends wherever it likes, unseen.

    Bound to loopback the kernel keeps it there.
    """
    address = known.numeric(_text(local))
    if address is None or not address.is_loopback or guard.rules.level != "loopback":
        guard.refuse(
            f"datagrams from {_text(local)}",
            instead="bind it to 127.0.0.1 and mark the test hermetic(network='loopback')",
        )


def _text(host: Any) -> str:
    return host.decode("idna") if isinstance(host, bytes) else str(host)


def _number(port: Any) -> int | None:
    return int(port) if isinstance(port, int) or str(port).isdecimal() else None
