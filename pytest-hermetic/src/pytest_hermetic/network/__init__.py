"""The network is closed while a test runs: eight routes out, each refused with a reason.

Owns: who may be reached (`rules`), the watch over Python's sockets and name look-ups (`hook`),
over uvloop and libpq (`uvloop_watch`, `libpq_watch`), over child processes (`children`,
`confine`), and the namespace without a network (`namespace`). Does not own: what answers instead
(the other parts of the plugin do).
"""

from pytest_hermetic.network.errors import BlockedWarning, NetworkBlocked

__all__ = ["BlockedWarning", "NetworkBlocked"]
