"""Backup codes: shown once, stored as MACs of user and code, each good for one use."""

import asyncio
import re
from base64 import b64encode

import pytest
from factories import a_user, everything_stored

from ostiary.authenticators import backup_code
from ostiary.authenticators.proofs import Proof
from ostiary.kernel.vault import Vault
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings


async def _replace(rt: Runtime, user_id: str) -> tuple[str, ...]:
    async with rt.db.write() as tx:
        return await backup_code.replace(tx, rt, rt.clock.now(), user_id=user_id)


async def _burn(rt: Runtime, user_id: str, code: str) -> Proof | None:
    async with rt.db.write() as tx:
        return await backup_code.burn(tx, rt, user_id=user_id, code=code)


async def _remaining(rt: Runtime, user_id: str) -> int:
    async with rt.db.read() as connection:
        return await backup_code.remaining(connection, user_id=user_id)


async def test_there_are_ten_and_no_two_alike(rt: Runtime) -> None:
    user, other = await a_user(rt), await a_user(rt)
    codes = [*await _replace(rt, user.id), *await _replace(rt, other.id)]
    assert len(set(codes)) == 20
    assert all(re.fullmatch(r"[0-9a-hjkmnp-tv-z]{5}-[0-9a-hjkmnp-tv-z]{5}", one) for one in codes)
    assert await _remaining(rt, user.id) == 10


async def test_fifty_bits_are_random(rt: Runtime) -> None:
    codes = [backup_code.normalised(backup_code.new_code()) for _ in range(2_000)]
    assert len(set(codes)) == 2_000
    for place in range(10):
        assert len({code[place] for code in codes}) == 32


async def test_a_code_is_good_for_one_use(rt: Runtime) -> None:
    user = await a_user(rt)
    for number, code in enumerate(await _replace(rt, user.id), start=1):
        assert await _burn(rt, user.id, code) == Proof("backup_code")
        assert await _burn(rt, user.id, code) is None
        assert await _remaining(rt, user.id) == 10 - number


async def test_of_twenty_parallel_uses_of_one_code_one_succeeds(rt: Runtime) -> None:
    user = await a_user(rt)
    for code in (await _replace(rt, user.id))[:3]:
        proofs = await asyncio.gather(*(_burn(rt, user.id, code) for _ in range(20)))
        assert [one for one in proofs if one] == [Proof("backup_code")]
    assert await _remaining(rt, user.id) == 7


async def test_new_codes_void_the_old_ones(rt: Runtime) -> None:
    user = await a_user(rt)
    old, new = await _replace(rt, user.id), await _replace(rt, user.id)
    assert await _remaining(rt, user.id) == 10
    assert [await _burn(rt, user.id, code) for code in old] == [None] * 10
    assert await _burn(rt, user.id, new[0])


async def test_a_code_is_no_good_for_somebody_else(rt: Runtime) -> None:
    user, other = await a_user(rt), await a_user(rt)
    code = (await _replace(rt, user.id))[0]
    await _replace(rt, other.id)
    assert await _burn(rt, other.id, code) is None
    assert await _burn(rt, user.id, code)


@pytest.mark.parametrize(
    "spell",
    [
        str.upper,
        lambda code: code.replace("-", ""),
        lambda code: code.replace("-", " "),
        lambda code: f"  {code[:3]} {code[3:]}\u2013 ",
        lambda code: code.replace("0", "O").replace("1", "l"),
        lambda code: code.replace("0", "o").replace("1", "I"),
        lambda code: "".join(chr(ord(one) + 0xFEE0) for one in code),
    ],
)
def test_a_code_is_read_however_it_is_typed(spell: object) -> None:
    assert callable(spell)
    for code in ("01abc-xyz10", "00000-11111", "zzzzz-zzzzz"):
        assert backup_code.normalised(spell(code)) == code.replace("-", "")


async def test_no_code_is_stored_in_any_spelling(rt: Runtime) -> None:
    user = await a_user(rt)
    codes = await _replace(rt, user.id)
    stored = (await everything_stored(rt)).lower()
    for code in codes:
        assert code not in stored
        assert backup_code.normalised(code) not in stored


async def test_codes_outlive_a_change_of_the_secret_key(rt: Runtime, settings: Settings) -> None:
    user = await a_user(rt)
    first, second, third = (await _replace(rt, user.id))[:3]
    fresh = b64encode(b"another key of thirty-two bytes!").decode()
    old = settings.secret_keys[0].get_secret_value()
    values = settings.model_dump() | {"secret_keys": (fresh, old)}
    async with open_runtime(Settings(**values), clock=rt.clock) as later:
        assert await _burn(later, user.id, first)
        assert await _burn(later, user.id, first) is None
        made_later = (await _replace(later, user.id))[0]
        assert await _burn(later, user.id, second) is None
        assert await _burn(rt, user.id, made_later) is None
        assert await _burn(later, user.id, made_later)
    assert await _burn(rt, user.id, third) is None


def test_a_mac_is_made_under_the_newest_key_and_known_under_every_one() -> None:
    old, new = b"o" * 32, b"n" * 32
    both = Vault([new, old])
    macs = [Vault([key]).mac("backup_code", "a/b") for key in (new, old)]
    assert both.macs("backup_code", "a/b") == macs
    assert both.mac("backup_code", "a/b") == macs[0]
    assert both.macs("email_code", "a/b") != macs
