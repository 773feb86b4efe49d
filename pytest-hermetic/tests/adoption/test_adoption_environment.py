"""`hermetic_env` is what the application demands, and no more."""

from __future__ import annotations

import pytest


@pytest.fixture
def env(advice):
    """`env(source, **files)`: the lines of `hermetic_env`, and what is not known."""

    def ask(source: str, files: dict[str, str] | None = None, **configured: object):
        said = advice({"settings.py": source, **(files or {})}, **configured)
        lines = {entry.name: entry.value for entry in said.block.entries}.get("hermetic_env", ())
        return list(lines), said.unknown

    return ask


def test_a_settings_class_demands_what_has_no_default(env):
    lines, unknown = env(
        """
        from pydantic import EmailStr, Field, PostgresDsn
        from pydantic_settings import BaseSettings, SettingsConfigDict

        class Settings(BaseSettings):
            model_config = SettingsConfigDict(env_prefix="SHOP_", env_file=".env")

            database_url: PostgresDsn
            redis_url: str = "redis://cache:6379/0"
            secret_key: str
            mail_from: EmailStr
            workers: int
            callback_url: str = Field(...)
            api_token: str = Field(default="x")
            stripe: str = Field(validation_alias="STRIPE_SECRET_KEY")
        """
    )
    assert lines == [
        "SHOP_DATABASE_URL=postgresql://app@db/app",
        "SHOP_SECRET_KEY=@secret:32",
        "SHOP_MAIL_FROM=nobody@example.com",
        "SHOP_WORKERS=1",
        "SHOP_CALLBACK_URL=https://shop-callback-url.test",
        "STRIPE_SECRET_KEY=@secret:32",
    ]
    assert any(line.startswith("SHOP_WORKERS=1 is a guess") for line in unknown)
    assert not any("SECRET_KEY" in line for line in unknown)


@pytest.mark.parametrize(
    ("driver", "url"),
    [
        ("asyncpg", "postgresql+asyncpg://app@db/app"),
        ("psycopg[binary]", "postgresql+psycopg://app@db/app"),
        ("psycopg2-binary", "postgresql+psycopg2://app@db/app"),
        ("aiosqlite", "sqlite+aiosqlite:///./app.db"),
    ],
)
def test_the_installed_driver_says_which_database(env, driver, url):
    source = "import os\n\nurl = os.environ['DATABASE_URL']\n"
    assert env(source, {"requirements.txt": f"{driver}\n"})[0] == [f"DATABASE_URL={url}"]


@pytest.mark.parametrize(
    ("read", "lines"),
    [
        ("import os\nos.environ['API_SECRET']", ["API_SECRET=@secret:32"]),
        ("import os\nos.getenv('API_SECRET')", []),
        ("import os\nos.environ.get('API_SECRET', 'x')", []),
        ("from decouple import config\nconfig('API_SECRET')", ["API_SECRET=@secret:32"]),
        ("from decouple import config\nconfig('API_SECRET', default='x')", []),
        (
            "from starlette.config import Config\nread = Config('.env')\nread('PORT', cast=int)",
            ["PORT=1"],
        ),
        (
            "from environs import Env\nenv = Env()\nenv.bool('DEBUG')\nenv.str('NAME', 'x')",
            ["DEBUG=false", "NAME=test"],
        ),
    ],
)
def test_each_way_to_read_the_environment(env, read, lines):
    assert env(read)[0] == lines


def test_a_url_is_of_what_is_made_from_it(env):
    lines, unknown = env(
        """
        from pydantic_settings import BaseSettings, SettingsConfigDict
        from sqlalchemy import create_engine
        from valkey.asyncio import BlockingConnectionPool

        class Settings(BaseSettings):
            model_config = SettingsConfigDict(env_prefix="JOBS_")
            queue_url: str
            storage: str
            shop_url: str

        settings = Settings()
        pool = BlockingConnectionPool.from_url(settings.queue_url)
        engine = create_engine(str(settings.storage.url))
        """
    )
    assert lines == [
        "JOBS_QUEUE_URL=redis://redis.test:6379/0",
        "JOBS_STORAGE=sqlite:///./app.db",
        "JOBS_SHOP_URL=https://jobs-shop-url.test",
    ]
    assert not any("QUEUE_URL" in line for line in unknown)


