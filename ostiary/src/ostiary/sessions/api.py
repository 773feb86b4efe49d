"""Tokens and sessions over HTTP: refresh, logout, list, revoke."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.responses import Response

from ostiary.kernel import tokens as kernel_tokens
from ostiary.kernel.faults import Code
from ostiary.kernel.problems import (
    Fault,
    MalformedJson,
    NotFound,
    UnsupportedMediaType,
    Validation,
)
from ostiary.kernel.text import Opaque
from ostiary.sessions import actions, guard, tokens
from ostiary.sessions.devices import DeviceHint, Kind, describe
from ostiary.web.bodies import JsonRoute, read_body
from ostiary.web.deps import From, Rt, note_user, origin_of, runtime_of
from ostiary.web.render import EXAMPLE_ID, answer, body, example_token, refusals, shape

router = APIRouter(prefix="/api/v1", route_class=JsonRoute, tags=["Sessions"])

# Sorts behind every identifier in any collation; punctuation sorts before digits in most.
_FIRST_PAGE = f"ses_{'z' * 26}"


_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", bearerFormat="JWT")


async def identify(request: Request) -> guard.Caller:
    """The caller that the request's bearer names; its id goes into the request's log line."""
    caller = await guard.check(runtime_of(request), request.headers.get("authorization"))
    note_user(request, caller.profile.id)
    return caller


async def get_caller(
    request: Request, _documented: Annotated[object, Depends(_bearer)]
) -> guard.Caller:
    """The caller, for endpoints that have to have one."""
    return await identify(request)


Caller = Annotated[guard.Caller, Depends(get_caller)]
NEEDS_BEARER: dict[str, Any] = {"security": [{"bearer": []}]}
"""For the documentation of a handler that identifies its caller itself."""

GUARDED = refusals(guard.MissingToken, guard.InvalidAccessToken)


_REFRESH_TOKEN = example_token("ostrt", "rt")
EXAMPLE_TOKENS: dict[str, Any] = {
    "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1c3JfMDFrYjZyeTgifQ.c2ln",
    "refresh_token": _REFRESH_TOKEN,
    "token_type": "bearer",
    "expires_in": 600,
}
_SESSION: dict[str, Any] = {
    "id": f"ses_{EXAMPLE_ID}",
    "current": True,
    "created_at": "2026-01-15T09:30:00Z",
    "last_seen_at": "2026-01-15T11:05:00Z",
    "expires_at": "2026-04-15T09:30:00Z",
    "ip_address": "203.0.113.7",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "device": {"browser": "Firefox", "os": "Linux", "kind": "desktop"},
    "amr": ["pwd"],
    "acr": "aal1",
}


class RefreshBody(BaseModel):
    """A refresh token."""

    model_config = body({"refresh_token": _REFRESH_TOKEN})

    refresh_token: Opaque


class Tokens(BaseModel):
    """What a client keeps: `expires_in` is the access token's life in seconds."""

    model_config = shape(EXAMPLE_TOKENS)

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 -- a name of RFC 6750, no secret
    expires_in: int

    @classmethod
    def of(cls, issued: tokens.TokenSet) -> "Tokens":
        """The shape of a token set."""
        return cls(
            access_token=issued.access_token,
            refresh_token=issued.refresh_token,
            expires_in=issued.expires_in,
        )


class Device(BaseModel):
    """What the User-Agent says of a device. A hint for people, not a fact."""

    browser: str | None
    os: str | None
    kind: Kind


class Session(BaseModel):
    """One live session of the caller."""

    id: str
    current: bool
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ip_address: str
    user_agent: str
    device: Device
    amr: list[str]
    acr: str


class SessionPage(BaseModel):
    """A page of sessions; `next_cursor` asks for the next one, null on the last."""

    model_config = shape({"items": [_SESSION], "next_cursor": f"ses_{EXAMPLE_ID}"})

    items: list[Session]
    next_cursor: str | None


