"""Second factors over HTTP: finish a sign-in with one, bind, list and remove them."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, model_validator
from starlette.responses import Response

from ostiary.authenticators.password import Password
from ostiary.authenticators.proofs import Kind
from ostiary.authenticators.totp import TotpAlreadyBound
from ostiary.kernel.faults import Code, wrong
from ostiary.kernel.problems import (
    Fault,
    MalformedJson,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
    Validation,
)
from ostiary.kernel.text import Line, Opaque
from ostiary.sessions import guard
from ostiary.sessions.api import GUARDED, Caller, Tokens, identify
from ostiary.signin import binding, factors, reauthentication
from ostiary.signin.actions import Admitted
from ostiary.signin.answers import EXAMPLE_CHALLENGE, Challenge, SignedIn, challenge, signed_in
from ostiary.signin.challenges import AttemptInvalid, InvalidCode
from ostiary.signin.factors import Presented
from ostiary.signin.reauthentication import Again, ReauthenticationRequired
from ostiary.signin.refusals import IncorrectProof
from ostiary.web.bodies import JsonRoute
from ostiary.web.deps import From, Rt, note_user
from ostiary.web.render import answer, body, refusals, shape

router = APIRouter(prefix="/api/v1", route_class=JsonRoute, tags=["Second factors"])

_BODY = (MalformedJson, UnsupportedMediaType, Validation)
_STRONG = GUARDED | refusals(ReauthenticationRequired)
_NO_BEARER = (guard.MissingToken, guard.InvalidAccessToken)
_BEARER_OR_CHALLENGE: dict[str, Any] = {"security": [{"bearer": []}, {}]}

FactorCode = Annotated[Line, Field(max_length=64)]


_CODES = [f"k7m2q-x4t{number}p" for number in "0123456789"]


class MethodBody(BaseModel):
    """A challenge, and what it is going to be answered with."""

    model_config = body({"challenge_token": EXAMPLE_CHALLENGE, "method": "totp"})

    challenge_token: Opaque
    method: Line


class VerifyBody(BaseModel):
    """A challenge, and one of a TOTP `code` and a `backup_code`."""

    model_config = body({"challenge_token": EXAMPLE_CHALLENGE, "code": "492039"})

    challenge_token: Opaque
    code: FactorCode | None = None
    backup_code: FactorCode | None = None

    @model_validator(mode="after")
    def _holds_one(self) -> Self:
        if (self.code is None) == (self.backup_code is None):
            raise wrong(Code.EXACTLY_ONE, "send exactly one of code and backup_code.")
        return self


class SetUpBody(BaseModel):
    """The challenge of a sign-in that asks for a second factor; none with a bearer."""

    model_config = body({"challenge_token": EXAMPLE_CHALLENGE})

    challenge_token: Opaque | None = None


class ConfirmBody(BaseModel):
    """The first code; the challenge where a sign-in asked for the second factor."""

    model_config = body({"code": "492039"})

    code: FactorCode
    challenge_token: Opaque | None = None


class AgainBody(BaseModel):
    """One of the account's password, a TOTP `code` and a `backup_code`."""

    model_config = body({"password": "correct horse battery staple"})

    password: Password | None = None
    code: FactorCode | None = None
    backup_code: FactorCode | None = None

    @model_validator(mode="after")
    def _holds_one(self) -> Self:
        given = [self.password, self.code, self.backup_code]
        if sum(one is not None for one in given) != 1:
            raise wrong(Code.EXACTLY_ONE, "send exactly one of password, code and backup_code.")
        return self


class Status(BaseModel):
    """The caller's second factors."""

    model_config = shape(
        {"mfa_enabled": True, "methods": ["totp", "backup_code"], "backup_codes_remaining": 10}
    )

    mfa_enabled: bool
    methods: list[Kind]
    backup_codes_remaining: int


class SetUp(BaseModel):
    """What an authenticator app needs. It proves nothing until its first code confirms it."""

    model_config = shape(
        {
            "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
            "provisioning_uri": "otpauth://totp/Ostiary:ada%40example.com"
            "?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Ostiary",
            "qr_code": "data:image/svg+xml,%3Csvg%20xmlns=%22http://www.w3.org/2000/svg%22/%3E",
        }
    )

    secret: str
    provisioning_uri: str
    qr_code: str


class Confirmed(BaseModel):
    """Backup codes come with the first second factor, and are never shown again.

    `signed_in` where that finished a sign-in.
    """

    model_config = shape({"backup_codes": _CODES})

    backup_codes: list[str]
    signed_in: SignedIn | None = None


class BackupCodes(BaseModel):
    """Ten codes, each good for one use. They are never shown again."""

    model_config = shape({"backup_codes": _CODES})

    backup_codes: list[str]


@router.post(
    "/auth/mfa/challenge",
    operation_id="chooseSecondFactor",
    status_code=204,
    responses=refusals(AttemptInvalid, *_BODY),
)
async def choose(rt: Rt, body: MethodBody) -> Response:
    """Choose what a challenge is answered with. TOTP and backup codes need nothing prepared."""
    if body.method not in await factors.methods(rt, body.challenge_token):
        advice = "use one of the methods that the challenge names."
        raise Validation(faults=(Fault(Code.NOT_ALLOWED, advice, pointer="/method"),))
    return Response(status_code=204)


