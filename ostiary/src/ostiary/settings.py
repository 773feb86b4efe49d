"""Every knob, typed, with its one-line meaning. Read once, in the command line.

`ostiary.toml`, overridden by `OSTIARY_…` (nested with `__`, lists comma-separated). A key or a
variable that is not here refuses to start and is named.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from ostiary.kernel.faults import Code, read, wrong
from ostiary.kernel.knobs import (
    DatabaseUrl,
    Folder,
    LinkTemplate,
    MailUrl,
    Networks,
    Origin,
    Origins,
    RedisUrl,
    SecretKeys,
    Sender,
)
from ostiary.kernel.text import Name

PREFIX = "OSTIARY_"


class SettingsError(Exception):
    """The configuration cannot be used; the text names the setting and the fault."""


class Group(BaseModel):
    """Some settings that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Cors(Group):
    """Browsers that may call `/api/v1` from another origin."""

    origins: Origins = Field(
        (), description="Origins that may call the API from a browser; exact matches"
    )


class Signup(Group):
    """Who may create an account."""

    mode: Literal["open", "closed"] = Field(
        "open", description="`closed` refuses sign-up; the command line still creates users"
    )
    verification: Literal["optional", "required"] = Field(
        "optional", description="`required` refuses sign-in until the address is verified"
    )
    conceal_existing: bool = Field(
        False,
        description="Answer a sign-up the same whether or not the address has an account; "
        "needs `verification = required`",
    )

    @field_validator("conceal_existing")
    @classmethod
    def _conceals_all_the_way(cls, value: bool, others: ValidationInfo) -> bool:
        if value and others.data.get("verification", "required") != "required":
            # Else the next sign-in would tell what the sign-up did not.
            raise wrong(Code.CONFLICT, "this needs signup.verification = 'required'. Set both.")
        return value


class Links(Group):
    """Where mailed links lead, and how long they are good, in seconds.

    A template is an address of the team's own front end that holds `{token}`; without one, the
    link leads to Ostiary's own page.
    """

    verify: LinkTemplate | None = Field(None, description="Template of the verification link")
    reset: LinkTemplate | None = Field(None, description="Template of the password reset link")
    email_change: LinkTemplate | None = Field(
        None, description="Template of the link that confirms a new address"
    )
    magic_link: LinkTemplate | None = Field(
        None, description="Template of the sign-in link; without one there are none"
    )
    continue_origins: Origins = Field(
        (), description="Origins that a sign-in link may lead on to; exact matches"
    )
    magic_link_lifetime: int = Field(
        600, ge=60, le=3_600, description="Of a sign-in link or code, seconds"
    )
    verify_lifetime: int = Field(
        86_400, ge=60, description="Of a verification link, and of one to a new address, seconds"
    )
    reset_lifetime: int = Field(3_600, ge=60, description="Of a password reset link, seconds")
    invitation_lifetime: int = Field(
        604_800, ge=60, description="Of an invitation, with which a password is chosen, seconds"
    )
    undo_lifetime: int = Field(
        604_800, ge=60, description="Of the link that undoes a change of address, seconds"
    )


class Password(Group):
    """Rules for new passwords."""

    min_length: int = Field(
        8,
        ge=8,
        le=128,
        description="Fewest characters; NIST SP 800-63B-4 asks 15 where nothing else is asked",
    )


class Mfa(Group):
    """Who needs a second factor. Whoever has one is asked for it in any case."""

    policy: Literal["optional", "required", "required_for_administrators"] = Field(
        "optional",
        description="Who has to have a second factor; who has none binds it while signing in",
    )
    challenge_lifetime: int = Field(
        300, ge=60, le=3_600, description="Of a sign-in that lacks its second factor, seconds"
    )


class Reauth(Group):
    """How recently somebody must have proven themselves, where much is at stake."""

    max_age: int = Field(
        900, ge=60, le=86_400, description="Seconds that a sign-in counts as recent"
    )


