"""A log line is one line of JSON and holds nothing that somebody typed."""

import json
import logging
import sys
from datetime import datetime
from typing import Any

import pytest

from ostiary.kernel.logs import JsonLines, describe


def _line(message: str, *args: object, error: BaseException | None = None, **extra: Any) -> str:
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logging.getLogger("test").makeRecord(
        "test", logging.WARNING, __file__, 1, message, args, exc_info, extra=extra
    )
    return JsonLines().format(record)


def _raised(text: str) -> BaseException:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


@pytest.mark.parametrize("text", ["plain", "two\nlines", "\r\x1b[31mred", "\u2028", "\ud800", '"}'])
def test_a_record_is_one_line_of_ascii_json(text: str) -> None:
    line = _line("%s", text)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == text


def test_a_line_tells_when_how_bad_and_what() -> None:
    line = json.loads(_line("something happened"))
    assert datetime.fromisoformat(line.pop("time")).utcoffset() is not None
    assert line == {"level": "warning", "message": "something happened"}


def test_a_line_holds_the_figures_of_a_request_and_no_other_members() -> None:
    figures: dict[str, Any] = {"method": "GET", "route": "/x", "status": 200, "ms": 1.5}
    line = json.loads(_line("request", **figures, request_id="r", user_id=None, password="hunter2"))
    assert line.items() >= {**figures, "request_id": "r", "user_id": None}.items()
    assert "hunter2" not in str(line)


def test_the_text_of_an_exception_is_never_shown() -> None:
    line = _line("a request failed", error=_raised("the password was hunter2"))
    assert "hunter2" not in line
    assert json.loads(line)["error"] == "builtins.ValueError"
    assert json.loads(line)["at"][-1].endswith("_raised")


def test_nor_is_that_of_an_exception_behind_it() -> None:
    try:
        try:
            raise ValueError("the password was hunter2")
        except ValueError as inner:
            raise RuntimeError("hunter2 again") from inner
    except RuntimeError as error:
        caught = error
    assert "hunter2" not in _line("a request failed", error=caught)


def test_a_deep_traceback_is_cut() -> None:
    def fall(depth: int) -> None:
        if depth:
            fall(depth - 1)
        raise ValueError

    try:
        fall(50)
    except ValueError:
        found = describe(sys.exc_info()[1] or ValueError())
    assert isinstance(found["at"], list)
    assert len(found["at"]) == 8
