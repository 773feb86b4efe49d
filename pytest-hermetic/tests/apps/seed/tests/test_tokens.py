"""Access and refresh tokens: what they say, how long they last, how they end."""

import asyncio
from pathlib import Path

import jwt
from people import async_member, log_out, me, member, refresh, sign_in

from app.config import settings


def public_key():
    return Path(settings.JWT_PUBLIC_KEY_PATH).read_text()


def test_the_access_token_is_signed_with_the_configured_key(client, hermetic):
    tokens = member(client, hermetic)
    claims = jwt.decode(tokens["access_token"], public_key(), ["RS256"], issuer=settings.JWT_ISSUER)
    assert claims["sub"] == me(client, tokens["access_token"]).json()["id"]
    assert claims["exp"] - claims["iat"] == 900


def test_no_two_tokens_are_equal(client, hermetic):
    first = member(client, hermetic)
    second = sign_in(client).json()
    assert len({*first.values(), *second.values()} - {"bearer", 900}) == 4


def test_a_tampered_token_is_refused(client, hermetic):
    head, body, signature = member(client, hermetic)["access_token"].split(".")
    flipped = "A" if signature[40] != "A" else "B"
    forged = f"{head}.{body}.{signature[:40]}{flipped}{signature[41:]}"
    assert me(client, forged).status_code == 401


def test_an_unsigned_token_is_refused(client, hermetic):
    member(client, hermetic)
    claims = {"sub": "x", "typ": "access", "sid": "x", "jti": "x", "iat": 0, "exp": 2**40}
    unsigned = jwt.encode(claims | {"iss": settings.JWT_ISSUER}, None, "none")
    assert me(client, unsigned).status_code == 401


def test_a_refresh_token_opens_no_door(client, hermetic):
    assert me(client, member(client, hermetic)["refresh_token"]).status_code == 401


def test_an_access_token_does_not_refresh(client, hermetic):
    assert refresh(client, member(client, hermetic)["access_token"]).status_code == 401


def test_the_access_token_expires_after_a_quarter_of_an_hour(client, hermetic):
    tokens = member(client, hermetic)
    hermetic.clock.advance(minutes=14)
    assert me(client, tokens["access_token"]).status_code == 200
    hermetic.clock.advance(minutes=1, seconds=1)
    assert me(client, tokens["access_token"]).status_code == 401


async def test_the_access_token_expires_over_the_async_client(async_client, hermetic):
    tokens = await async_member(async_client, hermetic)
    hermetic.clock.advance(minutes=15, seconds=1)
    assert (await me(async_client, tokens["access_token"])).status_code == 401


def test_refresh_answers_with_a_new_pair(client, hermetic):
    tokens = member(client, hermetic)
    hermetic.clock.advance(minutes=16)
    renewed = refresh(client, tokens["refresh_token"])
    assert renewed.status_code == 200
    assert renewed.json()["refresh_token"] != tokens["refresh_token"]
    assert me(client, renewed.json()["access_token"]).status_code == 200


async def test_refresh_over_the_async_client(async_client, hermetic):
    token = (await async_member(async_client, hermetic))["refresh_token"]
    for _ in range(3):
        answer = await refresh(async_client, token)
        assert answer.status_code == 200
        token = answer.json()["refresh_token"]


def test_a_refresh_token_is_used_once(client, hermetic):
    token = member(client, hermetic)["refresh_token"]
    assert refresh(client, token).status_code == 200
    assert refresh(client, token).status_code == 401


def test_reuse_ends_the_session(client, hermetic):
    token = member(client, hermetic)["refresh_token"]
    renewed = refresh(client, token).json()["refresh_token"]
    refresh(client, token)
    assert refresh(client, renewed).status_code == 401


def test_reuse_leaves_other_sessions_alone(client, hermetic):
    token = member(client, hermetic)["refresh_token"]
    other = sign_in(client).json()["refresh_token"]
    refresh(client, token)
    refresh(client, token)
    assert refresh(client, other).status_code == 200


async def test_of_two_simultaneous_refreshes_one_wins(async_client, hermetic):
    token = (await async_member(async_client, hermetic))["refresh_token"]
    answers = await asyncio.gather(*(refresh(async_client, token) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 401]


def test_the_session_ends_after_a_week_unused(client, hermetic):
    token = member(client, hermetic)["refresh_token"]
    hermetic.clock.advance(days=7, seconds=1)
    assert refresh(client, token).status_code == 401


def test_refreshing_keeps_the_session_alive(client, hermetic):
    token = member(client, hermetic)["refresh_token"]
    for _ in range(3):
        hermetic.clock.advance(days=6)
        token = refresh(client, token).json()["refresh_token"]
    assert refresh(client, token).status_code == 200


def test_a_session_is_kept_for_a_week(client, hermetic):
    member(client, hermetic)
    redis = hermetic.redis.client(decode_responses=True)
    [session] = redis.keys("session:*")
    assert 604_700 <= redis.ttl(session) <= 604_800


def test_logout_ends_the_access_token(client, hermetic):
    token = member(client, hermetic)["access_token"]
    assert log_out(client, token).status_code == 204
    assert me(client, token).status_code == 401


def test_logout_ends_the_refresh_token(client, hermetic):
    tokens = member(client, hermetic)
    log_out(client, tokens["access_token"])
    assert refresh(client, tokens["refresh_token"]).status_code == 401


def test_logout_leaves_other_sessions_alone(client, hermetic):
    tokens = member(client, hermetic)
    other = sign_in(client).json()
    log_out(client, tokens["access_token"])
    assert me(client, other["access_token"]).status_code == 200
    assert refresh(client, other["refresh_token"]).status_code == 200


async def test_logout_everywhere_ends_every_session(async_client, hermetic):
    tokens = await async_member(async_client, hermetic)
    other = (await sign_in(async_client)).json()
    answer = await log_out(async_client, tokens["access_token"], everywhere=True)
    assert answer.json() == {"closed": 2}
    assert (await me(async_client, other["access_token"])).status_code == 401
    assert (await refresh(async_client, other["refresh_token"])).status_code == 401


def test_logout_needs_a_token(client):
    response = client.post("/api/v1/auth/logout")
    assert response.status_code == 401
    assert response.json() == {"detail": "Not signed in"}


def test_the_list_of_ended_sessions_empties_itself(client, hermetic):
    log_out(client, member(client, hermetic)["access_token"])
    assert len(hermetic.redis.keys("revoked:*")) == 1
    hermetic.clock.advance(minutes=15, seconds=1)
    assert hermetic.redis.keys("revoked:*") == []
