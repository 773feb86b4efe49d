"""The public keys that our tokens are signed with."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from ostiary.web.deps import runtime_of
from ostiary.web.render import shape

router = APIRouter(tags=["Keys"])

_CACHED = {"Cache-Control": "public, max-age=3600"}


class JwkSet(BaseModel):
    """A JWK Set (RFC 7517 §5)."""

    model_config = shape(
        {
            "keys": [
                {
                    "kty": "EC",
                    "crv": "P-256",
                    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                    "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
                    "use": "sig",
                    "alg": "ES256",
                }
            ]
        }
    )

    keys: list[dict[str, Any]]


@router.get("/.well-known/jwks.json", operation_id="getKeys", response_model=JwkSet)
async def jwks(request: Request) -> Response:
    """Keys that sign, will sign within a day, or signed what may still be alive.

    A key is here 24 hours before it signs: an hour in a verifier's cache is safe.
    """
    keys = await runtime_of(request).keys.published()
    return Response(keys, headers=_CACHED, media_type="application/json")
