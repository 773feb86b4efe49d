"""The pages that mailed links lead to: a GET shows what a link does, a button does it, once.

Mail programs, proxies and browsers fetch links that nobody pressed: a GET uses nothing up. What was
done is told at an address of its own, so that reloading and going back do nothing again.
"""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from ostiary.authenticators.password import Password
from ostiary.kernel.faults import Code
from ostiary.kernel.problems import Problem, Validation
from ostiary.kernel.text import Opaque
from ostiary.signin import bootstrap
from ostiary.signin.address import confirm_change, undo_change
from ostiary.signin.bootstrap import create_administrator
from ostiary.signin.invitations import accept
from ostiary.signin.links import Purpose, look
from ostiary.signin.recovery import reset
from ostiary.signin.refusals import InvalidCredentials
from ostiary.signin.verification import disown, verify_with_password
from ostiary.users.actions import EmailTaken
from ostiary.users.names import Email
from ostiary.web.deps import From, Rt, note_user, runtime_of
from ostiary.web.forms import read_form
from ostiary.web.pages import page, see_other
from ostiary.web.render import check

router = APIRouter(include_in_schema=False)

_TYPED = ("email", "password", "new_password")


class LinkForm(BaseModel):
    """What every form here carries: the link's token, and the language its page was in."""

    model_config = ConfigDict(extra="forbid")

    token: Opaque
    lang: Opaque = ""


class VerifyForm(LinkForm):
    """`password` where the account has one."""

    password: Password | None = None


class ResetForm(LinkForm):
    """A new password."""

    new_password: Password


class InvitationForm(LinkForm):
    """A first password."""

    password: Password


class SetupForm(LinkForm):
    """Who the first administrator is."""

    email: Email
    password: Password


@router.get("/verify-email")
async def verify_page(request: Request) -> Response:
    """Whose address this is; a button to confirm it, and the way to disown the account."""
    return await _page(request, "verify_email", _token(request))


@router.post("/verify-email")
async def verify_address(request: Request, rt: Rt, origin: From) -> Response:
    """Confirm an address, as somebody who knows the account's password."""
    fields = await read_form(request)
    try:
        form = check(VerifyForm, fields)
        profile = await verify_with_password(rt, form.token, form.password, origin=origin)
    except (Validation, InvalidCredentials) as refusal:
        return await _page(request, "verify_email", fields.get("token", ""), refusal)
    note_user(request, profile.id)
    return _done(request, form)


@router.get("/verify-email/not-me")
async def disown_page(request: Request) -> Response:
    """Asks once more before an account is deleted."""
    return await _page(request, "verify_email", _token(request), template="not_me")


@router.post("/verify-email/not-me")
async def disown_account(request: Request, rt: Rt, origin: From) -> Response:
    """Delete a never-verified account that somebody else made with this address."""
    form = check(LinkForm, await read_form(request))
    await disown(rt, form.token, origin=origin)
    return _done(request, form)


@router.get("/reset-password")
async def reset_page(request: Request) -> Response:
    """Asks for a new password."""
    return await _page(request, "reset_password", _token(request))


@router.post("/reset-password")
async def reset_password(request: Request, rt: Rt, origin: From) -> Response:
    """Set a new password and end every session."""
    fields = await read_form(request)
    try:
        form = check(ResetForm, fields)
        await reset(rt, form.token, form.new_password, origin=origin)
    except Validation as refusal:
        return await _page(request, "reset_password", fields.get("token", ""), refusal)
    return _done(request, form)


@router.get("/email-change")
async def change_page(request: Request) -> Response:
    """Which address takes the place of which."""
    return await _page(request, "change_email", _token(request))


@router.post("/email-change")
async def change_address(request: Request, rt: Rt, origin: From) -> Response:
    """Let the new address take the old one's place."""
    form = check(LinkForm, await read_form(request))
    profile = await confirm_change(rt, form.token, origin=origin)
    note_user(request, profile.id)
    return _done(request, form)


