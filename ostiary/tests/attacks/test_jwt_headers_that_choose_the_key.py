"""The attacker signs with a key of their own and lets the header say where to find it.

`jwk` embeds it, `jku` and `x5u` name a server of theirs, `x5c` a certificate; `kid` is aimed at a
file, a query or the parser. `crit` and `b64` change what is signed. All are refused, even under a
signature of the server's own, and nothing is ever fetched.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from factories import a_session

from attacks.forging import (
    an_attackers_key,
    claims_of,
    encode,
    header_of,
    public_jwk,
    signed,
    the_servers_key,
)
from attacks.surface import assert_accepted, assert_refused_everywhere
from ostiary.runtime import Runtime

HOSTILE_KIDS = [
    None, 0, 1.5, True, [], ["a"], {}, {"a": 1}, "", " ", "\0", "a\nb", "\ud800", "\u2028",
    "../../../../dev/null", "/dev/null", "file:///etc/passwd", "http://127.0.0.1/key",
    "' OR '1'='1", "'; DROP TABLE signing_key; --", "\" OR 1=1 --", "%", "_" * 43, "*",
    "${jndi:ldap://127.0.0.1/a}", "{{7*7}}", "$(id)", "k" * 5000, "é" * 500, "__proto__",
]  # fmt: skip
CRITICAL: list[dict[str, Any]] = [
    {"crit": ["exp"], "exp": 1},
    {"crit": ["b64"], "b64": False},
    {"crit": ["b64"], "b64": True},
    {"crit": ["unknown"], "unknown": 1},
    {"crit": []},
    {"crit": ["alg"]},
    {"crit": "b64"},
    {"crit": None},
    {"b64": False},
    {"zip": "DEF"},
    {"enc": "A128GCM"},
    {"p2c": 2**31},
    {"unknown": 1},
]


@pytest.fixture
async def listener() -> AsyncIterator[tuple[str, list[str]]]:
    """A server of the attacker's, and who has called at it."""
    callers: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        callers.append(str(writer.get_extra_info("peername")))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield f"http://{host}:{port}/jwks.json", callers
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "url"])
@pytest.mark.parametrize("has_kid", [True, False], ids=["with kid", "without kid"])
async def test_a_header_that_brings_its_own_key_is_refused_and_nothing_is_fetched(
    rt: Runtime,
    client: httpx.AsyncClient,
    listener: tuple[str, list[str]],
    member: str,
    has_kid: bool,
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    address, callers = listener
    theirs, ours = an_attackers_key(), await the_servers_key(rt)
    for key in (theirs, ours):
        values: dict[str, Any] = {"jwk": public_jwk(key), "x5c": [encode(b"certificate")]}
        header = {**header_of(honest), member: values.get(member, address)}
        if not has_kid:
            del header["kid"]
        await assert_refused_everywhere(client, signed(key, header, claims_of(honest)))
    assert callers == []
    await assert_accepted(client, signed(ours, header_of(honest), claims_of(honest)))


async def test_a_hostile_key_id_finds_no_key(rt: Runtime, client: httpx.AsyncClient) -> None:
    honest = (await a_session(rt)).tokens.access_token
    theirs, ours = an_attackers_key(), await the_servers_key(rt)
    for kid in HOSTILE_KIDS:
        header = {**header_of(honest), "kid": kid}
        for key in (theirs, ours):
            await assert_refused_everywhere(client, signed(key, header, claims_of(honest)))
    await assert_accepted(client, honest)


async def test_a_token_without_a_key_id_is_refused(rt: Runtime, client: httpx.AsyncClient) -> None:
    honest = (await a_session(rt)).tokens.access_token
    header = header_of(honest)
    del header["kid"]
    await assert_refused_everywhere(
        client, signed(await the_servers_key(rt), header, claims_of(honest))
    )


@pytest.mark.parametrize("members", CRITICAL, ids=repr)
async def test_an_extension_that_is_not_understood_is_refused(
    rt: Runtime, client: httpx.AsyncClient, members: dict[str, Any]
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    key = await the_servers_key(rt)
    header = {**header_of(honest), **members}
    await assert_refused_everywhere(client, signed(key, header, claims_of(honest)))


async def test_an_unencoded_payload_is_refused(rt: Runtime, client: httpx.AsyncClient) -> None:
    # RFC 7797: the payload stands in the token as it is.
    honest = (await a_session(rt)).tokens.access_token
    head = encode({**header_of(honest), "b64": False, "crit": ["b64"]})
    await assert_refused_everywhere(client, f"{head}.payload.{honest.rpartition('.')[2]}")
