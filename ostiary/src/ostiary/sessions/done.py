"""The grounds on which a session is opened. Only `signin.attempt` makes them.

An import contract and an architecture test hold that: there is no other way to a session than
through the gate that says what is still missing.
"""

from dataclasses import dataclass
from typing import Literal

Acr = Literal["aal1", "aal2"]
"""The assurance levels of NIST SP 800-63B §2 that a sign-in here can reach."""


@dataclass(frozen=True, slots=True)
class Done:
    """Everything that the policy asks was proven.

    `amr` names the methods (RFC 8176 §2), `acr` the level that NIST would give them, and
    `has_second` tells whether one of them was a second factor.
    """

    amr: tuple[str, ...]
    acr: Acr
    has_second: bool
