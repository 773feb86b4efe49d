"""Tests as they were written when Redis, the database and the keys were mocks."""

SUITE = """
from unittest.mock import AsyncMock, patch

import pytest
from freezegun import freeze_time

AUTH = "/api/v1/auth"
ADA = {"email": "ada@example.com", "password": "correct horse battery", "name": "Ada"}


def test_health(client):
    assert client.get("/health").json() == {"status": "ok"}


async def test_sign_up(async_client, mock_redis):
    response = await async_client.post(f"{AUTH}/signup", json=ADA)
    assert response.status_code == 201
    assert response.json()["email"] == ADA["email"]


@pytest.mark.skip(reason="the mock of the database takes every address")
def test_an_address_is_taken_once(client):
    assert client.post(f"{AUTH}/signup", json=ADA).status_code == 201
    assert client.post(f"{AUTH}/signup", json=ADA).status_code == 409


@patch("app.services.lockout.get_redis", new_callable=AsyncMock)
def test_a_wrong_password_is_refused(get_redis, client):
    form = {"email": ADA["email"], "password": "wrong"}
    assert client.post(f"{AUTH}/signin", json=form).status_code == 401


@freeze_time("2031-05-04")
def test_what_is_no_token_is_refused(client):
    with patch("app.services.tokens.get_redis", AsyncMock()):
        response = client.post(f"{AUTH}/refresh", json={"refresh_token": "x"})
    assert response.status_code == 401


@pytest.mark.usefixtures("mock_redis")
class TestLimits:
    @pytest.mark.skip(reason="slowapi is switched off in tests")
    def test_sign_up_is_limited(self, client):
        forms = [{**ADA, "email": f"ada{n}@example.com"} for n in range(6)]
        answers = [client.post(f"{AUTH}/signup", json=form).status_code for form in forms]
        assert answers == [201] * 5 + [429]

    async def test_nobody_is_signed_in_without_a_token(self, async_client, mock_db):
        assert (await async_client.get(f"{AUTH}/me")).status_code == 401
""".lstrip()
