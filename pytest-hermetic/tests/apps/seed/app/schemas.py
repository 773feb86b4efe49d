"""Bodies of requests and responses."""

from pydantic import BaseModel, EmailStr, Field


class SignUp(BaseModel):
    email: EmailStr
    password: str = Field(min_length=12, max_length=128)
    name: str = Field(min_length=1, max_length=100)


class UserOut(BaseModel):
    id: str
    email: EmailStr
    name: str
    verified: bool
    mfa_enabled: bool


class Verification(BaseModel):
    token: str


class Address(BaseModel):
    email: EmailStr


class SignInIn(BaseModel):
    email: EmailStr
    password: str


class Tokens(BaseModel):
    access_token: str
    refresh_token: str
    token_type: str = "bearer"
    expires_in: int


class MfaRequired(BaseModel):
    mfa_required: bool = True
    mfa_token: str


class Refresh(BaseModel):
    refresh_token: str


class Enrolment(BaseModel):
    secret: str
    uri: str


class Code(BaseModel):
    code: str


class MfaSignIn(BaseModel):
    mfa_token: str
    code: str


class BackupCodes(BaseModel):
    backup_codes: list[str]


class Disable(BaseModel):
    password: str
    code: str