class Hashing(Group):
    """Argon2id (RFC 9106) and the threads it runs in."""

    memory_kib: int = Field(24_576, ge=8, le=1_048_576, description="Memory of one hash, in KiB")
    iterations: int = Field(2, ge=1, le=16, description="Passes over that memory")
    threads: int = Field(0, ge=0, le=64, description="Hashes at a time; 0 for the cores' number")
    max_wait: float = Field(
        2.0, gt=0, le=30, description="Seconds a sign-in may wait for a thread before it gets 503"
    )


class Tokens(Group):
    """Lifetimes of what is handed out, in seconds."""

    access_lifetime: int = Field(600, ge=30, le=86_400, description="Of an access token, seconds")
    refresh_idle: int = Field(
        2_592_000, ge=60, description="Of a refresh token that is not used, seconds"
    )
    session_lifetime: int = Field(
        7_776_000, ge=60, description="Of a session, however much it is used, seconds"
    )
    key_lifetime: int = Field(
        7_776_000,
        ge=172_800,
        description="Of a signing key, until the worker adds the next, seconds",
    )


class Refresh(Group):
    """Rotation of refresh tokens."""

    retry_window: int = Field(
        10,
        ge=0,
        le=60,
        description="Seconds in which a used token gets the same successor again; 0 for never",
    )


class Limits(Group):
    """Attempt budgets, each `count` within any `seconds`."""

    signin_failures: int = Field(5, ge=1, description="Failed sign-ins on an account, see window")
    signin_attempts: int = Field(100, ge=1, description="Sign-ins from an address, see window")
    signin_window: int = Field(900, ge=1, description="Seconds both sign-in budgets look back")
    consecutive_failures: int = Field(
        100,
        ge=1,
        le=100,
        description="Failures in a row that close a password until a mailed reset, or a TOTP "
        "secret until it is set up anew (NIST SP 800-63B §3.2.2)",
    )
    signups: int = Field(10, ge=1, description="Sign-ups from an address, see window")
    signup_window: int = Field(3_600, ge=1, description="Seconds the sign-up budget looks back")
    messages_recipient: int = Field(
        5, ge=1, description="Messages to a recipient that anybody may ask for, see window"
    )
    messages_address: int = Field(20, ge=1, description="The same, asked for from an address")
    message_window: int = Field(3_600, ge=1, description="Seconds both message budgets look back")
    max_keys: int = Field(
        100_000, ge=100, description="Budgets that one process remembers while Redis is away"
    )


class Brand(Group):
    """How the server presents itself to people."""

    name: Name = Field("Ostiary", description="What messages and pages call this server")
    templates: Folder = Field(
        "",
        description="Folder with templates and catalogues that replace the shipped ones: "
        "`mail/…`, `web/…`, `mail/locale/es.po`",
    )


class Mail(Group):
    """How messages leave."""

    model_config = ConfigDict(serialize_by_alias=True)

    url: MailUrl = Field(
        "console:",
        description="`console:` (standard output), `smtp://user:password@host:587` (with "
        "`?tls=required` or `?ca=/file`), `smtps://…`, `file:///folder`",
    )
    sender: Sender = Field(
        "",
        alias="from",
        description="`Name <address>` or an address; default: the brand at `public_url`'s host",
    )
    max_attempts: int = Field(
        16, ge=1, le=50, description="Tries before a message is put aside; 16 take about a day"
    )


class Worker(Group):
    """What happens beside the requests: deliveries, sweeps, key rotation."""

    enabled: bool = Field(
        True, description="Whether `serve` does it; `false` leaves it to `ostiary worker`"
    )


