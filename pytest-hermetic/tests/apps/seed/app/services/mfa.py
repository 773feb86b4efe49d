"""TOTP with one step of tolerance; a code counts once; ten backup codes, each counts once."""

import hashlib
import secrets
from datetime import UTC, datetime

import pyotp
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.redis import get_redis
from app.models import BackupCode, User

ISSUER = "Accounts"
STEP = 30
PENDING_FOR = 600


async def enrol(user: User) -> tuple[str, str]:
    redis = await get_redis()
    secret = pyotp.random_base32()
    await redis.set(f"mfa:pending:{user.id}", secret, ex=PENDING_FOR)
    return secret, pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)


async def confirm(db: AsyncSession, user: User, code: str) -> list[str] | None:
    redis = await get_redis()
    secret = await redis.get(f"mfa:pending:{user.id}")
    if secret is None or not await _is_current(user, secret, code):
        return None
    user.totp_secret = secret
    codes = await new_backup_codes(db, user)
    await redis.delete(f"mfa:pending:{user.id}")
    return codes


async def new_backup_codes(db: AsyncSession, user: User) -> list[str]:
    await db.execute(delete(BackupCode).where(BackupCode.user_id == user.id))
    codes = [f"{secrets.token_hex(4)}-{secrets.token_hex(4)}" for _ in range(10)]
    db.add_all(BackupCode(user_id=user.id, digest=_digest(code)) for code in codes)
    await db.commit()
    return codes


async def remaining_backup_codes(db: AsyncSession, user: User) -> int:
    unused = select(func.count()).where(BackupCode.user_id == user.id, BackupCode.used_at.is_(None))
    return await db.scalar(unused) or 0


async def disable(db: AsyncSession, user: User) -> None:
    user.totp_secret = None
    await db.execute(delete(BackupCode).where(BackupCode.user_id == user.id))
    await db.commit()


async def accept(db: AsyncSession, user: User, code: str) -> bool:
    """Whether this is a current code of the user or an unused backup code; it is used up."""
    if user.totp_secret and await _is_current(user, user.totp_secret, code):
        return True
    claimed = await db.execute(
        update(BackupCode)
        .where(
            BackupCode.user_id == user.id,
            BackupCode.digest == _digest(code),
            BackupCode.used_at.is_(None),
        )
        .values(used_at=datetime.now(UTC))
    )
    await db.commit()
    return claimed.rowcount == 1


async def _is_current(user: User, secret: str, code: str) -> bool:
    redis = await get_redis()
    now = int(datetime.now(UTC).timestamp())
    for offset in (0, -1, 1):
        step = now // STEP + offset
        if secrets.compare_digest(pyotp.TOTP(secret).at(step * STEP), code):
            # The step stays acceptable for at most three steps.
            return bool(await redis.set(f"mfa:used:{user.id}:{step}", "1", nx=True, ex=3 * STEP))
    return False


def _digest(code: str) -> str:
    return hashlib.sha256(code.strip().lower().encode()).hexdigest()
