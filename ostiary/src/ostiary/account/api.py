"""Who am I, and changing what I said of myself."""

import math
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from ostiary.kernel.faults import Code, wrong
from ostiary.kernel.problems import MalformedJson, UnsupportedMediaType, Validation
from ostiary.kernel.text import Name, refuse_unclean
from ostiary.sessions.api import GUARDED, NEEDS_BEARER, Caller, identify
from ostiary.users.actions import UsernameTaken, change_profile, metadata_size
from ostiary.users.api import User
from ostiary.users.names import Locale, Username
from ostiary.web.bodies import JsonRoute
from ostiary.web.deps import From, Rt
from ostiary.web.render import answer, body, refusals

router = APIRouter(prefix="/api/v1", route_class=JsonRoute, tags=["Account"])

_METADATA_BYTES = 8 * 1024


def _check_metadata(value: dict[str, Any]) -> dict[str, Any]:
    _check_clean(value)
    if metadata_size(value) > _METADATA_BYTES:
        raise wrong(Code.TOO_LARGE, "use at most 8 KB of JSON.")
    return value


def _check_clean(value: object) -> None:
    match value:
        case str():
            refuse_unclean(value.replace("\n", " ").replace("\t", " "))
        case float() if not math.isfinite(value):
            raise wrong(Code.TOO_LARGE, "use numbers that JSON can hold: at most about 1.8e308.")
        case dict():
            for name, member in value.items():
                refuse_unclean(name)
                _check_clean(member)
        case list():
            for item in value:
                _check_clean(item)


class MetadataBody(BaseModel):
    """What may be written of `metadata`: the public half."""

    model_config = ConfigDict(extra="forbid")

    public: Annotated[dict[str, Any], AfterValidator(_check_metadata)]


class ProfileBody(BaseModel):
    """What a person may change. Members that are absent stay as they are; null clears one."""

    model_config = body(
        {"first_name": "Ada", "locale": "en", "metadata": {"public": {"theme": "dark"}}}
    )

    username: Username | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    display_name: Name | None = None
    locale: Locale | None = None
    metadata: MetadataBody | None = None


@router.get("/users/me", include_in_schema=False)
@router.get(
    "/auth/me",
    operation_id="getMe",
    response_model=User,
    responses=GUARDED,
    openapi_extra=NEEDS_BEARER,
)
async def me(request: Request) -> Response:
    """The account of the bearer. Also at `/users/me`."""
    caller = await identify(request)
    return answer(User.of(caller.profile, mfa_enabled=caller.mfa_enabled))


@router.patch(
    "/users/me",
    operation_id="updateMe",
    response_model=User,
    responses=GUARDED | refusals(UsernameTaken, MalformedJson, UnsupportedMediaType, Validation),
)
async def change(rt: Rt, origin: From, caller: Caller, body: ProfileBody) -> Response:
    """Change one's own names, user name, locale or public metadata."""
    changes = body.model_dump(exclude_unset=True, exclude={"metadata"})
    if "metadata" in body.model_fields_set:
        changes["metadata_public"] = body.metadata.public if body.metadata else {}
    if not changes:
        return answer(User.of(caller.profile, mfa_enabled=caller.mfa_enabled))
    profile = await change_profile(rt, caller.profile.id, changes, origin=origin)
    return answer(User.of(profile, mfa_enabled=caller.mfa_enabled))
