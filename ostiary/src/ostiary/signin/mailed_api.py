"""Signing in by mail over HTTP: ask for a link or a code, and come back with it."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from ostiary.kernel.problems import (
    MalformedJson,
    TooManyRequests,
    UnsupportedMediaType,
    Validation,
)
from ostiary.kernel.text import Line, Opaque
from ostiary.runtime import Runtime
from ostiary.signin import mailed
from ostiary.signin.actions import Admitted, Challenged
from ostiary.signin.answers import Challenge, SignedIn, challenge, signed_in
from ostiary.signin.challenges import AttemptInvalid, InvalidCode
from ostiary.signin.links import TokenInvalid
from ostiary.users.names import Email
from ostiary.web.bodies import JsonRoute
from ostiary.web.deps import From, Rt, note_user
from ostiary.web.render import answer, body, example_token, refusals, shape

router = APIRouter(prefix="/api/v1", route_class=JsonRoute, tags=["Signing in by mail"])

_ANY_BODY = (MalformedJson, UnsupportedMediaType, Validation, TooManyRequests)


_ATTEMPT = example_token("ostat", "sin")


class LinkBody(BaseModel):
    """Who wants in, and where the link leads on to."""

    model_config = body({"email": "ada@example.com", "continue": "https://app.example/inbox"})

    email: Email
    continue_to: Annotated[Line | None, Field(alias="continue")] = None


class CodeBody(BaseModel):
    """Who wants in."""

    model_config = body({"email": "ada@example.com"})

    email: Email


class Asked(BaseModel):
    """What the browser that asked keeps; `expires_in` in seconds."""

    model_config = shape({"attempt_token": _ATTEMPT, "expires_in": 600})

    attempt_token: str
    expires_in: int


class LinkVerifyBody(BaseModel):
    """The browser's `attempt_token`, the link's `token`, and the token of a device known before."""

    model_config = body({"attempt_token": _ATTEMPT, "token": example_token("ostml", "sin")})

    attempt_token: Opaque
    token: Opaque
    device_token: Opaque | None = None


class CodeVerifyBody(BaseModel):
    """The browser's `attempt_token`, the mailed `code`, and the token of a device known before."""

    model_config = body({"attempt_token": _ATTEMPT, "code": "492039"})

    attempt_token: Opaque
    code: Annotated[Line, Field(max_length=64)]
    device_token: Opaque | None = None


@router.post(
    "/auth/magic-link",
    operation_id="requestMagicLink",
    status_code=202,
    response_model=Asked,
    responses=refusals(mailed.MagicLinkClosed, *_ANY_BODY),
)
async def ask_link(rt: Rt, origin: From, body: LinkBody) -> Response:
    """Ask for a sign-in link. The answer is the same whoever has an account.

    The link works only together with the `attempt_token` of this answer.
    """
    asked = await mailed.ask_link(rt, body.email, continue_to=body.continue_to, origin=origin)
    return answer(Asked(attempt_token=str(asked.token), expires_in=asked.expires_in), 202)


@router.post(
    "/auth/email-code",
    operation_id="requestEmailCode",
    status_code=202,
    response_model=Asked,
    responses=refusals(*_ANY_BODY),
)
async def ask_code(rt: Rt, origin: From, body: CodeBody) -> Response:
    """Ask for a sign-in code of six digits. The answer is the same whoever has an account."""
    asked = await mailed.ask_code(rt, body.email, origin=origin)
    return answer(Asked(attempt_token=str(asked.token), expires_in=asked.expires_in), 202)


@router.post(
    "/auth/magic-link/verify",
    operation_id="signInWithMagicLink",
    response_model=SignedIn | Challenge,
    responses=refusals(AttemptInvalid, TokenInvalid, *_ANY_BODY),
)
async def verify_link(request: Request, rt: Rt, origin: From, body: LinkVerifyBody) -> Response:
    """Sign in with a mailed link, in the browser that asked for it."""
    outcome = await mailed.present_link(
        rt, body.attempt_token, body.token, device_token=body.device_token, origin=origin
    )
    return await _entered(request, rt, outcome)


@router.post(
    "/auth/email-code/verify",
    operation_id="signInWithEmailCode",
    response_model=SignedIn | Challenge,
    responses=refusals(AttemptInvalid, InvalidCode, *_ANY_BODY),
)
async def verify_code(request: Request, rt: Rt, origin: From, body: CodeVerifyBody) -> Response:
    """Sign in with a mailed code. Five wrong ones end the attempt."""
    outcome = await mailed.present_code(
        rt, body.attempt_token, body.code, device_token=body.device_token, origin=origin
    )
    return await _entered(request, rt, outcome)


async def _entered(request: Request, rt: Runtime, outcome: Admitted | Challenged) -> Response:
    match outcome:
        case Admitted(opened, mfa_enabled):
            note_user(request, opened.profile.id)
            return answer(await signed_in(rt, opened, mfa_enabled=mfa_enabled))
        case Challenged() as challenged:
            return answer(challenge(challenged))
