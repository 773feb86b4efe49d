"""A Runtime is opened in one place, holds what it opened, and closes all of it."""

import asyncio
import os
import sqlite3
import stat
import threading
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import pytest
from clock import OwnedClock
from factories import PASSWORD, a_session, a_user, sign_up
from starlette.types import Message

from ostiary.app import create_app
from ostiary.installation import making
from ostiary.kernel.redis import open_redis
from ostiary.runtime import Runtime, open_runtime
from ostiary.settings import Settings, SettingsError
from ostiary.users.actions import find


def _embedded(folder: Path, **values: object) -> Settings:
    cheap = {"memory_kib": 64, "iterations": 1}
    url = f"sqlite:///{folder}/ostiary.db"
    return Settings.model_validate({"database_url": url, "hashing": cheap, **values})


@asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[Runtime]:
    """A Runtime as a server opens it: what is missing is made first."""
    await making.prepare(settings)
    async with open_runtime(settings) as rt:
        yield rt


async def test_the_embedded_default_writes_its_own_key_once(tmp_path: Path) -> None:
    settings = _embedded(tmp_path / "var")
    key = tmp_path / "var" / "secret.key"
    async with _serving(settings) as rt:
        written = key.read_bytes()
        token = await rt.keys.sign({"iss": "i", "aud": "a", "exp": 2**40}, typ="t")
    async with _serving(settings) as rt:
        assert await rt.keys.verify(token, typ="t", issuer="i", audience="a")
    assert key.read_bytes() == written
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((key.parent / "ostiary.db").stat().st_mode) == 0o600
    assert sorted(file.name for file in key.parent.iterdir() if "key" in file.name) == [
        "secret.key"
    ]


async def test_servers_that_start_at_once_share_one_key_and_one_schema(tmp_path: Path) -> None:
    settings = _embedded(tmp_path)

    async def sign() -> tuple[str, bytes]:
        async with _serving(settings) as rt:
            token = await rt.keys.sign({"iss": "i", "aud": "a", "exp": 2**40}, typ="t")
            return token, await rt.keys.published()

    signed = await asyncio.gather(*(sign() for _ in range(6)))
    assert all(published == signed[0][1] for _, published in signed)
    async with open_runtime(settings) as rt:
        for token, _ in signed:
            assert await rt.keys.verify(token, typ="t", issuer="i", audience="a")


@pytest.mark.parametrize("content", [b"", b"short", b64encode(bytes(31)), b64encode(bytes(33))])
async def test_a_key_file_that_holds_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    settings = _embedded(tmp_path)
    (tmp_path / "secret.key").write_bytes(content)
    for opened in (_serving(settings), open_runtime(settings)):
        with pytest.raises(SettingsError, match=r"secret\.key must be the base64 of 32 bytes"):
            async with opened:
                pass
    assert (tmp_path / "secret.key").read_bytes() == content


async def test_a_lost_or_a_foreign_key_file_is_told_and_never_replaced(tmp_path: Path) -> None:
    settings, key = _embedded(tmp_path), tmp_path / "secret.key"
    async with _serving(settings):
        pass
    key.write_bytes(b64encode(bytes(32)))
    with pytest.raises(SettingsError, match=r"secret\.key does not open the signing keys"):
        async with _serving(settings):
            pass
    key.unlink()
    for opened in (_serving(settings), open_runtime(settings)):
        with pytest.raises(SettingsError, match=r"secret\.key does not exist, and nothing else"):
            async with opened:
                pass
    assert not key.exists()


async def test_a_damaged_database_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "ostiary.db"
    file.write_bytes(b"not a database, and long enough to be looked at")
    for opened in (_serving(_embedded(tmp_path)), open_runtime(_embedded(tmp_path))):
        with pytest.raises(SettingsError, match=r"ostiary\.db is damaged.*Restore it"):
            async with opened:
                pass
    assert os.listdir(tmp_path) == ["ostiary.db"]