class Settings(Group):
    """The configuration of one server. Frozen."""

    public_url: Origin = Field(
        "http://127.0.0.1:8000", description="Where clients reach this server; links and `iss`"
    )
    database_url: DatabaseUrl = Field(
        "sqlite:///var/ostiary.db", description="`sqlite:///path` or `postgresql://…`"
    )
    database_pool: int = Field(
        8, ge=1, le=200, description="Connections that one process holds at the most"
    )
    redis_url: RedisUrl = Field(
        "memory://", description="`memory://` (one process), `redis://…` or `rediss://…`"
    )
    secret_keys: SecretKeys = Field(
        (), description="Newest first, each the base64 of 32 random bytes"
    )
    trusted_proxies: Networks = Field(
        (), description="Networks whose `X-Forwarded-For` is believed"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged"
    )
    cors: Cors = Cors()
    signup: Signup = Signup()
    links: Links = Links()
    password: Password = Password()
    mfa: Mfa = Mfa()
    reauth: Reauth = Reauth()
    hashing: Hashing = Hashing()
    tokens: Tokens = Tokens()
    refresh: Refresh = Refresh()
    limits: Limits = Limits()
    brand: Brand = Brand()
    mail: Mail = Mail()
    worker: Worker = Worker()

    @property
    def audience(self) -> str:
        """The `aud` of first-party access tokens: our own API."""
        return f"{self.public_url}/api/v1"

    @property
    def sender(self) -> str:
        """The From of messages: `mail.from`, or the brand at the host of `public_url`."""
        if self.mail.sender:
            return self.mail.sender
        host = urlsplit(self.public_url).hostname or ""
        is_name = re.search(r"[a-z]", host) and ":" not in host  # no address of a machine
        name = re.sub(r'["\\\\]', "", self.brand.name)
        return f'"{name}" <no-reply@{host if is_name else "localhost"}>'


def load(file: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of `file` (default: `ostiary.toml` where there is one), then of `environ`.

    Raises `SettingsError`, which names each fault as its writer wrote it (a key of the file, or a
    variable) and never shows a value.
    """
    values = _read_file(file or Path("ostiary.toml"), must_exist=file is not None)
    names: dict[str, str] = {}
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX):
            names[_override(values, name, value)] = name
    try:
        return Settings(**values)
    except ValidationError as error:
        faults = [_fault(one, names) for one in error.errors(include_url=False)]
        raise SettingsError("\n".join(dict.fromkeys(faults))) from None


def _fault(error: ErrorDetails, names: Mapping[str, str]) -> str:
    path = ".".join(part for part in error["loc"] if isinstance(part, str))
    match error["type"]:
        case "extra_forbidden":
            return _unknown(path, [*_paths(Settings), *Settings.model_fields])
        case "model_type" | "model_attributes_type":
            return _no_table(path)
        case _:
            return f"{names.get(path, path)}: {read(error)[1]}"


def _unknown(name: str, known: Iterable[str]) -> str:
    # Without the prefix that all variables share: it would make all of them alike.
    names = {one.removeprefix(PREFIX): one for one in known}
    near = get_close_matches(name.removeprefix(PREFIX), names, n=1)
    advice = f"Did you mean {names[near[0]]}?" if near else "Leave it out."
    return f"{name}: there is no such setting. {advice}"


def _no_table(name: str) -> str:
    return f"{name}: this is a group of settings. Write it as a table: [{name}]"


def _paths(group: type[Group], prefix: str = "") -> Iterator[str]:
    """Every setting, by its dotted name."""
    for name, field in group.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Group):
            yield from _paths(kind, f"{prefix}{name}.")
        else:
            yield prefix + (field.alias or name)


def _variable(path: str) -> str:
    return PREFIX + path.upper().replace(".", "__")


def _read_file(file: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(
                f"{file} does not exist. Correct --config, or leave it out."
            ) from None
        return {}
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be read: {error.strerror}. Let the user that runs Ostiary read it."
        ) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file} is not UTF-8. Save it in that encoding.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not TOML: {error}. Correct that line.") from None


def _override(values: dict[str, Any], name: str, value: str) -> str:
    """Lay the variable `name` over `values`; the dotted name of its setting."""
    known = {_variable(path): path for path in _paths(Settings)}
    if name not in known:
        raise SettingsError(_unknown(name, known))
    *groups, last = known[name].split(".")
    for group in groups:
        values = values.setdefault(group, {})
        if not isinstance(values, dict):
            raise SettingsError(_no_table(group))
    values[last] = value
    return known[name]
