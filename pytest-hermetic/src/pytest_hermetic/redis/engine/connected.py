"""A session with every overlay: what a connection to the in-memory server is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_hermetic.redis.engine.overlay import ANSWERS
from pytest_hermetic.redis.engine.overlay.access import AccessCommands
from pytest_hermetic.redis.engine.overlay.bits import BitCommands
from pytest_hermetic.redis.engine.overlay.clients import ClientCommands
from pytest_hermetic.redis.engine.overlay.cluster import ClusterCommands
from pytest_hermetic.redis.engine.overlay.decimals import DecimalCommands
from pytest_hermetic.redis.engine.overlay.expiry import ExpiryCommands
from pytest_hermetic.redis.engine.overlay.info import InfoCommands
from pytest_hermetic.redis.engine.overlay.keys import KeyCommands
from pytest_hermetic.redis.engine.overlay.keyspace import KeyspaceCommands
from pytest_hermetic.redis.engine.overlay.lists import ListCommands
from pytest_hermetic.redis.engine.overlay.members import MemberCommands
from pytest_hermetic.redis.engine.overlay.pubsub import PubSubCommands
from pytest_hermetic.redis.engine.overlay.scanning import ScanCommands
from pytest_hermetic.redis.engine.overlay.scripting import ScriptingCommands
from pytest_hermetic.redis.engine.overlay.server import ServerCommands
from pytest_hermetic.redis.engine.overlay.sorted_sets import SortedSetCommands
from pytest_hermetic.redis.engine.overlay.streams import StreamCommands
from pytest_hermetic.redis.engine.overlay.transactions import TransactionCommands
from pytest_hermetic.redis.engine.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_hermetic.redis.engine.adapter import EngineServer


class ConnectedSession(
    AccessCommands,
    BitCommands,
    ClientCommands,
    ClusterCommands,
    DecimalCommands,
    ExpiryCommands,
    InfoCommands,
    KeyCommands,
    KeyspaceCommands,
    ListCommands,
    MemberCommands,
    PubSubCommands,
    ScanCommands,
    ScriptingCommands,
    ServerCommands,
    SortedSetCommands,
    StreamCommands,
    TransactionCommands,
    Session,
):
    """Overlays come first, so that their methods win over the engine's."""

    overlay = ANSWERS
    _server: EngineServer


def open_session(server: EngineServer, out: Callable[[bytes], None]) -> ConnectedSession:
    """A new client of ``server`` whose replies go to ``out``."""
    return ConnectedSession(
        server,
        out,
        addr="127.0.0.1:0",
        laddr=server.name,
        fd=8,
        name="",
        flags="N",
        events="r",
        cmd="NULL",
        redir=-1,
    )
