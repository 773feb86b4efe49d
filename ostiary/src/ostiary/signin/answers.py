"""What every way in answers with: somebody signed in, or a challenge."""

from typing import Any, Literal

from pydantic import BaseModel

from ostiary.authenticators.proofs import Kind
from ostiary.runtime import Runtime
from ostiary.sessions.api import EXAMPLE_TOKENS, Tokens
from ostiary.sessions.tokens import issue
from ostiary.signin.actions import Challenged, Opened
from ostiary.users.api import EXAMPLE_USER, User
from ostiary.web.render import example_token, shape

EXAMPLE_CHALLENGE = example_token("ostch", "sin")
EXAMPLE_SIGNED_IN: dict[str, Any] = {
    "user": EXAMPLE_USER,
    "tokens": EXAMPLE_TOKENS,
    "device_token": example_token("ostdt", "dev"),
}


class SignedIn(BaseModel):
    """The person and their tokens; `device_token` where this device was not known before."""

    model_config = shape(EXAMPLE_SIGNED_IN)

    user: User
    tokens: Tokens
    device_token: str | None = None


class Challenge(BaseModel):
    """A sign-in that lacks its second factor.

    One of `methods` has to be proven at `/auth/mfa/verify`. Where `bind` is there, none is bound
    yet and one has to be: set it up with the `challenge_token`. `expires_in` in seconds.
    """

    model_config = shape(
        {
            "mfa_required": True,
            "challenge_token": EXAMPLE_CHALLENGE,
            "methods": ["totp", "backup_code"],
            "expires_in": 300,
        }
    )

    mfa_required: Literal[True] = True
    challenge_token: str
    methods: list[Kind]
    bind: list[Kind] | None = None
    expires_in: int


async def signed_in(rt: Runtime, opened: Opened, *, mfa_enabled: bool) -> SignedIn:
    """The answer that holds a new session's tokens."""
    return SignedIn(
        user=User.of(opened.profile, mfa_enabled=mfa_enabled),
        tokens=Tokens.of(await issue(rt, opened.access, opened.refresh)),
        device_token=str(opened.device) if opened.device else None,
    )


def challenge(challenged: Challenged) -> Challenge:
    """The answer that asks for more."""
    return Challenge(
        challenge_token=str(challenged.token),
        methods=list(challenged.methods),
        bind=list(challenged.bind) or None,
        expires_in=challenged.expires_in,
    )
