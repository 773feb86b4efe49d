"""Signing keys are published a day ahead, take over on time, and stay until nothing needs them."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from clock import OwnedClock
from conftest import SECRET_KEY
from factories import a_session
from sqlalchemy import delete, select

from ostiary.kernel.database import Connection, Database
from ostiary.kernel.keyring import PUBLISH_AHEAD, InvalidToken, Keyring, SigningKey
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings, SettingsError

LONGEST = timedelta(minutes=10)
OTHER_KEY = "b3RoZXIga2V5IG9mIGV4YWN0bHkgMzIgYnl0ZXMgICE="


class _CountingDatabase(Database):
    """A database that knows how often it was read."""

    reads = 0

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        self.reads += 1
        async with super().read() as connection:
            yield connection


def _kid(token: str) -> str:
    return str(json.loads(urlsafe_b64decode(token.split(".")[0] + "=="))["kid"])


def _renamed(token: str, kid: str) -> str:
    """`token` under the name of another key."""
    raw = json.dumps({"alg": "ES256", "kid": kid, "typ": "at+jwt"}).encode()
    head = urlsafe_b64encode(raw).rstrip(b"=").decode()
    return ".".join([head, *token.split(".")[1:]])


async def _published(client: httpx.AsyncClient) -> list[str]:
    answer = await client.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    return [key["kid"] for key in answer.json()["keys"]]


async def _add(rt: Runtime, *, ahead: bool = True) -> str:
    now = rt.clock.now()
    async with rt.db.write() as tx:
        return await rt.keys.add(tx, signs_from=now + PUBLISH_AHEAD if ahead else now)


async def _token(rt: Runtime, **claims: Any) -> str:
    return await rt.keys.sign({"iss": "i", "aud": "a", "exp": 2**40, **claims}, typ="at+jwt")


async def _verify(rt: Runtime, token: str) -> dict[str, Any]:
    return await rt.keys.verify(token, typ="at+jwt", issuer="i", audience="a")


async def test_a_fresh_server_has_one_key_that_signs_at_once(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    signed_in = await a_session(rt)
    assert await _published(client) == [_kid(signed_in.tokens.access_token)]
    me = await client.get("/api/v1/auth/me", headers=signed_in.bearer)
    assert me.status_code == 200


async def test_only_the_public_half_is_published(rt: Runtime, client: httpx.AsyncClient) -> None:
    [key] = (await client.get("/.well-known/jwks.json")).json()["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")


async def test_the_private_half_is_sealed_at_rest(rt: Runtime) -> None:
    async with rt.db.read() as connection:
        row = (await connection.execute(select(SigningKey.__table__))).one()
    private = json.loads(rt.vault.open("signing_key", row.private_sealed, context=row.kid))
    stored = bytes(row.private_sealed)
    assert private["d"].encode() not in stored
    assert urlsafe_b64decode(private["d"] + "==") not in stored


async def test_a_new_key_is_published_a_day_before_it_signs(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    [first] = await _published(client)
    second = await _add(rt)
    assert await _published(client) == [second, first]
    clock.advance(hours=23, minutes=59, seconds=59)
    assert _kid((await a_session(rt)).tokens.access_token) == first
    clock.advance(seconds=1)
    assert _kid((await a_session(rt)).tokens.access_token) == second


async def test_an_old_key_verifies_until_its_last_token_has_expired(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    [first] = await _published(client)
    by_first, unseen = await _token(rt), await _token(rt, jti="unseen")
    second = await _add(rt, ahead=False)
    clock.advance(minutes=9, seconds=59)
    assert await _published(client) == [second, first]
    assert await _verify(rt, by_first)
    clock.advance(seconds=1)
    assert await _published(client) == [second]
    # A signature that was checked before is remembered until its token ends: another one.
    with pytest.raises(InvalidToken):
        await _verify(rt, unseen)


async def test_a_key_that_is_overtaken_before_its_time_never_signs(
    rt: Runtime, clock: OwnedClock
) -> None:
    await _add(rt)
    emergency = await _add(rt, ahead=False)
    for _ in range(5):
        assert _kid(await _token(rt)) == emergency
        clock.advance(hours=12)


async def test_an_unknown_key_is_looked_for_and_found_when_another_process_added_it(
    rt: Runtime, settings: Settings, clock: OwnedClock
) -> None:
    async with open_runtime(settings, clock=clock, redis=rt.redis) as other:
        await _add(other, ahead=False)
        assert (await _verify(rt, await _token(other)))["iss"] == "i"


async def test_made_up_keys_cause_one_read_in_ten_seconds(
    rt: Runtime, settings: Settings, clock: OwnedClock
) -> None:
    db = _CountingDatabase(settings.database_url, pool_size=4)
    keys = Keyring(db, rt.vault, clock, longest_token=LONGEST)
    await keys.load()
    token = await _token(rt)

    async def present(name: str) -> None:
        with pytest.raises(InvalidToken):
            await keys.verify(_renamed(token, name), typ="at+jwt", issuer="i", audience="a")

    before = db.reads
    for round_ in range(1, 4):
        await asyncio.gather(*(present(f"a{number}") for number in range(20)))
        assert db.reads == before + round_
        clock.advance(seconds=9)
        await asyncio.gather(*(present(f"b{number}") for number in range(20)))
        assert db.reads == before + round_
        clock.advance(seconds=1)
    await db.close()


async def test_a_process_learns_of_new_keys_within_a_minute(
    rt: Runtime, settings: Settings, clock: OwnedClock, client: httpx.AsyncClient
) -> None:
    async with open_runtime(settings, clock=clock, redis=rt.redis) as other:
        added = await _add(other)
        clock.advance(seconds=60)
        assert added in await _published(client)


async def test_two_processes_that_start_at_once_agree_on_the_first_key(
    rt: Runtime, settings: Settings, clock: OwnedClock
) -> None:
    for _ in range(5):
        async with rt.db.write() as tx:
            await tx.execute(delete(SigningKey))
        databases = [Database(settings.database_url, pool_size=1) for _ in range(4)]
        rings = [Keyring(db, rt.vault, clock, longest_token=LONGEST) for db in databases]
        await asyncio.gather(*(ring.load() for ring in rings))
        found = [await ring.published() for ring in rings]
        for db in databases:
            await db.close()
        assert len(json.loads(found[0])["keys"]) == 1
        assert found == [found[0]] * 4


async def test_a_server_with_none_of_the_secret_keys_says_so_and_does_not_start(
    rt: Runtime, settings: Settings
) -> None:
    changed = Settings(**settings.model_dump() | {"secret_keys": (OTHER_KEY,)})
    with pytest.raises(SettingsError, match="secret_keys"):
        async with open_runtime(changed):
            pass


async def test_signing_keys_survive_a_new_secret_key(rt: Runtime, settings: Settings) -> None:
    token = await _token(rt)
    changed = Settings(**settings.model_dump() | {"secret_keys": (OTHER_KEY, SECRET_KEY)})
    async with open_runtime(changed, clock=rt.clock, redis=rt.redis) as other:
        assert await _verify(other, token)
        await _verify(rt, await _token(other))


async def test_a_retired_key_needs_the_secret_it_was_sealed_under_no_more(
    rt: Runtime, settings: Settings, clock: OwnedClock
) -> None:
    both = Settings(**settings.model_dump() | {"secret_keys": (OTHER_KEY, SECRET_KEY)})
    async with open_runtime(both, clock=clock, redis=rt.redis) as renewed:
        added = await _add(renewed, ahead=False)
    clock.advance(minutes=10)
    only_new = Settings(**settings.model_dump() | {"secret_keys": (OTHER_KEY,)})
    async with open_runtime(only_new, clock=clock, redis=rt.redis) as later:
        assert _kid(await _token(later)) == added


@pytest.mark.parametrize(
    ("typ", "issuer", "audience"), [("JWT", "i", "a"), ("at+jwt", "j", "a"), ("at+jwt", "i", "b")]
)
async def test_a_token_is_good_for_one_type_issuer_and_audience(
    rt: Runtime, typ: str, issuer: str, audience: str
) -> None:
    token = await _token(rt)
    assert await _verify(rt, token)
    with pytest.raises(InvalidToken):
        await rt.keys.verify(token, typ=typ, issuer=issuer, audience=audience)


async def test_a_token_ends_on_its_very_second_however_often_it_was_seen(
    rt: Runtime, clock: OwnedClock
) -> None:
    token = await _token(rt, exp=int(clock.now().timestamp()) + 600)
    clock.advance(seconds=599)
    assert await _verify(rt, token)
    clock.advance(seconds=1)
    with pytest.raises(InvalidToken):
        await _verify(rt, token)


@pytest.mark.parametrize("exp", [None, "9999999999", True, 1e12, [2**40]])
async def test_a_token_without_a_whole_number_as_its_end_is_refused(
    rt: Runtime, exp: object
) -> None:
    with pytest.raises(InvalidToken):
        await _verify(rt, await _token(rt, exp=exp))
