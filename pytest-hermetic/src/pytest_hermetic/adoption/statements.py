"""What a statement of a test file does to the application, and whether it can go."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_hermetic.adoption import kinds
from pytest_hermetic.adoption.findings import Verdict
from pytest_hermetic.adoption.kinds import Kind, Targets
from pytest_hermetic.adoption.names import keyword, literal, texts, words
from pytest_hermetic.adoption.services import is_engine, is_session
from pytest_hermetic.adoption.sources import Source

_PATCHERS = ("unittest.mock.patch", "mock.patch", "mocker.patch", "monkeypatch.setattr")
_SKIPS = ("pytest.skip", "pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail")
_REASONS = (
    frozenset(("redis", "valkey", "postgres", "postgresql", "database", "db", "sql", "sqlalchemy"))
    | {"smtp", "mail", "email", "network", "internet", "offline", "docker", "container", "server"}
    | {"time", "slow", "sleep", "clock", "key", "keys", "pem", "mock", "mocked", "mocking"}
    | {"limiter", "limits", "slowapi", "connection", "asyncpg", "bcrypt", "argon2"}
)
_FAKES: tuple[tuple[str, Kind], ...] = (
    ("fakeredis.", kinds.REDIS),
    ("pytest_redis.", kinds.REDIS),
    ("testcontainers.redis", kinds.REDIS),
    ("testcontainers.postgres", kinds.SQL),
    ("pytest_postgresql.", kinds.SQL),
    ("pytest_sqla.", kinds.SQL),
    ("aiosmtpd.", kinds.MAIL),
    ("freezegun.", kinds.CLOCK),
)


def fake(name: str) -> Kind | None:
    """What a call of that dotted name makes a substitute of."""
    for prefix, kind in _FAKES:
        if name.startswith(prefix):
            return kind
    if is_engine(name) or is_session(name):
        return kinds.SQL
    return None


def is_mock(name: str) -> bool:
    """Whether a call of that dotted name makes a mock object."""
    last = name.rpartition(".")[2]
    makes = last in ("AsyncMock", "MagicMock", "Mock", "create_autospec", "mock_open")
    return makes and name.startswith(("unittest.mock.", "mock.", "mocker."))


def patched(source: Source, call: ast.Call) -> str | None:
    """The dotted name of what a patch replaces; empty where it cannot be told, None for no patch.

    Understood are `patch`, `patch.object`, `mocker.patch`, `monkeypatch.setattr`.
    """
    name = source.dotted(call.func)
    if not name.startswith(_PATCHERS) or not call.args or name.endswith(".dict"):
        return None
    target = literal(call.args[0])
    if target is not None:
        return target
    attribute = literal(call.args[1]) if len(call.args) > 1 else None
    owner = source.dotted(call.args[0])
    return f"{owner}.{attribute}" if owner and attribute else ""


def judge(source: Source, statement: ast.stmt, targets: Targets, *, shared: bool) -> Verdict | None:
    """Whether a simple statement can go. `shared` is what fixtures and modules do for all tests."""
    verdict = (
        _override(source, statement, targets)
        or _assigned(source, statement, targets)
        or _skip(source, statement)
    )
    if verdict:
        return verdict
    for name, call in source.calls(statement):
        target = patched(source, call)
        if target is not None:
            return replaced(targets, target)
        if verdict := _mail_route(name, call) or _sleep(name, call):
            return verdict
        if shared and (verdict := _prepared(source, name, call)):
            return verdict
    return _environment(source, statement) if shared else None


def replaced(targets: Targets, target: str) -> Verdict:
    """The verdict on a mock in the place of that object."""
    kind = targets.kind(target)
    if kind is None or kind in (kinds.SETTINGS, kinds.HTTP):
        help_ = f": {kind.instead}" if kind else ": is it a service, or your own code?"
        return Verdict("ask", f"replaces {target or 'something'}{help_}")
    return Verdict("delete", kind.why)


def variables(source: Source, statement: ast.AST) -> Iterator[tuple[str, str | None]]:
    """The environment variables a statement sets, each with its text where that is a constant."""
    for node in ast.walk(statement):
        match node:
            case ast.Assign(targets=[ast.Subscript(value=value, slice=key)], value=given):
                if source.dotted(value) == "os.environ" and (name := literal(key)):
                    yield name, literal(given)
            case ast.Call(func=function, args=[first, given, *_]) if name := literal(first):
                called = source.dotted(function)
                if called == "os.environ.setdefault" or called.endswith(".setenv"):
                    yield name, literal(given)
            case ast.Call(func=function, args=[ast.Dict(keys=keys, values=values)]):
                if source.dotted(function) == "os.environ.update":
                    for one, given in zip(keys, values, strict=True):
                        if name := literal(one):
                            yield name, literal(given)


def is_needless(source: Source, decorator: ast.expr) -> bool:
    """Whether a skip or xfail mark names something that is there now."""
    call = decorator.func if isinstance(decorator, ast.Call) else decorator
    if not source.dotted(call).startswith(_SKIPS):
        return False
    named = words(" ".join((*texts(decorator), ast.unparse(decorator))))
    return bool(named & _REASONS) and "platform" not in named


def _override(source: Source, statement: ast.stmt, targets: Targets) -> Verdict | None:
    for node in ast.walk(statement):
        match node:
            case ast.Subscript(value=ast.Attribute(attr="dependency_overrides"), slice=key):
                name = source.dotted(key)
                kind = targets.kind(name)
                if kind in (None, kinds.SETTINGS, kinds.CLOCK, kinds.HASHING):
                    return Verdict("ask", f"overrides {name or 'a dependency'}: what runs in use?")
                return Verdict("delete", kind.why if kind else "")
    return None


def _assigned(source: Source, statement: ast.stmt, targets: Targets) -> Verdict | None:
    """`module.name = …`: a replacement without a library."""
    if not isinstance(statement, ast.Assign):
        return None
    for target in statement.targets:
        if not isinstance(target, ast.Attribute):
            continue
        name = source.dotted(target)
        owner, _, attribute = name.rpartition(".")
        if name.startswith(("slowapi.", "limits.", "flask_limiter.", "fastapi_limiter.")):
            return Verdict("delete", kinds.LIMITER.why)
        if attribute == "enabled" and targets.kind(owner) is kinds.LIMITER:
            return Verdict("delete", kinds.LIMITER.why)
        if owner and targets.is_application(owner) and targets.kind(name):
            return replaced(targets, name)
    return None


def _skip(source: Source, statement: ast.stmt) -> Verdict | None:
    match statement:
        case ast.If(orelse=[]) | ast.Expr():
            skips = [call for name, call in source.calls(statement) if name == "pytest.skip"]
            alone = isinstance(statement, ast.Expr) or len(statement.body) == 1
            if skips and alone and words(ast.unparse(statement)) & _REASONS:
                return Verdict("delete", "what it misses is there in every test")
        case ast.Assign(targets=[ast.Name(id="pytestmark")], value=value):
            if is_needless(source, value):
                return Verdict("delete", "what it misses is there in every test")
    return None


def _mail_route(name: str, call: ast.Call) -> Verdict | None:
    """An answer that is made up for a mail service: `respx.post("https://api.resend.com/…")`."""
    urls = [literal(one) or "" for one in (*call.args, *(one.value for one in call.keywords))]
    asks = name.startswith(("httpx.", "httpx2.", "requests.", "urllib."))
    if not asks and any(kinds.is_mail_service(url) for url in urls):
        return Verdict("delete", kinds.MAIL.why)
    return None


def _sleep(name: str, call: ast.Call) -> Verdict | None:
    match call.args:
        case [ast.Constant(value=int() | float() as seconds)] if (
            name in ("time.sleep", "asyncio.sleep", "anyio.sleep") and seconds >= 1
        ):
            return Verdict("rewrite", f"hermetic.clock.advance({seconds}) waits for nothing")
    return None


def _prepared(source: Source, name: str, call: ast.Call) -> Verdict | None:
    """What fixtures do so that tests begin clean."""
    last = name.rpartition(".")[2]
    inner = {source.dotted(one).rpartition(".")[2] for one in call.args}
    if last in ("create_all", "drop_all") or inner & {"create_all", "drop_all"}:
        return Verdict("delete", "the database of each test is born with the schema")
    if last in ("flushdb", "flushall"):
        return Verdict("delete", "each test begins with an empty Redis")
    if last == "reset" and kinds.by_words(name.rpartition(".")[0]) is kinds.LIMITER:
        return Verdict("delete", kinds.LIMITER.why)
    if last == "cache_clear":
        return Verdict("delete", "hermetic_reset calls it before each test")
    sql = " ".join(texts(call)).upper()
    if last in ("execute", "exec") and ("TRUNCATE " in sql or sql.startswith("DELETE FROM")):
        return Verdict("delete", "each test has a database of its own")
    if kind := fake(name):
        return Verdict("delete", kind.why)
    if last == "load_dotenv" and keyword(call, "dotenv_path") is None:
        return Verdict("ask", "reads an environment of the tests: put its values into hermetic_env")
    return None


def _environment(source: Source, statement: ast.stmt) -> Verdict | None:
    names = [name for name, _ in variables(source, statement)]
    if not names:
        return None
    return Verdict("delete", "hermetic_env sets what is needed before the first import")
