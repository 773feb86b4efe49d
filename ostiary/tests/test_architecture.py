"""The shape that no linter knows: nothing live at module level, one clock, no leftovers."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
PACKAGE = HERE.parents[1] / "src" / "ostiary"
MODULES = sorted(PACKAGE.rglob("*.py"))

# What may be called where a module is imported: it makes a value, and opens nothing.
VALUES = {"Path", "bytes", "cast", "compile", "frozenset", "getLogger", "getattr", "timedelta"}
VALUES |= {"tuple", "version", "Origin", "maketrans", "example_token"}
TYPES = {"Annotated", "AfterValidator", "BeforeValidator", "StringConstraints", "TypeAdapter"}
TYPES |= {"TypeVar", "Field"}
ROUTES = {"APIRouter", "Depends", "HTTPBearer", "refusals", "Typer", "Option", "Argument"}
ROUTES |= {"add_typer"}
# A statement without its values is a value too: it asks nothing until a connection runs it.
STATEMENTS = {"Prepared", "aliased", "and_", "bindparam", "delete", "exists", "func", "insert"}
STATEMENTS |= {"or_", "select", "text", "update", "has_second_factor"}
STATEMENTS |= {"in_", "is_", "is_not", "join", "label", "limit", "order_by", "outerjoin"}
STATEMENTS |= {"returning", "scalar_subquery", "values", "where", "with_only_columns"}
STATEMENTS |= {"correlate", "count", "select_from", "with_for_update"}
MAKERS = VALUES | TYPES | ROUTES | STATEMENTS
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"}
LEFTOVERS = {"utils", "util", "helpers", "helper", "common", "base", "misc", "core", "shared"}

Finding = tuple[int, str]


def _name(node: ast.expr) -> str:
    return ast.unparse(node)


def _values(module: ast.Module) -> Iterator[ast.expr]:
    """What module-level names are bound to, in whatever block of the module they are."""
    waiting: list[ast.stmt] = list(module.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr):
            yield node.value or ast.Constant(None)
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While):
            if isinstance(node, ast.With):
                yield from (item.context_expr for item in node.items)
            if isinstance(node, ast.If) and "__name__" in _name(node.test):
                continue
            waiting += [child for child in ast.walk(node) if isinstance(child, ast.stmt)][1:]


def _live_values(source: str) -> list[Finding]:
    """Module-level values that are neither constant nor made by one of `MAKERS`."""
    found = []
    for value in _values(ast.parse(source)):
        lazy = {
            id(inner)
            for node in ast.walk(value)
            if isinstance(node, ast.Lambda)
            for inner in ast.walk(node)
        }
        for node in ast.walk(value):
            if isinstance(node, ast.Await):
                found.append((node.lineno, "await"))
            if not isinstance(node, ast.Call) or id(node) in lazy:
                continue
            called = _name(node.func)
            if called.rpartition(".")[2] not in MAKERS:
                found.append((node.lineno, called))
    return found


def _globals(source: str) -> list[Finding]:
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Global)]
    return [(node.lineno, ", ".join(node.names)) for node in found]


def _clocks(source: str) -> list[Finding]:
    tree = ast.parse(source)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found = [(node.lineno, _name(node.func)) for node in calls]
    imported = [
        (node.lineno, "time.time")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
        if alias.name in ("time", "time_ns")
    ]
    return imported + [
        (line, name)
        for line, name in found
        if any(name == clock or name.endswith(f".{clock}") for clock in CLOCKS)
    ]


def _place(file: Path) -> str:
    return str(file.relative_to(PACKAGE))


@pytest.mark.parametrize("file", MODULES, ids=_place)
def test_a_module_holds_nothing_live(file: Path) -> None:
    source = file.read_text()
    assert _globals(source) == []
    if file.parent.name not in ("versions", "migrations"):  # which Alembic runs as scripts
        assert _live_values(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "client = redis.asyncio.from_url('redis://cache')",
        "client: Redis = from_url('redis://cache')",
        "engine = create_async_engine('sqlite://')",
        "settings = Settings()",
        "app = create_app(load(None, os.environ))",
        "app = FastAPI()",
        "try:\n    import x\nexcept ImportError:\n    pool = ThreadPoolExecutor()",
        "if True:\n    pools = [ThreadPoolExecutor()]",
        "with open('f') as file:\n    text = file.read()",
        "configure('info')",
        "STARTED = datetime.now(UTC)",
        "PAIR = (1, connect())",
        "KEYS = {name: load(name) for name in ('a', 'b')}",
        "ENV = os.environ.get('HOME')",
    ],
)
def test_this_test_sees_what_is_live(source: str) -> None:
    assert _live_values(source)


@pytest.mark.parametrize(
    "source",
    [
        "LONGEST = timedelta(seconds=30)",
        "_log = logging.getLogger(__name__)",
        "_FORM = re.compile(r'a')",
        "router = APIRouter(prefix='/x')",
        "FIND = select(User.id).where(User.id == bindparam('id'))",
        "NAMES = frozenset({'a', 'b'})",
        "def make() -> object:\n    return create_engine('x')",
        "class Group:\n    items = make()",
    ],
)
def test_this_test_lets_values_be(source: str) -> None:
    assert _live_values(source) == []


@pytest.mark.parametrize("file", MODULES, ids=_place)
def test_only_the_clock_asks_the_machine_for_the_time(file: Path) -> None:
    found = _clocks(file.read_text())
    assert (found != []) == (_place(file) == "kernel/clock.py"), found


@pytest.mark.parametrize(
    "source",
    ["datetime.now(UTC)", "datetime.datetime.utcnow()", "time.time()", "from time import time"],
)
def test_this_test_sees_another_clock(source: str) -> None:
    assert _clocks(source)


def test_this_test_sees_a_global_statement() -> None:
    assert _globals("def f():\n    global x\n    x = 1")


def test_every_package_says_what_it_owns() -> None:
    packages = {file.parent for file in MODULES if file.parent.name != "versions"}
    assert packages
    for package in packages:
        docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text()))
        assert docstring, package
        assert docstring.splitlines()[0].endswith("."), package
        if package.parent == PACKAGE:
            assert "Owns:" in docstring, package
            assert "not own" in docstring, package


@pytest.mark.parametrize("file", MODULES, ids=_place)
def test_a_module_says_its_rule_and_is_named_after_it(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text()))
    assert not {part.removesuffix(".py").strip("_") for part in file.parts} & LEFTOVERS


def _tracked() -> list[Path]:
    """The files under version control; all that there are where this is no repository."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True
    )
    if listed.returncode == 0:
        files = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        files = list((HERE.parents[1]).rglob("*"))
    return [file for file in files if file.is_file()]


