"""A test's own assertions are counted honestly: no normal test is accused, no empty one missed."""

from __future__ import annotations

import pytest
from audited_runs import Run

pytest_plugins = ["pytester"]

# The name of each test says what is to be found: `ok`, or the code of a rule.
TESTS = """
    import asyncio
    import contextlib
    import unittest
    import warnings
    from unittest.mock import Mock, patch

    import pytest
    from hypothesis import given, strategies
    from pytest import raises

    import helpers
    from helpers import check_total, prepare

    def test_ok_raises():
        with pytest.raises(ValueError, match="invalid"):
            int("x")

    def test_ok_raises_by_name():
        raises(ValueError, int, "x")

    def test_ok_warns():
        with pytest.warns(UserWarning):
            warnings.warn("mind")

    def test_ok_fail():
        if sum([1]) != 1:
            pytest.fail("wrong")

    def test_ok_assertion_raised():
        if sum([1]) != 1:
            raise AssertionError("wrong")

    def test_ok_in_a_helper():
        check_total([1, 2])

    def test_ok_in_a_module_of_helpers():
        helpers.check_total([1, 2])

    def test_ok_in_a_helper_of_a_helper():
        helpers.check_twice([1, 2])

    def test_ok_in_a_method_of_a_helper():
        helpers.Page().shows_total([1, 2])

    def test_ok_in_a_fixture_that_is_called(ask):
        ask(1)

    def test_ok_in_the_teardown_of_a_fixture(left_clean):
        prepare()

    @pytest.mark.usefixtures("left_clean")
    def test_ok_in_a_fixture_by_marker():
        prepare()

    async def test_ok_awaited_helper():
        await helpers.check_later()

    async def test_ok_in_a_loop_over_items():
        for number in (1, 2):
            assert number > 0

    def test_ok_selected_in_a_loop():
        for number in (1, 2):
            if number > 1:
                assert number == 2

    def test_ok_mock_asserted():
        mock = Mock()
        prepare(mock)
        mock.assert_called_once_with()

    def test_ok_both_branches():
        if sum([1]) == 1:
            assert True is not False
        else:
            assert sum([2]) == 2

    def test_ok_raises_or_asserts():
        with raises(ValueError) if sum([]) else contextlib.nullcontext():
            assert sum([1]) == 1

    def test_ok_inner_function():
        def inner():
            assert sum([1]) == 1
        asyncio.run(asyncio.to_thread(inner))

    def test_ok_try_with_a_handler_that_asserts():
        try:
            int("x")
            pytest.fail("no error")
        except ValueError as error:
            assert "invalid" in str(error)

    def test_ok_cleaned_up():
        try:
            assert sum([1]) == 1
        finally:
            prepare()

    @given(strategies.integers())
    def test_ok_implication_in_a_property(number):
        if number > 0:
            assert number * 2 > number

    def test_ok_skipped_branch():
        if sum([1]) == 2:
            pytest.skip("not on this machine")
        assert sum([1]) == 1

    class TestUnit(unittest.TestCase):
        def test_ok_unittest(self):
            self.assertEqual(sum([1]), 1)

        def test_ok_unittest_raises(self):
            with self.assertRaises(ValueError):
                int("x")

        def test_H001_unittest(self):
            prepare()

    class TestPlain:
        def check(self, total):
            assert total == 1

        def test_ok_own_method(self):
            self.check(sum([1]))

        def test_H001_in_a_class(self):
            prepare()

    def test_H001_nothing():
        sum([1])

    async def test_H001_async():
        await asyncio.sleep(0)

    @pytest.mark.parametrize("number", [1, 2])
    def test_H001_parametrized(number):
        print(number)

    def test_H001_helper_that_asserts_nothing():
        prepare()

    def test_H001_inner_function_nobody_calls():
        def inner():
            assert sum([1]) == 1

    def test_H001_client_method():
        {}.get("assert")

    def test_H002_if():
        if sum([1]) == 1:
            assert sum([2]) == 2

    def test_H002_error_swallowed():
        try:
            assert sum([1]) == 1
        except Exception:
            pass

    def test_H002_suppressed():
        with contextlib.suppress(ValueError):
            int("x")
            assert sum([1]) == 2

    def test_H002_only_in_the_handler():
        try:
            int("1")
        except ValueError as error:
            assert "invalid" in str(error)

    def test_H002_guard_clause():
        if not prepare():
            return
        assert sum([1]) == 2

    def test_H002_elif():
        if sum([1]) == 1:
            assert sum([2]) == 2
        elif sum([1]) == 2:
            assert sum([2]) == 3

    def test_H003_constant():
        assert True

    def test_H003_itself():
        total = sum([1])
        assert total == total

    def test_H003_or():
        assert sum([2]) == 3 or True

    def test_H003_length():
        assert len([]) >= 0

    def test_H003_text():
        assert f"{sum([1])} is right"

    def test_ok_truth_of_a_value():
        assert sum([1])

    def test_ok_not_a_number():
        number = float("nan")
        assert number != number

    def test_H004_or():
        status_code = sum([200])
        assert status_code == 200 or status_code == 500

    def test_H004_names():
        answer = Mock(status_code=201)
        assert prepare(lambda: answer).status_code in [status.HTTP_201_CREATED, 503]

    def test_ok_two_successes():
        status_code = sum([200])
        assert status_code in (200, 201)

    def test_ok_two_refusals():
        status_code = sum([404])
        assert status_code in (401, 404)

    def test_H014_return_value():
        gateway = Mock(return_value=5)
        assert gateway() == 5

    def test_H014_called_by_the_test():
        gateway = Mock()
        gateway.charge(5)
        gateway.charge.assert_called_once_with(5)

    def test_ok_called_by_the_code():
        gateway = Mock()
        prepare(gateway)
        assert gateway.called

    def test_H015_sleep():
        import time
        time.sleep(60 * 0.002)
        assert sum([1]) == 1

    async def test_ok_let_others_run():
        await asyncio.sleep(0)
        assert sum([1]) == 1

    class status:
        HTTP_201_CREATED = 201
"""
HELPERS = """
    class Page:
        def shows_total(self, numbers):
            assert sum(numbers) == 3

    def check_total(numbers):
        assert sum(numbers) == 3

    def check_twice(numbers):
        check_total(numbers)

    async def check_later():
        assert sum([1]) == 1

    def prepare(called=lambda: None):
        return called()
"""
CONFTEST = """
    import pytest

    @pytest.fixture
    def ask():
        def asked(number):
            assert number == 1
        return asked

    @pytest.fixture
    def left_clean():
        yield
        assert sum([1]) == 1

    @pytest.fixture(autouse=True)
    def always_there():
        yield
        assert sum([1]) == 1
"""


