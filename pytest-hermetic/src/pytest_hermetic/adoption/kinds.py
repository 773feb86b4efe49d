"""What a mock stands in for, told from the names it uses, and what serves in its place."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_hermetic.adoption.names import words
from pytest_hermetic.adoption.services import is_engine, is_redis, is_session
from pytest_hermetic.adoption.sources import Project, Source


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing outside the process, or one habit, that tests put a mock before."""

    name: str
    why: str
    """Why the mock is not needed."""
    instead: str
    """What a test asks for that looked at the mock."""


REDIS = Kind(
    "redis",
    "every Redis client, one made at import too, meets a private Redis",
    "look at hermetic.redis: .keys(), .dump(), .client()",
)
SQL = Kind(
    "sql",
    "every engine goes to a private database that has the schema",
    "look at hermetic.sql: .rows(table), .session(), .async_session()",
)
MAIL = Kind(
    "mail",
    "mail lands in the test's mailbox, whatever sends it",
    "look at hermetic.mail: .wait(to=…), .links, .code",
)
LIMITER = Kind(
    "limiter",
    "limits really count, and each test begins with none of them used",
    "hermetic.clock.advance(…) passes a window",
)
CLOCK = Kind(
    "clock",
    "one clock moves Python, Redis and the databases",
    "hermetic.clock: .advance(…), .travel(…), .freeze()",
)
HASHING = Kind(
    "hashing",
    "the real algorithm runs in tests, at a low cost",
    "mark a test slow_hash for the full cost",
)
KEYS = Kind(
    "keys",
    "hermetic_env makes the keys and secrets, and the files that hold them",
    "hermetic.keys: .pem(kind), .file(kind), .tamper(token)",
)
SETTINGS = Kind(
    "settings",
    "hermetic_env sets the environment before the application is imported",
    "put the values into hermetic_env",
)
HTTP = Kind(
    "http",
    "outbound requests can go to an application in the process",
    "mount an application at the origin with hermetic.http",
)
LOOP = Kind(
    "loop",
    "connections made in another event loop are replaced, so the runner's own loops serve",
    "remove it",
)

_WORDS: tuple[tuple[Kind, frozenset[str]], ...] = (
    (REDIS, frozenset(("redis", "valkey", "fakeredis", "cache"))),
    (LIMITER, frozenset(("limiter", "ratelimit", "ratelimiter", "throttle", "throttling"))),
    (
        MAIL,
        frozenset(("mail", "email", "emails", "mailer", "smtp", "smtplib", "aiosmtplib", "resend"))
        | {"sendgrid", "postmark", "mailgun", "ses", "aiosmtpd"},
    ),
    (
        SQL,
        frozenset(("db", "database", "engine", "sessionmaker", "sessionlocal", "postgres"))
        | {"postgresql", "sqlite", "sqlalchemy", "sql"},
    ),
    (HASHING, frozenset(("hash", "hasher", "bcrypt", "argon2", "pwd", "passlib"))),
    (KEYS, frozenset(("pem", "jwks", "keys"))),
    (SETTINGS, frozenset(("settings", "config", "environ"))),
    (CLOCK, frozenset(("datetime", "time", "utcnow", "now", "sleep", "clock", "today"))),
    (HTTP, frozenset(("httpx", "requests", "aiohttp", "urlopen", "urllib"))),
)
_MAIL_HOSTS = ("api.resend.com", "api.sendgrid.com", "postmarkapp.com", "mailgun.net")


def by_words(text: str) -> Kind | None:
    """What a name is about: its last parts speak before its first."""
    parts = [part for part in text.replace("/", ".").split(".") if part]
    for part in reversed(parts):
        named = words(part)
        for kind, known in _WORDS:
            if named & known:
                return kind
        if {"rate", "limit"} <= named:
            return LIMITER
        if named & {"private", "public"} and "key" in named:
            return KEYS
    return None


def is_mail_service(text: str) -> bool:
    """Whether a URL is that of a mail service."""
    return any(host in text for host in _MAIL_HOSTS) or ("email." in text and "amazonaws" in text)


class Targets:
    """The objects of the application that tests replace, by their dotted names."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._modules = {source.module.partition(".")[0] for source in project.application}
        self._known: dict[str, Kind] = {}
        for source in project.application:
            self._learn(source)

    def kind(self, dotted: str) -> Kind | None:
        """What the object of that name is about, or None where that is not known."""
        resolved = self._project.resolve(dotted)
        return self._known.get(resolved) or by_words(resolved) or by_words(dotted)

    def is_application(self, dotted: str) -> bool:
        """Whether the name belongs to the project itself."""
        return dotted.partition(".")[0] in self._modules

    def _learn(self, source: Source) -> None:
        import ast

        for node in source.tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._note(source, name, value)
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                    self._note(source, name, annotation)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self._note(source, name, node)

    def _note(self, source: Source, name: str, node: object) -> None:
        import ast

        if not isinstance(node, ast.AST):
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.returns is None:
                return
            node = node.returns
        for one in ast.walk(node):
            dotted = source.dotted(one)
            if is_redis(dotted):
                self._known[f"{source.module}.{name}"] = REDIS
            elif is_engine(dotted) or is_session(dotted):
                self._known[f"{source.module}.{name}"] = SQL
            elif dotted.startswith(("slowapi.Limiter", "flask_limiter.", "fastapi_limiter.")):
                self._known[f"{source.module}.{name}"] = LIMITER