@router.post(
    "/auth/refresh",
    operation_id="refreshTokens",
    response_model=Tokens,
    responses=refusals(MalformedJson, tokens.InvalidRefreshToken, UnsupportedMediaType, Validation),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/RefreshBody"}}
            },
        }
    },
)
async def refresh(request: Request) -> Response:
    """Exchange a refresh token for new tokens. A refresh token is good for one use.

    Presented again within the retry window by a client whose answer was lost, it gives the same
    successor; presented later, or after its successor was used, it ends the session.
    """
    body = await read_body(request, RefreshBody)
    issued = await tokens.rotate(
        runtime_of(request),
        body.refresh_token,
        client_id=tokens.FIRST_PARTY,
        origin=origin_of(request),
    )
    note_user(request, issued.user_id)
    return answer(Tokens.of(issued))


@router.post("/auth/signout", status_code=204, include_in_schema=False)
@router.post(
    "/auth/logout",
    operation_id="signOut",
    status_code=204,
    responses=GUARDED
    | refusals(
        MalformedJson,
        guard.MissingToken,
        guard.InvalidAccessToken,
        tokens.InvalidRefreshToken,
        UnsupportedMediaType,
        Validation,
    ),
)
async def logout(
    request: Request, rt: Rt, origin: From, body: RefreshBody | None = None
) -> Response:
    """End the session of the bearer, or of the refresh token where there is no bearer.

    From then on its access and refresh tokens are refused everywhere. Also at `/auth/signout`.
    """
    if body is not None and "authorization" not in request.headers:
        await actions.sign_out(rt, body.refresh_token, origin=origin)
        return Response(status_code=204)
    caller = await identify(request)
    await actions.revoke_one(
        rt, caller.profile.id, caller.session_id, reason="logout", origin=origin
    )
    return Response(status_code=204)


@router.get(
    "/sessions",
    operation_id="listSessions",
    response_model=SessionPage,
    responses=GUARDED | refusals(Validation),
)
async def list_sessions(
    rt: Rt,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[Opaque | None, Query()] = None,
) -> Response:
    """The caller's live sessions, newest first."""
    if cursor is not None and not kernel_tokens.is_id("ses", cursor):
        advice = "use the next_cursor of the page before, or leave it out."
        raise Validation(faults=(Fault(Code.MALFORMED, advice, parameter="cursor"),))
    found = await actions.list_sessions(
        rt, caller.profile.id, before=cursor or _FIRST_PAGE, limit=limit + 1
    )
    # In a thread: the first User-Agent of a process loads large tables.
    hints = await asyncio.to_thread(lambda: [describe(one.user_agent) for one in found[:limit]])
    page = SessionPage(
        items=[_shape(one, caller, hint) for one, hint in zip(found, hints, strict=False)],
        next_cursor=found[limit - 1].id if len(found) > limit else None,
    )
    return answer(page)


@router.delete(
    "/sessions/{id}",
    operation_id="revokeSession",
    status_code=204,
    responses=GUARDED | refusals(NotFound),
)
async def revoke(rt: Rt, origin: From, caller: Caller, id: str) -> Response:
    """End one of the caller's sessions, the present one included."""
    if not kernel_tokens.is_id("ses", id):
        raise NotFound
    await actions.revoke_one(rt, caller.profile.id, id, reason="revoked", origin=origin)
    return Response(status_code=204)


@router.delete("/sessions", operation_id="revokeOtherSessions", status_code=204, responses=GUARDED)
async def revoke_others(rt: Rt, origin: From, caller: Caller) -> Response:
    """End every session of the caller but the present one."""
    await actions.revoke_others(rt, caller.profile.id, caller.session_id, origin=origin)
    return Response(status_code=204)


def _shape(one: actions.Listed, caller: guard.Caller, device: DeviceHint) -> Session:
    return Session(
        id=one.id,
        current=one.id == caller.session_id,
        created_at=one.created_at,
        last_seen_at=one.last_seen_at,
        expires_at=one.expires_at,
        ip_address=one.ip_address,
        user_agent=one.user_agent,
        device=Device(browser=device.browser, os=device.os, kind=device.kind),
        amr=one.amr.split(),
        acr=one.acr,
    )
