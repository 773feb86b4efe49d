"""The attacker holds no key and sends claims of their choice without a signature that means any.

"none" in every spelling, signatures that are missing, blank, zero, of the wrong length or taken
from another token: libraries have accepted each of these once (RFC 8725 §2.1, CVE-2022-21449).
"""

from typing import Any

import httpx
import pytest
from factories import a_session, a_user

from attacks.forging import claims_of, encode, header_of
from attacks.surface import assert_accepted, assert_refused_everywhere
from ostiary.runtime import Runtime

# FIPS 186-5: the order of P-256.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ZERO = bytes(32)
ONE = (1).to_bytes(32, "big")
N = ORDER.to_bytes(32, "big")
SIGNATURES = {
    "r = s = 0": ZERO + ZERO,
    "r = 0": ZERO + ONE,
    "s = 0": ONE + ZERO,
    "r = s = 1": ONE + ONE,
    "r = n": N + ONE,
    "s = n": ONE + N,
    "r = s = n": N + N,
    "all ones": b"\xff" * 64,
    "one byte": b"\x00",
    "63 bytes": bytes(63),
    "65 bytes": bytes(65),
    "DER of r = s = 0": bytes.fromhex("3006020100020100"),
    "DER of r = s = 1": bytes.fromhex("3006020101020101"),
}
NOTHING: list[Any] = [
    "none",
    "None",
    "NONE",
    "nOnE",
    "none ",
    "",
    None,
    0,
    False,
    [],
    {},
    ["none"],
    ["ES256"],
]


@pytest.mark.parametrize("alg", NOTHING, ids=repr)
async def test_no_algorithm_is_no_signature(
    rt: Runtime, client: httpx.AsyncClient, alg: Any
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    head, payload, signature = honest.split(".")
    forged = encode({**header_of(honest), "alg": alg})
    for last in ("", signature, "AA"):
        await assert_refused_everywhere(client, f"{forged}.{payload}.{last}")
    await assert_accepted(client, f"{head}.{payload}.{signature}")


async def test_a_header_without_an_algorithm_is_refused(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    header = header_of(honest)
    del header["alg"]
    _, payload, signature = honest.split(".")
    await assert_refused_everywhere(client, f"{encode(header)}.{payload}.{signature}")


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES.keys())
async def test_a_signature_of_nothing_is_refused(
    rt: Runtime, client: httpx.AsyncClient, signature: bytes
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    head, payload, _ = honest.split(".")
    await assert_refused_everywhere(client, f"{head}.{payload}.{encode(signature)}")
    await assert_accepted(client, honest)


@pytest.mark.parametrize("tail", ["", ".", ".null", ". ", "..", ".bnVsbA"])
async def test_a_blank_signature_is_refused(
    rt: Runtime, client: httpx.AsyncClient, tail: str
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    await assert_refused_everywhere(client, honest.rpartition(".")[0] + tail)


@pytest.mark.parametrize("changes", [{"sub": "?"}, {"sid": "?"}, {"exp": 2**40}, {"acr": "aal3"}])
async def test_changed_claims_break_the_signature(
    rt: Runtime, client: httpx.AsyncClient, changes: dict[str, Any]
) -> None:
    victim = await a_session(rt)
    honest = (await a_session(rt)).tokens.access_token
    theirs = {"sub": victim.user.id, "sid": victim.session_id}
    changes = {name: theirs.get(name, value) for name, value in changes.items()}
    head, _, signature = honest.split(".")
    tampered = encode({**claims_of(honest), **changes})
    await assert_refused_everywhere(client, f"{head}.{tampered}.{signature}")
    await assert_accepted(client, honest)


async def test_a_signature_of_another_token_is_refused(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    user = await a_user(rt)
    one = (await a_session(rt, user)).tokens.access_token
    other = (await a_session(rt, user)).tokens.access_token
    swapped = one.rpartition(".")[0] + "." + other.rpartition(".")[2]
    await assert_refused_everywhere(client, swapped)
    for honest in (one, other):
        await assert_accepted(client, honest)


async def test_what_is_no_token_at_all_is_refused(client: httpx.AsyncClient) -> None:
    for token in ("", ".", "..", "...", "null", "undefined", "{}", "a.b", "a.b.c", "." * 30_000):
        await assert_refused_everywhere(client, token)
