"""Faults on the wire: the one thing goes wrong that the test is about, and it goes wrong for sure.

Owns: which faults a test has set, when each strikes, and that none is left unused.
Does not own: what a stroke does to a connection (``redis``, ``sql``).
"""

from pytest_hermetic.faults.fault import Fault, Stroke
from pytest_hermetic.faults.part import Faults

__all__ = ["Fault", "Faults", "Stroke"]
