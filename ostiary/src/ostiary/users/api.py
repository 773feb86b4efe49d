"""How a user looks on the wire. The routes that manage users come with administration."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from ostiary.users.actions import Profile


class OwnMetadata(BaseModel):
    """What an application keeps with the account; the person may read and write it."""

    public: dict[str, Any]


class User(BaseModel):
    """An account, as its owner sees it."""

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
