"""Sign-in with a password, and what stops guessing."""

import pytest
from people import EMAIL, PASSWORD, async_member, mails, me, member, sign_in, sign_up, verify


@pytest.fixture
def ada(client, hermetic):
    """Someone who can sign in."""
    sign_up(client)
    verify(client, mails(hermetic)[0]["token"])
    return EMAIL


def test_sign_in_answers_with_a_pair_of_tokens(client, ada):
    response = sign_in(client)
    assert response.status_code == 200
    body = response.json()
    assert body["token_type"] == "bearer"
    assert body["expires_in"] == 900
    assert body["access_token"] != body["refresh_token"]


async def test_sign_in_over_the_async_client(async_client, hermetic):
    tokens = await async_member(async_client, hermetic)
    assert (await me(async_client, tokens["access_token"])).json()["email"] == EMAIL


async def test_one_account_over_both_clients(client, async_client, hermetic):
    tokens = member(client, hermetic)
    assert (await me(async_client, tokens["access_token"])).status_code == 200
    assert (await sign_in(async_client)).status_code == 200
    assert sign_in(client).status_code == 200


def test_the_address_may_be_in_any_case(client, ada):
    assert sign_in(client, "ADA@example.com").status_code == 200


def test_a_wrong_password_is_refused(client, ada):
    assert sign_in(client, password="wrong").status_code == 401


def test_an_unknown_address_gets_the_answer_of_a_wrong_password(client, ada):
    wrong, unknown = sign_in(client, password="wrong"), sign_in(client, "nobody@example.com")
    assert (wrong.status_code, wrong.json()) == (unknown.status_code, unknown.json())


def test_an_unverified_address_does_not_sign_in(client):
    sign_up(client)
    assert sign_in(client).status_code == 403


def test_a_wrong_password_hides_that_the_address_is_unverified(client):
    sign_up(client)
    response = sign_in(client, password="wrong")
    assert response.status_code == 401
    assert response.json() == {"detail": "Wrong address or password"}


def test_without_a_token_nobody_is_signed_in(client, ada):
    response = client.get("/api/v1/auth/me")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


def test_five_wrong_passwords_lock_the_address(client, ada):
    answers = [sign_in(client, password="wrong").status_code for _ in range(5)]
    assert answers == [401] * 5
    assert sign_in(client).status_code == 423


async def test_five_wrong_passwords_lock_over_the_async_client(async_client, hermetic):
    await async_member(async_client, hermetic)
    for _ in range(5):
        assert (await sign_in(async_client, password="wrong")).status_code == 401
    assert (await sign_in(async_client)).status_code == 423


def test_the_lock_opens_after_a_quarter_of_an_hour(client, ada, hermetic):
    for _ in range(5):
        sign_in(client, password="wrong")
    hermetic.clock.advance(minutes=14)
    assert sign_in(client).status_code == 423
    hermetic.clock.advance(minutes=1, seconds=1)
    assert sign_in(client).status_code == 200


def test_the_quarter_of_an_hour_starts_with_the_first_failure(client, ada, hermetic):
    for _ in range(5):
        sign_in(client, password="wrong")
        hermetic.clock.advance(minutes=3, seconds=1)
    assert sign_in(client).status_code == 200


def test_the_right_password_forgets_the_wrong_ones(client, ada):
    for _ in range(4):
        sign_in(client, password="wrong")
    assert sign_in(client).status_code == 200
    assert sign_in(client, password="wrong").status_code == 401
    assert sign_in(client).status_code == 200


def test_the_lock_is_of_one_address(client, ada):
    for _ in range(5):
        sign_in(client, "eve@example.com", "wrong")
    assert sign_in(client).status_code == 200


def test_sign_in_is_limited_by_the_minute(client, ada, hermetic):
    answers = [sign_in(client, f"ada{n}@example.com").status_code for n in range(11)]
    assert answers == [401] * 10 + [429]
    assert sign_in(client).status_code == 429
    hermetic.clock.advance(seconds=61)
    assert sign_in(client).status_code == 200


def test_the_limit_of_another_test_is_forgotten(client, ada):
    assert [sign_in(client).status_code for _ in range(10)] == [200] * 10


def test_every_attempt_is_recorded(client, ada, hermetic):
    sign_in(client, password="wrong")
    hermetic.clock.advance(hours=1)
    sign_in(client, password=PASSWORD)
    rows = hermetic.sql.rows("sign_ins")
    assert [bool(row["succeeded"]) for row in rows] == [False, True]
    assert str(rows[0]["at"]) < str(rows[1]["at"])


def test_nothing_of_another_test_is_left(client, hermetic):
    assert hermetic.sql.rows("users") == []
    assert hermetic.redis.keys() == []
    assert sign_in(client).json() == {"detail": "Wrong address or password"}
