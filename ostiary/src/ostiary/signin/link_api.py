"""What mailed links do, over HTTP: for teams whose own front end the links lead to."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from ostiary.authenticators.actions import is_mfa_enabled
from ostiary.authenticators.password import Password
from ostiary.kernel.problems import (
    MalformedJson,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
    Validation,
)
from ostiary.kernel.text import Opaque
from ostiary.signin import address, recovery, verification
from ostiary.signin.links import TokenExpired, TokenInvalid
from ostiary.users.actions import EmailTaken, Profile
from ostiary.users.api import EXAMPLE_USER, User
from ostiary.users.names import Email
from ostiary.web.bodies import JsonRoute
from ostiary.web.deps import From, Rt, note_user
from ostiary.web.render import answer, body, example_token, refusals, shape

router = APIRouter(prefix="/api/v1", route_class=JsonRoute, tags=["Mailed links"])

_REFUSALS = (
    TokenInvalid,
    TokenExpired,
    MalformedJson,
    UnsupportedMediaType,
    Validation,
    TooManyRequests,
)


_TOKEN = example_token("ostlt", "tok")


class TokenBody(BaseModel):
    """The `token` of a mailed link."""

    model_config = body({"token": _TOKEN})

    token: Opaque


class ForgotBody(BaseModel):
    """Whose password is forgotten."""

    model_config = body({"email": "ada@example.com"})

    email: Email


class ResetBody(BaseModel):
    """The `token` of a mailed link, and the password to be."""

    model_config = body({"token": _TOKEN, "new_password": "another battery staple"})

    token: Opaque
    new_password: Password


class Accepted(BaseModel):
    """Whatever there is to do is done by mail."""

    model_config = shape({"status": "accepted"})

    status: Literal["accepted"] = "accepted"


class Changed(BaseModel):
    """The account, as the link left it."""

    model_config = shape({"user": EXAMPLE_USER | {"email_verified": True}})

    user: User


@router.post("/auth/email/verify", include_in_schema=False)
@router.post(
    "/auth/verify-email",
    operation_id="verifyEmail",
    response_model=Changed,
    responses=refusals(*_REFUSALS),
)
async def verify_email(request: Request, rt: Rt, origin: From, body: TokenBody) -> Response:
    """Verify an address with the token that was mailed to it. Also at `/auth/email/verify`.

    A page of your own that calls this should know that the person is signed in to that account,
    or ask for its password: else the owner of a mailbox may verify an account somebody else made.
    """
    return await _changed(request, rt, await verification.verify(rt, body.token, origin=origin))


@router.post(
    "/auth/email/change/confirm",
    operation_id="confirmEmailChange",
    response_model=Changed,
    responses=refusals(EmailTaken, *_REFUSALS),
)
async def confirm_email_change(request: Request, rt: Rt, origin: From, body: TokenBody) -> Response:
    """Make the new address the account's. Other sessions and outstanding links end."""
    profile = await address.confirm_change(rt, body.token, origin=origin)
    return await _changed(request, rt, profile)


@router.post(
    "/auth/email/change/undo",
    operation_id="undoEmailChange",
    response_model=Changed,
    responses=refusals(EmailTaken, *_REFUSALS),
)
async def undo_email_change(request: Request, rt: Rt, origin: From, body: TokenBody) -> Response:
    """Give the account its old address again. All its sessions end."""
    profile = await address.undo_change(rt, body.token, origin=origin)
    return await _changed(request, rt, profile)


@router.post(
    "/auth/password/forgot",
    operation_id="requestPasswordReset",
    status_code=202,
    response_model=Accepted,
    responses=refusals(MalformedJson, UnsupportedMediaType, Validation, TooManyRequests),
)
async def forgot_password(rt: Rt, origin: From, body: ForgotBody) -> Response:
    """Ask for a link to set a new password. The answer is the same whoever has an account."""
    await recovery.forget(rt, body.email, origin=origin)
    return answer(Accepted(), 202)


@router.post(
    "/auth/password/reset",
    operation_id="resetPassword",
    status_code=204,
    responses=refusals(Unavailable, *_REFUSALS),
)
async def reset_password(rt: Rt, origin: From, body: ResetBody) -> Response:
    """Set a new password with the token of a mailed link. Every session of the account ends."""
    await recovery.reset(rt, body.token, body.new_password, origin=origin)
    return Response(status_code=204)


async def _changed(request: Request, rt: Rt, profile: Profile) -> Response:
    note_user(request, profile.id)
    mfa_enabled = await is_mfa_enabled(rt, profile.id)
    return answer(Changed(user=User.of(profile, mfa_enabled=mfa_enabled)))
