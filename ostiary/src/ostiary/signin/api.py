"""Sign-up and sign-in over HTTP."""

from typing import Literal, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, model_validator
from starlette.responses import Response

from ostiary.authenticators.password import Password
from ostiary.kernel.faults import Code, wrong
from ostiary.kernel.problems import (
    MalformedJson,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
    Validation,
)
from ostiary.kernel.text import Line, Name, Opaque
from ostiary.signin import actions
from ostiary.signin.actions import Admitted, Challenged, PasswordProof, Refused
from ostiary.signin.answers import Challenge, SignedIn, challenge, signed_in
from ostiary.signin.refusals import EmailUnverified, InvalidCredentials
from ostiary.signin.signup import Concealed, SignupClosed, sign_up
from ostiary.users.actions import EmailTaken, NewUser, UsernameTaken
from ostiary.users.api import EXAMPLE_USER, User
from ostiary.users.names import Email, Locale, Username
from ostiary.web.bodies import JsonRoute
from ostiary.web.deps import From, Rt, note_user
from ostiary.web.render import answer, body, refusals, shape

router = APIRouter(prefix="/api/v1", route_class=JsonRoute, tags=["Signing in"])

_ANY_BODY = (MalformedJson, UnsupportedMediaType, Validation, TooManyRequests, Unavailable)


_PASSWORD = "correct horse battery staple"  # noqa: S105 -- an example


class SignupBody(BaseModel):
    """Who signs up, and with which password."""

    model_config = body({"email": "ada@example.com", "password": _PASSWORD, "first_name": "Ada"})

    email: Email
    password: Password
    username: Username | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    locale: Locale | None = None


class SigninBody(BaseModel):
    """One of `email` and `username`, the password, and the token of a device known before."""

    model_config = body({"email": "ada@example.com", "password": _PASSWORD})

    email: Line | None = None
    username: Line | None = None
    password: Password
    device_token: Opaque | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.email is None) == (self.username is None):
            raise wrong(Code.EXACTLY_ONE, "send exactly one of email and username.")
        return self


class VerificationSent(BaseModel):
    """Where sign-up tells nobody who has an account: the rest is in the mail."""

    model_config = shape({"status": "verification_sent"})

    status: Literal["verification_sent"] = "verification_sent"


class Created(BaseModel):
    """The person, where their address has to be verified before they may sign in."""

    model_config = shape({"user": EXAMPLE_USER})

    user: User


@router.post("/auth/register", status_code=201, include_in_schema=False)
@router.post(
    "/auth/signup",
    operation_id="signUp",
    status_code=201,
    response_model=SignedIn | Challenge | Created,
    responses=refusals(SignupClosed, EmailTaken, UsernameTaken, *_ANY_BODY)
    | {202: {"model": VerificationSent}},
)
async def signup(request: Request, rt: Rt, origin: From, body: SignupBody) -> Response:
    """Create an account, mail a verification link, and sign it in. Also at `/auth/register`.

    Where `signup.verification` is `required`, the answer holds no tokens, and where a second factor
    is required, it is a challenge that asks for one to be bound. With
    `signup.conceal_existing` it is 202 for everybody, and an existing owner is told by mail.
    """
    new = NewUser(
        email=body.email,
        username=body.username,
        first_name=body.first_name,
        last_name=body.last_name,
        locale=body.locale,
    )
    signed_up = await sign_up(rt, new, body.password, origin=origin)
    if isinstance(signed_up, Concealed):
        return answer(VerificationSent(), 202)
    note_user(request, signed_up.profile.id)
    match signed_up.entered:
        case None:
            user = User.of(signed_up.profile, mfa_enabled=False)
            return answer(Created(user=user), 201)
        case Challenged() as challenged:
            return answer(challenge(challenged), 201)
        case opened:
            return answer(await signed_in(rt, opened, mfa_enabled=False), 201)


@router.post("/auth/login", include_in_schema=False)
@router.post(
    "/auth/signin",
    operation_id="signIn",
    response_model=SignedIn | Challenge,
    responses=refusals(InvalidCredentials, EmailUnverified, *_ANY_BODY),
)
async def signin(request: Request, rt: Rt, origin: From, body: SigninBody) -> Response:
    """Sign in with an address or a user name and a password. Also at `/auth/login`.

    Keep `device_token` and send it with the next sign-in: a known device has attempts of its own,
    so that nobody else can use them up. Where a second factor is due, the answer is a challenge: go
    on at `/auth/mfa/verify`, or at `/auth/mfa/totp/setup` where one has to be bound first.
    """
    proof = PasswordProof(body.password, body.email, body.username, body.device_token)
    match await actions.present(rt, proof, origin=origin):
        case Admitted(opened, mfa_enabled):
            note_user(request, opened.profile.id)
            return answer(await signed_in(rt, opened, mfa_enabled=mfa_enabled))
        case Challenged() as challenged:
            return answer(challenge(challenged))
        case Refused(problem):
            raise problem
