"""The attacker spells a token in a way that two readers understand differently.

Padding, white space, another alphabet, spare bits, repeated members, JSON serialization: what one
reader (a gateway, a deny list, a cache) skips, another accepts. One token has one spelling here;
each variant below carries an honest signature and is refused all the same.
"""

import json

import httpx
import pytest
from factories import a_session, problem

from attacks.forging import claims_of, decode, encode, header_of, signed, the_servers_key
from attacks.surface import assert_accepted, assert_refused_everywhere
from ostiary.runtime import Runtime

INSERTED = ["=", "==", " ", "\t", "%20", "+", "/", "-_!", "#", "?", ",", "\u00e9", "\u00a0"]


@pytest.mark.parametrize("segment", [0, 1, 2], ids=["header", "payload", "signature"])
async def test_a_segment_with_more_than_base64url_is_refused(
    rt: Runtime, client: httpx.AsyncClient, segment: int
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    whole = honest.split(".")[segment]
    for inserted in INSERTED:
        for place in (0, 7, len(whole)):
            respelled = whole[:place] + inserted + whole[place:]
            token = honest.replace(whole, respelled).encode("latin-1")
            # White space around the value of a header field belongs to HTTP, not to the token.
            if token.strip() == token:
                headers = {b"authorization": b"Bearer " + token}
                response = await client.get("/api/v1/auth/me", headers=headers)
                assert problem(response) == (401, "invalid-token"), (inserted, place)
    await assert_accepted(client, honest)


async def test_spare_bits_of_the_last_character_are_no_second_spelling(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(honest[-1])
    respelled = honest[:-1] + alphabet[last | 1]
    assert decode(respelled.rpartition(".")[2]) == decode(honest.rpartition(".")[2])
    assert respelled != honest
    await assert_refused_everywhere(client, respelled)
    await assert_accepted(client, honest)


@pytest.mark.parametrize(
    "change", ["{}.", ".{}", "{}.{}", "{}.e30", "{},{}", "Bearer {}", "{}\x7f"]
)
async def test_more_or_fewer_segments_are_refused(
    rt: Runtime, client: httpx.AsyncClient, change: str
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    await assert_refused_everywhere(client, change.replace("{}", honest))


async def test_repeated_members_of_the_header_are_refused(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    key, claims = await the_servers_key(rt), claims_of(honest)
    good = json.dumps(header_of(honest))
    for repeated in ('"alg":"none",', '"alg":"ES256",', '"kid":"x",', '"\\u0074yp":"JWT",'):
        header = ("{" + repeated + good[1:]).encode()
        await assert_refused_everywhere(client, signed(key, header, claims))
    await assert_accepted(client, signed(key, good.encode(), claims))


async def test_repeated_claims_are_refused(rt: Runtime, client: httpx.AsyncClient) -> None:
    # RFC 7519 §4: names are unique. A gateway that reads the first one must not be fooled.
    victim, mine = await a_session(rt), await a_session(rt)
    honest = mine.tokens.access_token
    key, header = await the_servers_key(rt), header_of(honest)
    good = json.dumps(claims_of(honest))
    for repeated in (f'"sub":"{victim.user.id}",', '"exp":9999999999,', '"\\u0061ud":"other",'):
        payload = ("{" + repeated + good[1:]).encode()
        await assert_refused_everywhere(client, signed(key, header, payload))
    await assert_accepted(client, signed(key, header, good.encode()))


async def test_a_header_that_is_no_json_object_is_refused(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    key, claims = await the_servers_key(rt), claims_of(honest)
    good = json.dumps(header_of(honest)).encode()
    for header in (
        b"", b"null", b"[]", b'"ES256"', b"1", b"{", b"{}", good + b"}", good + b"\0",
        b"\xef\xbb\xbf" + good, good.decode().encode("utf-16"), b"[" * 3000, b"\xff",
        b'{"alg":' + b"9" * 4000 + b"}", good.replace(b'"ES256"', b"NaN"),
    ):  # fmt: skip
        await assert_refused_everywhere(client, signed(key, header, claims))


async def test_claims_that_are_no_json_object_are_refused(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    key, header = await the_servers_key(rt), header_of(honest)
    good = json.dumps(claims_of(honest)).encode()
    for claims in (
        b"", b"null", b"[]", b'"sub"', b"1", b"{", b"{}", good + b"x", b"\xef\xbb\xbf" + good,
        good.decode().encode("utf-16"), b"[" * 3000, b"[" * 2000 + b"]" * 2000, b"\xff",
    ):  # fmt: skip
        await assert_refused_everywhere(client, signed(key, header, claims))
    await assert_accepted(client, signed(key, header, good))


async def test_the_json_serialization_is_refused(rt: Runtime, client: httpx.AsyncClient) -> None:
    honest = (await a_session(rt)).tokens.access_token
    head, payload, signature = honest.split(".")
    flat = json.dumps({"protected": head, "payload": payload, "signature": signature})
    await assert_refused_everywhere(client, flat)
    await assert_refused_everywhere(client, encode(flat.encode()))
