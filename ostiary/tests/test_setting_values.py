"""A value that cannot be used is refused by the name of its setting, and is not shown."""

import re
from base64 import b64encode

import pytest

from ostiary.settings import SettingsError, load

KEY = b64encode(bytes(32)).decode()


def _refusal(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load(None, environ)
    return str(caught.value)


WRONG = {
    "OSTIARY_PUBLIC_URL": [
        "",
        "id.example.com",
        "ftp://id.example.com",
        "https://",
        "https://:8000",
        "https://id.example.com:",
        "https://id.example.com:port",
        "https://id.example.com:0",
        "https://id.example.com:99999",
        "https://id.example.com/path",
        "https://id.example.com?x=1",
        "https://id.example.com#x",
        "https://user:hunter2@id.example.com",
        "https://id example.com",
        "https://id.example.com\\evil",
        "https://[::1",
        "https://<b>",
    ],
    "OSTIARY_CORS__ORIGINS": ["*", "null", "https://a.example/*", "https://*.example"],
    "OSTIARY_DATABASE_URL": [
        "",
        "hunter2",
        "mysql://u:hunter2@h/d",
        "sqlite://",
        "sqlite:///hunter2%00b.db",
        "sqlite:///a\nhunter2.db",
        "sqlite:///a.db?hunter2",
        "sqlite:///a.db?mode=hunter2",
        "postgresql://h/d%00hunter2",
        "postgresql://h/d?sslmode=hunter2",
        "postgresql://h/d?sslmode=require&ssl=require",
        "postgresql://h/d?ssl=require&ssl=hunter2",
        "postgresql://h/d?port=hunter2",
        "postgresql://h/d?prepared_statement_cache_size=hunter2",
    ],
    "OSTIARY_REDIS_URL": [
        "",
        "hunter2",
        "memory://1",
        "http://:hunter2@h",
        "redis",
        "redis://[hunter2",
        "redis://:hunter2/x@h",
        "redis://:hunter2#x@h",
        "redis://:12/hunter2@h",
        "redis://:12#hunter2",
        "redis://u:12?db=hunter2@h",
        "redis://u:12?client_name=hunter2@h",
        "redis://h/hunter2",
        "redis://h?db=hunter2",
        "redis://h?protocol=4",
        "redis://h:hunter2",
    ],
    "OSTIARY_SECRET_KEYS": [
        "hunter2",
        b64encode(b"hunter2" * 5).decode(),
        KEY + ",hunter2",
        KEY[:-1],
        "ä" * 44,
    ],
    "OSTIARY_TRUSTED_PROXIES": ["hunter2", "10.0.0.0/33", "10.0.0.1-10.0.0.9", "*"],
    "OSTIARY_LOG_LEVEL": ["hunter2", "INFO "],
    "OSTIARY_DATABASE_POOL": ["0", "201", "1.5", "hunter2", ""],
    "OSTIARY_SIGNUP__MODE": ["opened", ""],
    "OSTIARY_PASSWORD__MIN_LENGTH": ["7", "-1"],
    "OSTIARY_HASHING__MEMORY_KIB": ["7", "99999999"],
    "OSTIARY_HASHING__MAX_WAIT": ["0", "-1", "inf", "nan", "soon"],
    "OSTIARY_TOKENS__ACCESS_LIFETIME": ["0", "86401"],
    "OSTIARY_REFRESH__RETRY_WINDOW": ["-1", "61"],
    "OSTIARY_LIMITS__SIGNIN_FAILURES": ["0", "none"],
    "OSTIARY_TOKENS__KEY_LIFETIME": ["0", "86400"],
    "OSTIARY_BRAND__NAME": ["", " ", "a\nb", "x" * 201],
    "OSTIARY_BRAND__TEMPLATES": ["/nowhere/at/all"],
    "OSTIARY_WORKER__ENABLED": ["", "perhaps"],
    "OSTIARY_MAIL__MAX_ATTEMPTS": ["0", "51"],
    "OSTIARY_MAIL__FROM": ["hunter2", "a@b\r\nBcc: c@d", "Ada <ada>", "a@b, c@d.example"],
    "OSTIARY_MAIL__URL": [
        "",
        "hunter2",
        "http://u:hunter2@h",
        "smtp://u:hunter2@mail.example?tls=never",
        "smtp://u:hunter2@h:99999",
        "smtps://u:hunter2@h?tls=required",
    ],
}


@pytest.mark.parametrize(
    ("variable", "value"), [(name, value) for name, each in WRONG.items() for value in each]
)
def test_a_wrong_value_is_refused_by_name_and_not_shown(variable: str, value: str) -> None:
    refusal = _refusal({variable: value})
    assert re.match(rf"{variable}: [a-z].*\.$", refusal), refusal
    assert "hunter2" not in refusal


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        (
            "OSTIARY_DATABASE_URL",
            "sqlite:///a.db?mode=rwc&cache=shared&uri=true",
            "mode, cache, uri: sqlite:///path takes no options. Leave out what follows ?, ",
        ),
        (
            "OSTIARY_DATABASE_URL",
            "postgresql://h/d?application_name=x",
            "application_name is not an option of the driver. Leave it out; known are host, port, ",
        ),
        (
            "OSTIARY_DATABASE_URL",
            "postgresql://h/d?sslmode=verify-full&sslrootcert=/ca.pem",
            "sslrootcert cannot be a part of the URL. Set the variable PGSSLROOTCERT instead.",
        ),
        (
            "OSTIARY_DATABASE_URL",
            "postgresql://h/d?sslmode=always",
            "use disable, allow, prefer, require, verify-ca, verify-full for sslmode.",
        ),
        (
            "OSTIARY_REDIS_URL",
            "redis://h?nonsense=1",
            "nonsense is not an option of this URL. Leave it out; known are db, username, ",
        ),
        # Ostiary reads the answers as bytes.
        ("OSTIARY_REDIS_URL", "redis://h?decode_responses=true", "decode_responses is not an "),
        (
            "OSTIARY_REDIS_URL",
            "redis://h?ssl_ca_certs=/ca.pem",
            "ssl_ca_certs needs TLS. Use rediss:// instead of redis://, or leave it out.",
        ),
        (
            "OSTIARY_REDIS_URL",
            "rediss://h?ssl_cert_reqs=perhaps",
            "an option behind ? has a wrong value. Correct it, or leave it out.",
        ),
    ],
)
def test_an_option_that_no_client_takes_is_refused_by_name(
    variable: str, value: str, says: str
) -> None:
    assert _refusal({variable: value}).startswith(f"{variable}: {says}")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OSTIARY_DATABASE_URL", "postgresql://h/d?sslmode=verify-full"),
        ("OSTIARY_DATABASE_URL", "postgresql:///d?host=/var/run/postgresql"),
        ("OSTIARY_DATABASE_URL", "postgresql:///d?host=a:1&host=b:2&target_session_attrs=primary"),
        ("OSTIARY_REDIS_URL", "redis://me:pa%2Fss@h:1/2?health_check_interval=5&client_name=a"),
        ("OSTIARY_REDIS_URL", "rediss://h?ssl_ca_certs=/ca.pem&ssl_check_hostname=no"),
    ],
)
def test_an_option_that_the_client_takes_is_kept(variable: str, value: str) -> None:
    settings = load(None, {variable: value}).model_dump()
    assert settings[variable.removeprefix("OSTIARY_").lower()] == value
