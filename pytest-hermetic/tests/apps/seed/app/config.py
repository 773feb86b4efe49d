"""Settings, read from the environment when this module is imported."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    DATABASE_URL: str = "postgresql+asyncpg://accounts:accounts@db.internal:5432/accounts"
    REDIS_URL: str = "redis://redis.internal:6379/0"
    JWT_PRIVATE_KEY_PATH: str
    JWT_PUBLIC_KEY_PATH: str
    JWT_ISSUER: str = "https://accounts.example.com"
    ACCESS_TOKEN_MINUTES: int = 15
    REFRESH_TOKEN_DAYS: int = 7
    MFA_TOKEN_MINUTES: int = 5
    VERIFICATION_HOURS: int = 24
    PASSWORD_MEMORY_KIB: int = 19 * 1024
    LOCKOUT_ATTEMPTS: int = 5
    LOCKOUT_MINUTES: int = 15


settings = Settings()