def test_keys_are_of_the_algorithm_the_code_names(env):
    lines, unknown = env(
        """
        import os
        import jwt

        ACCESS = open(os.environ["ACCESS_PRIVATE_KEY_PATH"]).read()
        ACCESS_PUBLIC = open(os.environ["ACCESS_PUBLIC_KEY_FILE"]).read()
        REFRESH = os.environ["REFRESH_PRIVATE_KEY"]

        def sign(claims):
            return jwt.encode(claims, ACCESS, algorithm="ES256")
        """
    )
    assert lines == [
        "ACCESS_PRIVATE_KEY_PATH=@pemfile:es256/access",
        "ACCESS_PUBLIC_KEY_FILE=@pemfile:es256/access.pub",
        "REFRESH_PRIVATE_KEY=@es256/refresh",
    ]
    assert not any("guess" in line for line in unknown)


def test_an_unnamed_algorithm_is_a_guess(env):
    lines, unknown = env("import os\nos.environ['JWT_PRIVATE_KEY_PATH']\n")
    assert lines == ["JWT_PRIVATE_KEY_PATH=@pemfile:rs256"]
    assert any("RS256 is assumed" in line for line in unknown)


def test_a_long_mac_gets_a_long_secret(env):
    source = "import os\nALGORITHM = 'HS512'\nos.environ['JWT_SECRET']\n"
    assert env(source)[0] == ["JWT_SECRET=@secret:64"]


def test_the_example_file_says_a_value(env):
    source = "import os\nos.environ['REGION']\nos.environ['SMTP_USER']\n"
    example = "# of the service\nREGION=eu-west-1\nSMTP_USER=<your user>\n"
    assert env(source, {".env.example": example})[0] == ["REGION=eu-west-1", "SMTP_USER=test"]


def test_what_the_tests_set_is_carried_over_but_not_their_mode(env):
    reads = "import os\nREGION = os.getenv('REGION', 'eu')\nMODE = os.getenv('APP_ENV', 'live')\n"
    sets = "import os\nos.environ.update({'REGION': 'us', 'APP_ENV': 'test'})\n"
    lines, unknown = env(reads, {"tests/conftest.py": sets})
    assert lines == ["REGION=us"]
    assert any("APP_ENV" in line and "is left out" in line for line in unknown)


def test_the_lines_of_pytest_env_are_carried_over(env):
    source = "import os\nos.environ['REGION']\n"
    assert env(source, env=["D:REGION=us"])[0] == ["REGION=us"]


def test_the_lines_of_pytest_env_go(advice):
    ini = "[pytest]\naddopts = -q\nenv =\n    D:REGION=us\n    DEBUG=1\ntestpaths = .\n"
    said = advice({"pytest.ini": ini, "main.py": ""}, env=["D:REGION=us", "DEBUG=1"])
    assert [(one.place, one.first, one.last) for one in said.findings] == [("pytest.ini", 3, 5)]


def test_every_advised_value_is_one_the_plugin_takes(env, tmp_path):
    from pytest_hermetic.keys import Keys

    lines, _ = env(
        """
        import os

        for name in (
            os.environ["A_PRIVATE_KEY"],
            os.environ["A_PUBLIC_KEY_PATH"],
            os.environ["B_PRIVATE_PEM"],
            os.environ["SESSION_SECRET"],
            os.environ["ENCRYPTION_KEY"],
            os.environ["TOKEN_SALT"],
        ):
            print(name)
        """
    )
    keys = Keys(lambda: tmp_path)
    assert len(lines) == 6
    for value in (line.partition("=")[2] for line in lines):
        assert value.startswith("@")
        assert keys.resolve(value) not in ("", value)
