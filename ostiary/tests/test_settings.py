"""Every knob is typed and named: what is unknown or wrong refuses to start, and shows no value."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ostiary.settings import Group, Links, Settings, SettingsError, load

KEYS = [b64encode(bytes([number]) * 32).decode() for number in range(2)]
TOML = """
public_url = "https://id.example.com"
trusted_proxies = ["10.0.0.0/8"]
[signup]
mode = "closed"
[hashing]
max_wait = 1.5
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "ostiary.toml"
    file.write_text(TOML)
    return file


def _refusal(environ: dict[str, str], file: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(file, environ)
    return str(caught.value)


def _fields(group: type[Group]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, field in group.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Group):
            found += [(f"{name}.{inner}", one) for inner, one in _fields(kind)]
        else:
            found.append((field.alias or name, field))
    return found


def test_nothing_has_to_be_set() -> None:
    settings = load(None, {})
    assert settings == Settings()
    assert settings.database_url.startswith("sqlite:///")
    assert settings.redis_url == "memory://"
    assert settings.trusted_proxies == ()
    assert settings.cors.origins == ()


def test_a_file_is_read_and_the_environment_overrides_it(file: Path) -> None:
    settings = load(file, {"OSTIARY_HASHING__MAX_WAIT": "0.5", "HOME": "/nowhere"})
    assert settings.public_url == "https://id.example.com"
    assert settings.signup.mode == "closed"
    assert settings.hashing.max_wait == 0.5
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8"]


def test_every_setting_can_be_set_by_a_variable(tmp_path: Path) -> None:
    values = {"cors.origins": "https://a.example", "trusted_proxies": "10.0.0.0/8"}
    values |= {"secret_keys": KEYS[0], "public_url": "https://a.example", "log_level": "debug"}
    values |= {"database_url": "postgresql://db/x", "redis_url": "redis://cache"}
    values |= {"signup.mode": "closed", "signup.verification": "required"}
    values |= {"brand.name": "Example", "brand.templates": str(tmp_path), "worker.enabled": "no"}
    values |= {"mail.url": "smtps://mail.example", "mail.from": "Id <id@mail.example>"}
    link = "https://app.example/?t={token}"
    values |= {f"links.{name}": link for name, field in _fields(Links) if field.default is None}
    values |= {"links.continue_origins": "https://app.example", "mfa.policy": "required"}
    values |= {"limits.consecutive_failures": "50"}
    needed = {"signup.conceal_existing": {"OSTIARY_SIGNUP__VERIFICATION": "required"}}
    values |= {"signup.conceal_existing": "yes"}
    default = Settings().model_dump()
    for name, field in _fields(Settings):
        variable = "OSTIARY_" + name.upper().replace(".", "__")
        value = values.get(name) or str(field.default + 1)
        before: Any = default
        after: Any = load(None, {variable: value, **needed.get(name, {})}).model_dump()
        for part in name.split("."):
            before, after = before[part], after[part]
        assert after != before, name


def test_lists_are_separated_by_commas() -> None:
    environ = {
        "OSTIARY_CORS__ORIGINS": " https://a.example , http://localhost:3000,",
        "OSTIARY_TRUSTED_PROXIES": "10.0.0.0/8,::1",
        "OSTIARY_SECRET_KEYS": ",".join(KEYS),
    }
    settings = load(None, environ)
    assert settings.cors.origins == ("https://a.example", "http://localhost:3000")
    assert [str(one) for one in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert [key.get_secret_value() for key in settings.secret_keys] == KEYS


@pytest.mark.parametrize(
    "variable",
    [
        "OSTIARY_",
        "OSTIARY_DATABSE_URL",
        "OSTIARY_SIGNUP",
        "OSTIARY_SIGNUP__",
        "OSTIARY_SIGNUP__MODES",
        "OSTIARY_SIGNUP_MODE",
        "OSTIARY_SINGUP__MODE",
        "OSTIARY_PUBLIC_URL__X",
        "OSTIARY_SIGNUP__MODE__X",
        "OSTIARY_AUDIENCE",
        "OSTIARY_MODEL_CONFIG",
    ],
)
def test_an_unknown_variable_is_named(variable: str) -> None:
    assert f"{variable}: there is no such setting" in _refusal({variable: "hunter2"})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('databse_url = "x"', "databse_url"),
        ('[signup]\nmodes = "closed"', "signup.modes"),
        ('signup = "closed"', "signup"),
        ("[other]\nx = 1", "other"),
    ],
)
def test_an_unknown_key_of_the_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "ostiary.toml"
    file.write_text(text)
    assert _refusal({}, file).startswith(f"{named}: ")


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("[signup]\nmood = 'open'", "Did you mean signup.mode?"),
        ("[singup]\nmode = 'open'", "Did you mean signup?"),
        ("databse_url = 'x'", "Did you mean database_url?"),
        ("[mail]\nform = 'x'", "Did you mean mail.from?"),
        ("[other]\nx = 1", "Leave it out."),
        ("OSTIARY_SINGUP__MODE", "Did you mean OSTIARY_SIGNUP__MODE?"),
        ("OSTIARY_XYZ", "Leave it out."),
    ],
)
def test_an_unknown_setting_is_told_with_the_nearest_name(
    tmp_path: Path, written: str, advice: str
) -> None:
    file = tmp_path / "ostiary.toml"
    file.write_text("" if written.startswith("OSTIARY_") else written)
    environ = {written: "x"} if written.startswith("OSTIARY_") else {}
    assert _refusal(environ, file).endswith(f": there is no such setting. {advice}")


