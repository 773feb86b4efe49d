"""What a successful check leaves: a `Proof`, a value that says what was proven and nothing else.

It carries no secret and no user: whoever keeps it, keeps it beside the user it belongs to.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "password", "email_link", "email_code", "totp", "backup_code", "passkey", "federation"
]
"""Everything that somebody can prove themselves with. A mailbox is one of them, and no factor."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One successful check.

    `is_user_verified` is for a passkey that asked its holder for a PIN or a finger (WebAuthn
    Level 3 §6.1, the UV flag): two factors in one ceremony.
    """

    kind: Kind
    is_user_verified: bool = False
