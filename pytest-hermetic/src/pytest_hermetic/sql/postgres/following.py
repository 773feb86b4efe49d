"""SQL's words for now follow the test's clock in PostgreSQL.

Functions of a schema `hermetic`, searched before pg_catalog, stand in for `now()` and its kin.
The keywords (CURRENT_TIMESTAMP…) cannot be shadowed, so statements are rewritten to call functions
of the same names. How far the clock is moved reaches a connection as a setting, before its next
statement.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

SEARCH_PATH = '"$user",public,hermetic,pg_catalog'
"""New objects still go to public; a function is looked for in hermetic before pg_catalog."""

_NOW = """
    select case
        when coalesce(current_setting('hermetic.at', true), '') = '' then {real}()
        when current_setting('hermetic.by', true) = ''
            then current_setting('hermetic.at', true)::timestamptz
        -- A transaction may be older than the move: its now is the moment moved to.
        else greatest(
            {real}() + current_setting('hermetic.by', true)::interval,
            current_setting('hermetic.at', true)::timestamptz
        )
    end
"""
_FUNCTIONS = ("now", "transaction_timestamp", "statement_timestamp", "clock_timestamp")
_KEYWORDS = {
    "current_timestamp": "timestamptz",
    "current_date": "date",
    "current_time": "timetz",
    "localtimestamp": "timestamp",
    "localtime": "time",
}
_STATE = "hermetic_clock"

# What a keyword must not be looked for in: literals, names in quotes, comments, dollar quotes.
_TOKENS = re.compile(
    r"""(?P<skip>'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"""
    rf"""|(?<![\w.])(?P<word>{"|".join(_KEYWORDS)})(?![\w.])(?:\s*\((?P<digits>\d)\))?""",
    re.IGNORECASE | re.DOTALL,
)


def teach(run: Callable[[str], Any]) -> None:
    """Create the functions in the database whose statements `run` executes."""
    run("create schema hermetic")
    for name in _FUNCTIONS:
        body = _NOW.format(real=f"pg_catalog.{name}")
        volatility = "volatile" if name == "clock_timestamp" else "stable"
        run(_function(name, "timestamptz", volatility, body))
    for name, kind in _KEYWORDS.items():
        run(_function(name, kind, "stable", f"select hermetic.now()::{kind}"))
    run("grant usage on schema hermetic to public")


def rewrite(statement: str) -> str:
    """The statement with its keywords for now replaced by calls of our functions."""
    return _TOKENS.sub(_replacement, statement)


def _replacement(match: re.Match[str]) -> str:
    word = match["word"]
    if word is None:
        return match[0]
    call = f'hermetic."{word.lower()}"()'
    if match["digits"] is None:
        return call
    return f"({call}::{_KEYWORDS[word.lower()]}({match['digits']}))"


def _function(name: str, kind: str, volatility: str, body: str) -> str:
    head = f'create function hermetic."{name}"() returns {kind} language sql {volatility}'
    return f"{head} parallel safe as $hermetic${body}$hermetic$"


def follow(info: dict[Any, Any], cursor: Callable[[], Any], at: str, by: str) -> None:
    """Tell a connection the time, if it was told another: see `Clock.at` and `Clock.by`.

    `info` is the connection's dictionary; `cursor` makes a cursor on it.
    """
    if info.get(_STATE, ("", "")) == (at, by):
        return
    own = cursor()
    try:
        # Both are ours: an ISO moment and a number of microseconds.
        own.execute(
            f"select set_config('hermetic.at', '{at}', false), "
            f"set_config('hermetic.by', '{by}', false)"
        )
        own.fetchall()
    finally:
        own.close()
    info[_STATE] = (at, by)


def forget(info: dict[Any, Any]) -> None:
    """A rollback has undone what the connection was told."""
    info.pop(_STATE, None)
