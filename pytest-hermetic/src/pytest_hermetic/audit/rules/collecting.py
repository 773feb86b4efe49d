"""Rules about tests and settings that pytest passes over."""

from __future__ import annotations

from pytest_hermetic.audit.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        code="H008",
        title="a file with tests failed to be collected",
        why="With --continue-on-collection-errors its tests are missing and nobody misses them.",
        fix="Mend the import that the collection error names.",
        bad="""
            from shop import nothing_of_this_name

            def test_cart():
                assert nothing_of_this_name == 1
        """,
        good="""
            from sys import version_info

            def test_cart():
                assert version_info >= (3, 11)
        """,
    ),
    Rule(
        code="H009",
        title="pytest ignores settings that were written for it",
        why="The suite runs in another mode than its authors believe, often a laxer one.",
        fix="Keep one configuration file, under the header that this kind of file needs.",
        bad="""
            [tool:pytest]
            xfail_strict = true
        """,
        good="""
            [pytest]
            xfail_strict = true
        """,
        file="pytest.ini",
    ),
    Rule(
        code="H011",
        title="an asynchronous fixture is run by nobody, or by a loop nobody expects",
        why="The test is handed a coroutine instead of a value, or pytest-asyncio passes an "
        "`event_loop` of yours over without a word.",
        fix="Use @pytest_asyncio.fixture, or asyncio_mode = auto, or the anyio marker; replace "
        "`event_loop` by a loop scope.",
        bad="""
            import asyncio

            import pytest

            @pytest.fixture(scope="session")
            def event_loop():
                loop = asyncio.new_event_loop()
                yield loop
                loop.close()

            async def test_time():
                assert asyncio.get_running_loop().time() > 0
        """,
        good="""
            import asyncio

            import pytest

            @pytest.mark.asyncio(loop_scope="module")
            async def test_time():
                assert asyncio.get_running_loop().time() > 0
        """,
    ),
    Rule(
        code="H016",
        title="this looks like a test and pytest does not collect it",
        why="It was written, it is reviewed, it never runs.",
        fix="Rename it, or say `__test__ = False` where it is no test.",
        bad="""
            def test_total():
                assert sum([1, 2]) == 4

            def test_total():
                assert sum([2, 2]) == 4
        """,
        good="""
            def test_total_of_two():
                assert sum([1, 2]) == 3

            def test_total_of_equals():
                assert sum([2, 2]) == 4
        """,
    ),
    Rule(
        code="H017",
        title="the test asks for a fixture that does not exist",
        why="It ends as an error before its first line, easily taken for a broken machine.",
        fix="Use the name of a fixture that exists; `pytest --fixtures` lists them.",
        bad="""
            def test_folder(tmp_pth):
                assert tmp_pth.is_dir()
        """,
        good="""
            def test_folder(tmp_path):
                assert tmp_path.is_dir()
        """,
    ),
)
