"""RS256 tokens; the keys are read from the PEM files named in the environment."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from app.config import settings

# Parsed once: an RSA key takes tens of milliseconds to load.
PRIVATE_KEY = load_pem_private_key(Path(settings.JWT_PRIVATE_KEY_PATH).read_bytes(), None)
PUBLIC_KEY = load_pem_public_key(Path(settings.JWT_PUBLIC_KEY_PATH).read_bytes())


def sign(subject: str, kind: str, lifetime: timedelta, **claims: Any) -> str:
    now = datetime.now(UTC)
    payload = {
        "iss": settings.JWT_ISSUER,
        "sub": subject,
        "typ": kind,
        "jti": uuid4().hex,
        "iat": now,
        "exp": now + lifetime,
        **claims,
    }
    return jwt.encode(payload, PRIVATE_KEY, algorithm="RS256")


def read(token: str, kind: str) -> dict[str, Any] | None:
    """The claims of a valid token of that kind, else None."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            PUBLIC_KEY,
            algorithms=["RS256"],
            issuer=settings.JWT_ISSUER,
            options={"require": ["exp", "iat", "jti", "sub"]},
        )
    except jwt.InvalidTokenError:
        return None
    return claims if claims.get("typ") == kind else None