def test_each_test_is_judged_as_its_name_says(audited: Run):
    files = {
        "tests/test_it.py": TESTS,
        "tests/helpers.py": HELPERS,
        "tests/conftest.py": CONFTEST,
    }
    run = audited(files, "--hermetic-audit=static", "tests")
    lines = TESTS.splitlines()
    # The wrapper takes the indentation away, not the lines.
    found: dict[str, set[str]] = {}
    for one in run.findings:
        above = [line.strip() for line in lines[: one["line"]]]
        name = next(line for line in reversed(above) if "def test_" in line)
        name = name.partition("def ")[2].partition("(")[0]
        found.setdefault(name, set()).add(one["code"])
    names = {line.partition("def ")[2].partition("(")[0] for line in lines if "def test_" in line}
    wanted = {name: {name.split("_")[1]} for name in names if "_ok_" not in name}
    assert found == wanted
    assert len(names) >= 50


@pytest.mark.parametrize("level", ["warn", "error"])
def test_a_loop_that_never_turns_is_no_assertion(audited: Run, level: str):
    """Reading cannot see it; running can."""
    run = audited(
        {
            "test_it.py": """
                import pytest

                @pytest.mark.parametrize("numbers", [[], [1], [-1]])
                def test_all(numbers):
                    for number in numbers:
                        if number > 0:
                            assert (
                                number == 1
                            )

                @pytest.mark.parametrize("numbers", [[], [-1]])
                async def test_errors(numbers):
                    for number in numbers:
                        with pytest.raises(IndexError):
                            [][number]

                def test_written_out():
                    for number in (1, 2):
                        assert number > 0
            """
        },
        f"--hermetic-audit={level}",
    )
    assert [(one["code"], one["nodeid"]) for one in run.findings] == [
        ("H001", "test_it.py::test_all[numbers0]"),
        ("H001", "test_it.py::test_all[numbers2]"),
        ("H001", "test_it.py::test_errors[numbers0]"),
    ]
