"""The second factor: enrol, confirm, renew the backup codes, disable."""

from fastapi import APIRouter, HTTPException

from app.core.passwords import hasher
from app.dependencies import CurrentUser, Database
from app.schemas import BackupCodes, Code, Disable, Enrolment
from app.services import mfa

router = APIRouter(prefix="/api/v1/mfa", tags=["mfa"])


@router.post("/enrol", status_code=201)
async def enrol(user: CurrentUser) -> Enrolment:
    if user.totp_secret is not None:
        raise HTTPException(409, "The second factor is on already")
    secret, uri = await mfa.enrol(user)
    return Enrolment(secret=secret, uri=uri)


@router.post("/confirm")
async def confirm(body: Code, user: CurrentUser, db: Database) -> BackupCodes:
    codes = await mfa.confirm(db, user, body.code)
    if codes is None:
        raise HTTPException(400, "Wrong code, or the enrolment has expired")
    return BackupCodes(backup_codes=codes)


@router.get("/status")
async def status(user: CurrentUser, db: Database) -> dict[str, bool | int]:
    return {
        "enabled": user.totp_secret is not None,
        "backup_codes": await mfa.remaining_backup_codes(db, user),
    }


@router.post("/backup-codes")
async def renew_backup_codes(body: Code, user: CurrentUser, db: Database) -> BackupCodes:
    if not await mfa.accept(db, user, body.code):
        raise HTTPException(400, "Wrong code")
    return BackupCodes(backup_codes=await mfa.new_backup_codes(db, user))


@router.post("/disable", status_code=204)
async def disable(body: Disable, user: CurrentUser, db: Database) -> None:
    if not hasher.verify(body.password, user.password_hash):
        raise HTTPException(403, "Wrong password")
    if not await mfa.accept(db, user, body.code):
        raise HTTPException(400, "Wrong code")
    await mfa.disable(db, user)
