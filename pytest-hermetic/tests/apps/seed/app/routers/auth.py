"""Sign-up, verification, sign-in, refresh, logout."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.config import settings
from app.core import jwt
from app.core.limiter import limiter
from app.core.passwords import NOBODY, hasher
from app.core.redis import get_redis
from app.dependencies import Claims, CurrentUser, Database
from app.models import SignIn, User
from app.schemas import (
    Address,
    MfaRequired,
    MfaSignIn,
    Refresh,
    SignInIn,
    SignUp,
    Tokens,
    UserOut,
    Verification,
)
from app.services import lockout, mfa, tokens
from app.services.verification import claim_verification, send_verification

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])
MFA_ATTEMPTS = 5
MFA_LIFETIME = timedelta(minutes=settings.MFA_TOKEN_MINUTES)


def shown(user: User) -> UserOut:
    return UserOut(
        id=user.id,
        email=user.email,
        name=user.name,
        verified=user.verified_at is not None,
        mfa_enabled=user.totp_secret is not None,
    )


@router.post("/signup", status_code=201)
@limiter.limit("5/minute")
async def sign_up(request: Request, body: SignUp, db: Database) -> UserOut:
    user = User(email=body.email.lower(), name=body.name, password_hash=hasher.hash(body.password))
    db.add(user)
    try:
        await db.commit()
    except IntegrityError:
        raise HTTPException(409, "This address is taken") from None
    await send_verification(user)
    return shown(user)


@router.post("/verify")
async def verify(body: Verification, db: Database) -> UserOut:
    user_id = await claim_verification(body.token)
    user = await db.get(User, user_id) if user_id else None
    if user is None:
        raise HTTPException(400, "This link is used or has expired")
    user.verified_at = datetime.now(UTC)
    await db.commit()
    return shown(user)


@router.post("/resend-verification", status_code=202)
@limiter.limit("3/hour")
async def resend_verification(request: Request, body: Address, db: Database) -> dict[str, str]:
    user = await db.scalar(select(User).where(User.email == body.email.lower()))
    if user is not None and user.verified_at is None:
        await send_verification(user)
    # The same answer for everyone: it does not tell who has an account.
    return {"detail": "If the address waits for verification, a mail is on its way"}


@router.post("/signin")
@limiter.limit("10/minute")
async def sign_in(request: Request, body: SignInIn, db: Database) -> Tokens | MfaRequired:
    email = body.email.lower()
    if await lockout.is_locked(email):
        raise HTTPException(423, "Too many wrong passwords, try again later")
    user = await db.scalar(select(User).where(User.email == email))
    right = hasher.verify(body.password, user.password_hash if user else NOBODY)
    if user is not None:
        db.add(SignIn(user_id=user.id, succeeded=right))
        await db.commit()
    if user is None or not right:
        await lockout.count_failure(email)
        raise HTTPException(401, "Wrong address or password")
    if user.verified_at is None:
        raise HTTPException(403, "Verify your address first")
    await lockout.forget_failures(email)
    if user.totp_secret is not None:
        return MfaRequired(mfa_token=jwt.sign(user.id, "mfa", MFA_LIFETIME))
    return await tokens.open_session(user.id)


@router.post("/signin/mfa")
async def sign_in_with_second_factor(body: MfaSignIn, db: Database) -> Tokens:
    claims = jwt.read(body.mfa_token, "mfa")
    if claims is None:
        raise HTTPException(401, "Sign in again")
    redis = await get_redis()
    attempts = await redis.incr(f"mfa:attempts:{claims['jti']}")
    await redis.expire(f"mfa:attempts:{claims['jti']}", MFA_LIFETIME)
    user = await db.get(User, claims["sub"])
    if user is None or attempts > MFA_ATTEMPTS:
        raise HTTPException(401, "Sign in again")
    if not await mfa.accept(db, user, body.code):
        raise HTTPException(401, "Wrong code")
    # The token of the first step opens one session.
    await redis.set(f"mfa:attempts:{claims['jti']}", MFA_ATTEMPTS, keepttl=True)
    return await tokens.open_session(user.id)


@router.post("/refresh")
async def refresh(body: Refresh) -> Tokens:
    rotated = await tokens.rotate(body.refresh_token)
    if rotated is None:
        raise HTTPException(401, "Sign in again")
    return rotated


@router.post("/logout", status_code=204)
async def log_out(claims: Claims) -> None:
    await tokens.close_session(claims)


@router.post("/logout/all")
async def log_out_everywhere(claims: Claims) -> dict[str, int]:
    return {"closed": await tokens.close_all_sessions(claims["sub"])}


@router.get("/me")
async def me(user: CurrentUser) -> UserOut:
    return shown(user)
