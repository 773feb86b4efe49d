"""The signed-in person's own password and address."""

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from ostiary.authenticators.password import Password
from ostiary.kernel.problems import (
    MalformedJson,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
    Validation,
)
from ostiary.sessions.api import GUARDED, Caller, Tokens
from ostiary.sessions.guard import InvalidAccessToken, MissingToken
from ostiary.signin import address, passwords, verification
from ostiary.signin.link_api import Accepted
from ostiary.signin.refusals import IncorrectProof
from ostiary.users.names import Email
from ostiary.web.bodies import JsonRoute
from ostiary.web.deps import From, Rt
from ostiary.web.render import answer, body, refusals

router = APIRouter(prefix="/api/v1", route_class=JsonRoute, tags=["Account"])

_WITH_PASSWORD = refusals(
    MalformedJson,
    MissingToken,
    InvalidAccessToken,
    IncorrectProof,
    UnsupportedMediaType,
    Validation,
    TooManyRequests,
    Unavailable,
)


_PASSWORD = "correct horse battery staple"  # noqa: S105 -- an example


class EmailChangeBody(BaseModel):
    """The address to be, and the account's password."""

    model_config = body({"new_email": "ada@new.example", "password": _PASSWORD})

    new_email: Email
    password: Password


class PasswordChangeBody(BaseModel):
    """The password that is, and the one to be."""

    model_config = body({"current_password": _PASSWORD, "new_password": "another battery staple"})

    current_password: Password
    new_password: Password


@router.post(
    "/auth/email/resend-verification",
    operation_id="resendVerification",
    status_code=202,
    response_model=Accepted,
    responses=GUARDED | refusals(TooManyRequests),
)
async def resend_verification(rt: Rt, origin: From, caller: Caller) -> Response:
    """Mail another verification link to one's own address; none where it is verified already."""
    await verification.resend(rt, caller.profile, origin=origin)
    return answer(Accepted(), 202)


@router.post(
    "/auth/email/change",
    operation_id="requestEmailChange",
    status_code=202,
    response_model=Accepted,
    responses=_WITH_PASSWORD,
)
async def change_email(rt: Rt, origin: From, caller: Caller, body: EmailChangeBody) -> Response:
    """Ask for another address. It gets a link that confirms it; nothing changes before that."""
    await address.request_change(
        rt, caller, new_email=body.new_email, plain=body.password, origin=origin
    )
    return answer(Accepted(), 202)


@router.post(
    "/auth/password/change",
    operation_id="changePassword",
    response_model=Tokens,
    responses=_WITH_PASSWORD,
)
async def change_password(
    rt: Rt, origin: From, caller: Caller, body: PasswordChangeBody
) -> Response:
    """Change one's own password. Other sessions end; this one goes on with the new tokens."""
    issued = await passwords.change(
        rt, caller, current=body.current_password, new=body.new_password, origin=origin
    )
    return answer(Tokens.of(issued))
