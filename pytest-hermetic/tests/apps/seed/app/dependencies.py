"""Who is asking."""

from typing import Annotated, Any

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import jwt
from app.database import get_db
from app.models import User
from app.services import tokens

Database = Annotated[AsyncSession, Depends(get_db)]
bearer = HTTPBearer(auto_error=False)


async def access_claims(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> dict[str, Any]:
    claims = jwt.read(credentials.credentials, "access") if credentials else None
    if claims is None or await tokens.is_revoked(claims):
        raise HTTPException(401, "Not signed in", {"WWW-Authenticate": "Bearer"})
    return claims


Claims = Annotated[dict[str, Any], Depends(access_claims)]


async def current_user(claims: Claims, db: Database) -> User:
    user = await db.get(User, claims["sub"])
    if user is None:
        raise HTTPException(401, "Not signed in", {"WWW-Authenticate": "Bearer"})
    return user


CurrentUser = Annotated[User, Depends(current_user)]
