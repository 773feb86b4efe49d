"""The attacker holds a token that this very server signed, for something else.

An ID token, a logout token, a client's access token, a token for another audience or of another
issuer under the same keys, one that is over or not yet begun: the signature is good, and it is
still not an access token of this API (RFC 8725 §2.8, RFC 9068 §4).
"""

from typing import Any

import httpx
import pytest
from clock import OwnedClock
from factories import a_session

from attacks.forging import claims_of, header_of, signed, the_servers_key
from attacks.surface import assert_accepted, assert_refused_everywhere
from ostiary.runtime import Runtime

NOBODY = f"usr_{'0' * 26}"
OTHER_CLAIMS: list[dict[str, Any]] = [
    {"aud": "http://127.0.0.1:8000"},
    {"aud": "http://127.0.0.1:8000/api/v1/"},
    {"aud": "http://127.0.0.1:8000/api/v2"},
    {"aud": "HTTP://127.0.0.1:8000/api/v1"},
    {"aud": "https://127.0.0.1:8000/api/v1"},
    {"aud": "cli_shop"},
    {"aud": ["http://127.0.0.1:8000/api/v1", "cli_shop"]},
    {"aud": []},
    {"aud": ""},
    {"aud": None},
    {"iss": "http://127.0.0.1:8000/"},
    {"iss": "https://127.0.0.1:8000"},
    {"iss": "http://evil.example"},
    {"iss": ["http://127.0.0.1:8000"]},
    {"iss": None},
    {"client_id": "cli_shop"},
    {"client_id": "Ostiary"},
    {"client_id": ["ostiary"]},
    {"client_id": ""},
    {"client_id": None},
    {"exp": 0},
    {"exp": -1},
    {"exp": 1_772_366_400},  # this very second
    {"exp": "9999999999"},
    {"exp": 1e300},
    {"exp": True},
    {"exp": None},
    {"exp": []},
    {"nbf": 1_772_366_401},  # the next second
    {"nbf": 9_999_999_999},
    {"nbf": "0"},
    {"nbf": None},
    {"sub": NOBODY},
    {"sub": ""},
    {"sub": 1},
    {"sub": None},
    {"sub": ["?"]},
    {"sub": "' OR '1'='1"},
    {"sub": "\0"},
    {"sub": "\ud800"},
    {"sid": f"ses_{'0' * 26}"},
    {"sid": ""},
    {"sid": 1},
    {"sid": None},
    {"sid": {}},
    {"sid": "%"},
    {"sid": "\0"},
    {"sid": "\ud800"},
]


@pytest.mark.parametrize("claims", OTHER_CLAIMS, ids=ascii)
async def test_a_token_with_other_claims_is_refused(
    rt: Runtime, client: httpx.AsyncClient, claims: dict[str, Any]
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    key, header, good = await the_servers_key(rt), header_of(honest), claims_of(honest)
    await assert_refused_everywhere(client, signed(key, header, {**good, **claims}))
    await assert_accepted(client, signed(key, header, good))


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "client_id", "exp"])
async def test_a_token_that_lacks_a_claim_is_refused(
    rt: Runtime, client: httpx.AsyncClient, claim: str
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    claims = claims_of(honest)
    del claims[claim]
    key = await the_servers_key(rt)
    await assert_refused_everywhere(client, signed(key, header_of(honest), claims))


@pytest.mark.parametrize(
    "typ",
    ["JWT", "jwt", "id+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", "at+jws", "", None, 1, []],
    ids=repr,
)
async def test_a_token_of_another_type_is_refused(
    rt: Runtime, client: httpx.AsyncClient, typ: Any
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    key, header = await the_servers_key(rt), header_of(honest)
    relabelled = signed(key, {**header, "typ": typ}, claims_of(honest))
    await assert_refused_everywhere(client, relabelled)
    del header["typ"]
    await assert_refused_everywhere(client, signed(key, header, claims_of(honest)))
    await assert_accepted(client, honest)


async def test_a_session_and_a_user_that_do_not_belong_together_are_refused(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    mine, victim = await a_session(rt), await a_session(rt)
    key, header = await the_servers_key(rt), header_of(mine.tokens.access_token)
    claims = claims_of(mine.tokens.access_token)
    for mixed in ({"sub": victim.user.id}, {"sid": victim.session_id}):
        await assert_refused_everywhere(client, signed(key, header, {**claims, **mixed}))
    for honest in (mine, victim):
        await assert_accepted(client, honest.tokens.access_token)


async def test_a_token_is_refused_from_the_second_it_expires(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    clock.advance(seconds=599)
    await assert_accepted(client, honest)  # and from now on its signature is remembered
    clock.advance(seconds=1)
    await assert_refused_everywhere(client, honest)


@pytest.mark.settings(public_url="https://id.example.com")
async def test_a_token_of_another_server_with_the_same_keys_is_refused(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    honest = (await a_session(rt)).tokens.access_token
    key, header, claims = await the_servers_key(rt), header_of(honest), claims_of(honest)
    staging = "https://staging.id.example.com"
    for foreign in ({"iss": staging}, {"aud": f"{staging}/api/v1"}):
        await assert_refused_everywhere(client, signed(key, header, {**claims, **foreign}))
    await assert_accepted(client, honest)
