"""How a user looks on the wire. The routes that manage users come with administration."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from ostiary.users.actions import Profile
from ostiary.web.render import EXAMPLE_ID, shape

EXAMPLE_USER: dict[str, Any] = {
    "id": f"usr_{EXAMPLE_ID}",
    "email": "ada@example.com",
    "email_verified": False,
    "username": "ada",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "display_name": "Ada Lovelace",
    "locale": "en",
    "role": "user",
    "status": "active",
    "mfa_enabled": False,
    "metadata": {"public": {"theme": "dark"}},
    "created_at": "2026-01-15T09:30:00Z",
    "updated_at": "2026-01-15T09:30:00Z",
    "last_sign_in_at": "2026-01-15T09:30:00Z",
}


class OwnMetadata(BaseModel):
    """What an application keeps with the account; the person may read and write it."""

    public: dict[str, Any]


class User(BaseModel):
    """An account, as its owner sees it."""

    model_config = shape(EXAMPLE_USER)

    id: str
    email: str
    email_verified: bool
    username: str | None
    first_name: str | None
    last_name: str | None
    display_name: str | None
    locale: str | None
    role: str
    status: str
    mfa_enabled: bool
    metadata: OwnMetadata
    created_at: datetime
    updated_at: datetime
    last_sign_in_at: datetime | None

    @classmethod
    def of(cls, profile: Profile, *, mfa_enabled: bool) -> "User":
        """The shape of `profile`."""
        return cls(
            id=profile.id,
            email=profile.email,
            email_verified=profile.email_verified,
            username=profile.username,
            first_name=profile.first_name,
            last_name=profile.last_name,
            display_name=profile.display_name,
            locale=profile.locale,
            role=profile.role,
            status=profile.status,
            mfa_enabled=mfa_enabled,
            metadata=OwnMetadata(public=profile.metadata_public),
            created_at=profile.created_at,
            updated_at=profile.updated_at,
            last_sign_in_at=profile.last_sign_in_at,
        )