@router.post(
    "/auth/mfa/verify",
    operation_id="verifySecondFactor",
    response_model=SignedIn | Challenge,
    responses=refusals(AttemptInvalid, InvalidCode, TooManyRequests, *_BODY),
)
async def verify(request: Request, rt: Rt, origin: From, body: VerifyBody) -> Response:
    """Finish a sign-in with its second factor. Five wrong answers end it."""
    presented = _presented(body.code, body.backup_code)
    match await factors.answer(rt, body.challenge_token, presented, origin=origin):
        case Admitted(opened, mfa_enabled):
            note_user(request, opened.profile.id)
            return answer(await signed_in(rt, opened, mfa_enabled=mfa_enabled))
        case challenged:
            return answer(challenge(challenged))


@router.get(
    "/auth/mfa/status", operation_id="getSecondFactors", response_model=Status, responses=GUARDED
)
async def status(rt: Rt, caller: Caller) -> Response:
    """The caller's second factors, and how many backup codes are left."""
    found = await binding.status(rt, caller)
    return answer(
        Status(
            mfa_enabled=caller.mfa_enabled,
            methods=list(found.methods),
            backup_codes_remaining=found.backup_codes_remaining,
        )
    )


@router.post(
    "/auth/mfa/totp/setup",
    operation_id="setUpTotp",
    response_model=SetUp,
    responses=_STRONG | refusals(*_NO_BEARER, AttemptInvalid, TotpAlreadyBound, *_BODY),
    openapi_extra=_BEARER_OR_CHALLENGE,
)
async def set_up(request: Request, rt: Rt, body: SetUpBody | None = None) -> Response:
    """Make a secret for an authenticator app, for the bearer or for a sign-in that asks for one.

    A secret set up before and never confirmed is void.
    """
    if body is not None and body.challenge_token is not None:
        made = await binding.set_up_in(rt, body.challenge_token)
    else:
        made = await binding.set_up(rt, await identify(request))
    shown = SetUp(secret=made.secret, provisioning_uri=made.provisioning_uri, qr_code=made.qr_code)
    return answer(shown)


@router.post(
    "/auth/mfa/totp/confirm",
    operation_id="confirmTotp",
    response_model=Confirmed,
    responses=_STRONG | refusals(*_NO_BEARER, AttemptInvalid, InvalidCode, IncorrectProof, *_BODY),
    openapi_extra=_BEARER_OR_CHALLENGE,
)
async def confirm(request: Request, rt: Rt, origin: From, body: ConfirmBody) -> Response:
    """Bind the secret by its first code. From then on, every sign-in asks for one."""
    if body.challenge_token is not None:
        bound = await binding.confirm_in(rt, body.challenge_token, body.code, origin=origin)
    else:
        bound = await binding.confirm(rt, await identify(request), body.code, origin=origin)
    inside = None
    if bound.admitted is not None:
        opened = bound.admitted.opened
        note_user(request, opened.profile.id)
        inside = await signed_in(rt, opened, mfa_enabled=True)
    return answer(Confirmed(backup_codes=list(bound.backup_codes), signed_in=inside))


@router.post(
    "/auth/mfa/disable",
    operation_id="removeSecondFactors",
    status_code=204,
    responses=_STRONG | refusals(binding.MfaNotEnabled, binding.MfaDemanded),
)
async def disable(rt: Rt, origin: From, caller: Caller) -> Response:
    """Remove every second factor of the caller, with its backup codes."""
    await binding.disable(rt, caller, origin=origin)
    return Response(status_code=204)


@router.post(
    "/auth/mfa/backup-codes/regenerate",
    operation_id="replaceBackupCodes",
    response_model=BackupCodes,
    responses=_STRONG | refusals(binding.MfaNotEnabled),
)
async def regenerate(rt: Rt, origin: From, caller: Caller) -> Response:
    """Make ten new backup codes; the old ones are void."""
    return answer(
        BackupCodes(backup_codes=list(await binding.regenerate(rt, caller, origin=origin)))
    )


@router.post(
    "/auth/reauthenticate",
    operation_id="reauthenticate",
    response_model=Tokens,
    responses=refusals(*_NO_BEARER, IncorrectProof, TooManyRequests, Unavailable, *_BODY),
)
async def reauthenticate(rt: Rt, origin: From, caller: Caller, body: AgainBody) -> Response:
    """Confirm that it is you: new tokens tell of it, the old refresh token is refused.

    A second factor counts as recent only where it was proven itself.
    """
    factor = None if body.password is not None else _presented(body.code, body.backup_code)
    issued = await reauthentication.reauthenticate(
        rt, caller, Again(body.password, factor), origin=origin
    )
    return answer(Tokens.of(issued))


def _presented(code: str | None, backup_code: str | None) -> Presented:
    if code is not None:
        # Apps show the six digits in two groups.
        return Presented("totp", code.replace(" ", ""))
    return Presented("backup_code", backup_code or "")