async def test_the_tables_of_another_application_are_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ostiary.db")) as other:
        other.execute("CREATE TABLE note (id INTEGER PRIMARY KEY)")
    with pytest.raises(SettingsError, match="belongs to another application"):
        await making.prepare(_embedded(tmp_path))
    assert os.listdir(tmp_path) == ["ostiary.db"]


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    with pytest.raises(SettingsError, match=r"The folder .*/var/data cannot be created: Not a dir"):
        await making.prepare(_embedded(tmp_path / "var" / "data"))
    (tmp_path / "ostiary.db").mkdir()
    with pytest.raises(SettingsError, match=r"ostiary\.db is a folder"):
        await making.prepare(_embedded(tmp_path))


async def test_what_is_not_there_is_not_made_by_opening_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"ostiary\.db does not exist"):
        async with open_runtime(_embedded(tmp_path / "var")):
            pass
    assert os.listdir(tmp_path) == []


async def test_postgresql_without_secret_keys_does_not_start() -> None:
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(SettingsError, match="secret_keys"):
        async with open_runtime(settings):
            pass


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+aiosqlite"])
async def test_the_key_lies_beside_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    monkeypatch.chdir(tmp_path)
    async with _serving(Settings(database_url=f"{driver}:///data/ostiary.db")):
        assert sorted(os.listdir()) == ["data"]
        assert {"ostiary.db", "secret.key"} <= set(os.listdir("data"))


async def test_everything_that_was_opened_is_closed(settings: Settings) -> None:
    async with open_runtime(settings) as rt:
        await a_session(rt)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hash")]
    with pytest.raises(RuntimeError):
        await rt.hasher.hash(PASSWORD)


async def test_an_error_inside_the_block_closes_everything_and_goes_on(settings: Settings) -> None:
    async def fail() -> None:
        async with open_runtime(settings) as rt:
            await a_session(rt)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hash")]


async def test_what_was_handed_in_stays_open(settings: Settings, redis_url: str) -> None:
    redis, clock = open_redis(redis_url), OwnedClock()
    async with open_runtime(settings, redis=redis, clock=clock) as rt:
        assert rt.redis is redis
        assert rt.clock is clock
        await rt.redis.set("kept", "1")
    assert await redis.get("kept") == b"1"
    await redis.aclose()


async def test_what_was_acknowledged_is_there_after_a_restart(settings: Settings) -> None:
    async with open_runtime(settings) as rt:
        user = await a_user(rt, "alice@example.com")
    async with open_runtime(settings) as rt:
        assert (await find(rt, "ALICE@example.com")).id == user.id


async def test_two_instances_in_one_process_share_nothing(tmp_path: Path) -> None:
    async with (
        _serving(_embedded(tmp_path / "a")) as first,
        _serving(_embedded(tmp_path / "b")) as second,
    ):
        clients = [
            httpx.AsyncClient(
                transport=httpx.ASGITransport(create_app(rt.settings, runtime=rt)),
                base_url="http://ostiary.test",
            )
            for rt in (first, second)
        ]
        tokens = (await sign_up(clients[0]))["tokens"]
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        statuses = [
            (await client.get("/api/v1/auth/me", headers=bearer)).status_code for client in clients
        ]
        assert statuses == [200, 401]
        await sign_up(clients[1])
        for client in clients:
            await client.aclose()


async def test_an_application_without_a_runtime_opens_one_for_its_lifespan(tmp_path: Path) -> None:
    app = create_app(_embedded(tmp_path))
    started, stop, stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()
    news = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Message:
        if started.is_set():
            await stop.wait()
        return {"type": next(news)}

    async def send(message: Message) -> None:
        assert message["type"].endswith(".complete"), message
        (stopped if started.is_set() else started).set()

    lifespan = asyncio.ensure_future(app({"type": "lifespan", "state": {}}, receive, send))
    await started.wait()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ostiary.test") as client:
        assert (await client.get("/health/ready")).status_code == 200
        assert (await sign_up(client))["user"]["email"] == "alice@example.com"
    stop.set()
    await lifespan
    assert stopped.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hash")]


async def test_a_runtime_is_frozen(rt: Runtime) -> None:
    with pytest.raises(AttributeError):
        rt.clock = OwnedClock()  # type: ignore[misc]  # what is refused