def test_no_python_file_is_longer_than_400_lines() -> None:
    ours = [
        file for file in _tracked() if file.suffix == ".py" and file.is_relative_to(HERE.parents[1])
    ]
    assert len(ours) > 50
    long = [file for file in ours if len(file.read_text().splitlines()) > 400]
    assert long == []


# Written in parts, so that this file does not name what it looks for.
HOSTS = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "regis" + "try.npm",
    "--ind" + "ex-url",
    "--extra-ind" + "ex-url",
]
MACHINE = re.compile(r"(?<![\w.:/$}~-])/(?:work|home|root|Users|workspace)/[\w.-]+")


def _leaks(text: str) -> list[str]:
    return [host for host in HOSTS if host in text] + MACHINE.findall(text)


def test_no_tracked_file_names_a_package_registry_or_a_machine() -> None:
    found = {}
    for file in _tracked():
        try:
            leaks = _leaks(file.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
        if leaks:
            found[str(file.relative_to(ROOT))] = leaks
    assert found == {}


def test_this_test_sees_a_leak() -> None:
    assert _leaks("files are in " + "/wo" + "rk/main, as you know")
    assert _leaks("pip install -i https://" + "py" + "pi.org/simple x")
    assert _leaks("cd /ho" + "me/alice")
    assert not _leaks("see https://example.com/work/x and ./work/y or a/root/b")


def _makers_of(name: str) -> set[str]:
    """The modules that make a value of the class `name`. Matching one is no making."""
    found = set()
    for file in MODULES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and _name(node.func).rpartition(".")[2] == name:
                found.add(_place(file))
    return found


def test_only_the_gate_makes_the_grounds_on_which_a_session_is_opened() -> None:
    assert _makers_of("Done") == {"signin/attempt.py"}


def test_only_a_check_makes_a_proof() -> None:
    assert {Path(place).parts[0] for place in _makers_of("Proof")} <= {"authenticators", "signin"}
    assert {"authenticators/totp.py", "authenticators/backup_code.py"} <= _makers_of("Proof")
