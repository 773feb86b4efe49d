"""A command asks on a terminal, and does what was answered to what was asked."""

import asyncio
from pathlib import Path

import pytest

from cli.terminal import CTRL_C, terminal
from ostiary.admin.users import delete
from ostiary.kernel.origin import LOCAL
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings
from ostiary.signin.signup import create_user
from ostiary.users.actions import Filter, NewUser, Profile, listed

pytestmark = pytest.mark.usefixtures("installed")

PASSWORD = "correct horse battery"
ADA = "ada@example.com"


def _settings(folder: Path) -> Settings:
    return Settings(
        database_url=f"sqlite:///{folder}/ostiary.db", hashing={"memory_kib": 64, "iterations": 1}
    )


async def _accounts(rt: Runtime) -> list[Profile]:
    return await listed(rt, after="", limit=10, which=Filter())


def test_a_password_is_typed_twice_and_one_ctrl_c_ends_the_question(tmp_path: Path) -> None:
    async def emails() -> list[str]:
        async with open_runtime(_settings(tmp_path)) as rt:
            return [one.email for one in await _accounts(rt)]

    with terminal(tmp_path, "user", "create", ADA) as operator:
        operator.wait_for("Password: ")
        operator.type(CTRL_C)
        assert operator.end() == 1
        assert operator.shown == (
            "Password: \nostiary: The question was not answered, so nothing was done. "
            "Run the command again.\n"
        )
    assert asyncio.run(emails()) == []
    with terminal(tmp_path, "user", "create", ADA) as operator:
        for question in ("Password: ", "Repeat for confirmation: "):
            operator.wait_for(question)
            operator.type(f"{PASSWORD}\n")
        assert operator.end() == 0
        assert f"Created the user {ADA} (usr_" in operator.shown
        assert PASSWORD not in operator.shown
    assert asyncio.run(emails()) == [ADA]


def test_only_the_account_that_was_confirmed_is_deleted(tmp_path: Path) -> None:
    async def replaced() -> Profile:
        """While the operator reads, the owner leaves and somebody else signs up with the email."""
        async with open_runtime(_settings(tmp_path)) as rt:
            [old] = await _accounts(rt)
            await delete(rt, old.id, origin=LOCAL)
            return await create_user(rt, NewUser(ADA), PASSWORD, origin=LOCAL)

    async def made() -> None:
        async with open_runtime(_settings(tmp_path)) as rt:
            await create_user(rt, NewUser(ADA), PASSWORD, origin=LOCAL)

    async def left() -> list[str]:
        async with open_runtime(_settings(tmp_path)) as rt:
            return [one.id for one in await _accounts(rt)]

    asyncio.run(made())
    with terminal(tmp_path, "user", "delete", ADA) as operator:
        operator.wait_for("Type the email to delete the account: ")
        new = asyncio.run(replaced())
        operator.type(f"{ADA}\n")
        assert operator.end() == 1
        assert f"ostiary: {ADA} is the email of another account by now ({new.id})" in operator.shown
    assert asyncio.run(left()) == [new.id]