def test_a_variable_into_what_is_no_table_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ostiary.toml"
    file.write_text('signup = "closed"')
    assert _refusal({"OSTIARY_SIGNUP__MODE": "open"}, file) == (
        "signup: this is a group of settings. Write it as a table: [signup]"
    )


def test_a_file_that_is_named_must_be_there_and_be_toml(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    assert _refusal({}, missing) == (
        f"{missing} does not exist. Correct --config, or leave it out."
    )
    for raw in (b"= 1", b"\xff\xfe", b"a = [", b"a = 1\na = 2"):
        broken = tmp_path / "broken.toml"
        broken.write_bytes(raw)
        assert _refusal({}, broken).startswith(f"{broken} is not ")
    broken.write_text("a = [\n")
    assert _refusal({}, broken).endswith("(at end of document). Correct that line.")
    assert _refusal({}, tmp_path).startswith(f"{tmp_path} cannot be read: Is a directory. ")


def test_every_fault_is_told_at_once() -> None:
    refusal = _refusal({"OSTIARY_LOG_LEVEL": "x", "OSTIARY_DATABASE_POOL": "x"})
    assert [line.partition(":")[0] for line in refusal.splitlines()] == [
        "OSTIARY_DATABASE_POOL",
        "OSTIARY_LOG_LEVEL",
    ]


def test_settings_are_frozen() -> None:
    settings = Settings()
    for group, name in ((settings, "public_url"), (settings.signup, "mode")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(group, name, "x")


def test_settings_never_show_their_keys() -> None:
    settings = load(None, {"OSTIARY_SECRET_KEYS": KEYS[1]})
    for shown in (
        repr(settings),
        str(settings),
        str(settings.model_dump()),
        settings.model_dump_json(),
    ):
        assert KEYS[1] not in shown


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://ID.Example.COM/", "https://id.example.com"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("HTTPS://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_a_public_url_has_one_spelling(given: str, kept: str) -> None:
    settings = load(None, {"OSTIARY_PUBLIC_URL": given})
    assert settings.public_url == kept
    assert settings.audience == f"{kept}/api/v1"


def test_every_setting_is_described_and_there_are_not_too_many() -> None:
    fields = _fields(Settings)
    assert len(fields) < 60
    for name, field in fields:
        assert field.description, name
        assert field.default is not None or name.startswith("links."), name


@pytest.mark.parametrize(
    ("public_url", "sender"),
    [
        ("https://id.example.com", '"Ostiary" <no-reply@id.example.com>'),
        ("http://localhost:8000", '"Ostiary" <no-reply@localhost>'),
        ("http://127.0.0.1:8000", '"Ostiary" <no-reply@localhost>'),
        ("http://[::1]:8000", '"Ostiary" <no-reply@localhost>'),
    ],
)
def test_messages_come_from_the_host_of_the_public_url(public_url: str, sender: str) -> None:
    assert load(None, {"OSTIARY_PUBLIC_URL": public_url}).sender == sender
    environ = {"OSTIARY_PUBLIC_URL": public_url, "OSTIARY_MAIL__FROM": "Id <id@mail.example>"}
    assert load(None, environ).sender == "Id <id@mail.example>"


def test_a_brand_cannot_end_its_own_quotes() -> None:
    settings = load(None, {"OSTIARY_BRAND__NAME": '"Ada" \\ <eve@evil.example>, x'})
    assert settings.sender == '"Ada  <eve@evil.example>, x" <no-reply@localhost>'