@router.get("/email-change/undo")
async def undo_page(request: Request) -> Response:
    """Which address comes back."""
    return await _page(request, "undo_email_change", _token(request))


@router.post("/email-change/undo")
async def undo_change_of_address(request: Request, rt: Rt, origin: From) -> Response:
    """Give the account its old address back and end every session."""
    form = check(LinkForm, await read_form(request))
    profile = await undo_change(rt, form.token, origin=origin)
    note_user(request, profile.id)
    return _done(request, form)


@router.get("/invitation")
async def invitation_page(request: Request) -> Response:
    """Which account was made; asks for its first password."""
    return await _page(request, "invitation", _token(request))


@router.post("/invitation")
async def accept_invitation(request: Request, rt: Rt, origin: From) -> Response:
    """Choose the first password, which verifies the email too."""
    fields = await read_form(request)
    try:
        form = check(InvitationForm, fields)
        profile = await accept(rt, form.token, form.password, origin=origin)
    except Validation as refusal:
        return await _page(request, "invitation", fields.get("token", ""), refusal)
    note_user(request, profile.id)
    return _done(request, form)


@router.get("/setup")
async def setup_page(request: Request) -> Response:
    """Asks who the first administrator is."""
    await bootstrap.look(runtime_of(request), _token(request))
    return await _page(request, "bootstrap", _token(request))


@router.post("/setup")
async def create_first_administrator(request: Request, rt: Rt, origin: From) -> Response:
    """Create the first administrator."""
    fields = await read_form(request)
    try:
        form = check(SetupForm, fields)
        made = await create_administrator(rt, form.token, form.email, form.password, origin=origin)
    except (Validation, EmailTaken) as refusal:
        typed = {"email": fields.get("email", "")}
        return await _page(request, "bootstrap", fields.get("token", ""), refusal, **typed)
    note_user(request, made.id)
    return _done(request, form)


@router.get("/verify-email/done")
@router.get("/verify-email/not-me/done")
@router.get("/reset-password/done")
@router.get("/email-change/done")
@router.get("/email-change/undo/done")
@router.get("/invitation/done")
@router.get("/setup/done")
async def done_page(request: Request) -> Response:
    """What has been done. It knows nobody, so that anybody may look at it again."""
    locale = request.query_params.get("lang")
    return page(request, "signin/done.html", locale=locale, done=request.url.path)


async def _page(
    request: Request,
    purpose: Purpose,
    token: str,
    refusal: Problem | None = None,
    *,
    template: str | None = None,
    **typed: str,
) -> Response:
    """The page of a link, with what is wrong with a form beside its fields.

    Raises `TokenInvalid` and `TokenExpired`, and the `refusal` that is about none of the fields.
    """
    rt = runtime_of(request)
    link = await look(rt, token, purpose)
    if link.profile:
        note_user(request, link.profile.id)
    faults = _faults(refusal) if refusal else {}
    if refusal and not faults:
        raise refusal
    return page(
        request,
        f"signin/{template or purpose}.html",
        locale=link.profile.locale if link.profile else None,
        status=422 if faults else 200,
        link=link,
        token=token,
        faults=faults,
        min_length=rt.settings.password.min_length,
        **typed,
    )


def _faults(refusal: Problem) -> dict[str, Code]:
    """What is wrong with each field that a person fills in, by its code."""
    match refusal:
        case InvalidCredentials():
            return {"password": Code.INCORRECT}
        case EmailTaken():
            return {"email": Code.TAKEN}
    found = {(fault.pointer or "").removeprefix("/"): fault.code for fault in refusal.faults}
    return {name: found[name] for name in _TYPED if name in found}


def _token(request: Request) -> str:
    # Two tokens are two opinions on which link this is.
    values = request.query_params.getlist("token")
    return values[0] if len(values) == 1 else ""


def _done(request: Request, form: LinkForm) -> Response:
    return see_other(f"{request.url.path}/done?{urlencode({'lang': form.lang})}")
