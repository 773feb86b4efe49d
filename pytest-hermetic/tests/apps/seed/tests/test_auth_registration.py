"""Sign-up and verification of the address."""

import asyncio

import pytest
from people import EMAIL, PASSWORD, mails, me, resend, sign_in, sign_up, verify


def test_sign_up_answers_with_the_account(client):
    response = sign_up(client)
    assert response.status_code == 201
    body = response.json()
    assert body["email"] == EMAIL
    assert body["verified"] is False
    assert body["mfa_enabled"] is False


def test_the_answer_holds_no_password(client):
    body = sign_up(client).json()
    assert body.keys() == {"id", "email", "name", "verified", "mfa_enabled"}


def test_the_password_is_stored_as_an_argon2_hash(client, hermetic):
    sign_up(client)
    [row] = hermetic.sql.rows("users")
    assert row["password_hash"].startswith("$argon2id$")
    assert PASSWORD not in row["password_hash"]


def test_the_account_is_dated_by_the_database(client, hermetic):
    hermetic.clock.advance(days=40)
    sign_up(client)
    [row] = hermetic.sql.rows("users")
    assert str(row["created_at"])[:10] == hermetic.clock.now().date().isoformat()


async def test_sign_up_over_the_async_client(async_client):
    response = await sign_up(async_client)
    assert response.status_code == 201
    assert response.json()["name"] == "Ada"


def test_an_address_is_taken_once(client):
    assert sign_up(client).status_code == 201
    assert sign_up(client).status_code == 409


def test_an_address_is_taken_whatever_its_case(client):
    assert sign_up(client, "Ada@Example.com").status_code == 201
    assert sign_up(client, "ada@example.com").status_code == 409


async def test_of_two_simultaneous_sign_ups_one_wins(async_client, hermetic):
    answers = await asyncio.gather(sign_up(async_client), sign_up(async_client))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len(hermetic.sql.rows("users")) == 1


@pytest.mark.parametrize(
    "changes",
    [{"email": "no-address"}, {"password": "short"}, {"password": "x" * 129}, {"name": ""}],
    ids=["address", "short-password", "long-password", "name"],
)
def test_a_malformed_sign_up_is_refused(client, hermetic, changes):
    assert sign_up(client, **changes).status_code == 422
    assert hermetic.sql.rows("users") == []


def test_sign_up_sends_one_mail(client, hermetic):
    sign_up(client)
    [mail] = mails(hermetic)
    assert mail["template"] == "verify"
    assert len(mail["token"]) >= 43


def test_the_link_verifies(client, hermetic):
    sign_up(client)
    response = verify(client, mails(hermetic)[0]["token"])
    assert response.status_code == 200
    assert response.json()["verified"] is True


async def test_the_link_verifies_over_the_async_client(async_client, hermetic):
    await sign_up(async_client)
    await verify(async_client, mails(hermetic)[0]["token"])
    tokens = (await sign_in(async_client)).json()
    assert (await me(async_client, tokens["access_token"])).json()["verified"] is True


def test_the_link_is_used_once(client, hermetic):
    sign_up(client)
    token = mails(hermetic)[0]["token"]
    assert verify(client, token).status_code == 200
    assert verify(client, token).status_code == 400


async def test_of_two_simultaneous_uses_of_the_link_one_wins(async_client, hermetic):
    await sign_up(async_client)
    token = mails(hermetic)[0]["token"]
    answers = await asyncio.gather(verify(async_client, token), verify(async_client, token))
    assert sorted(answer.status_code for answer in answers) == [200, 400]


def test_the_link_is_good_for_almost_a_day(client, hermetic):
    sign_up(client)
    hermetic.clock.advance(hours=23, minutes=59)
    assert verify(client, mails(hermetic)[0]["token"]).status_code == 200


def test_the_link_expires_after_a_day(client, hermetic):
    sign_up(client)
    hermetic.clock.advance(hours=24, seconds=1)
    assert verify(client, mails(hermetic)[0]["token"]).status_code == 400


def test_an_invented_link_is_refused(client):
    sign_up(client)
    response = verify(client, "invented")
    assert response.status_code == 400
    assert response.json() == {"detail": "This link is used or has expired"}


def test_a_new_link_replaces_the_old(client, hermetic):
    sign_up(client)
    assert resend(client).status_code == 202
    old, new = (mail["token"] for mail in mails(hermetic))
    assert verify(client, old).status_code == 400
    assert verify(client, new).status_code == 200


def test_resending_does_not_tell_who_has_an_account(client, hermetic):
    sign_up(client)
    known, unknown = resend(client), resend(client, "nobody@example.com")
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert len(mails(hermetic)) == 2
    assert mails(hermetic, "nobody@example.com") == []


def test_a_verified_address_gets_no_further_mail(client, hermetic):
    sign_up(client)
    verify(client, mails(hermetic)[0]["token"])
    assert resend(client).status_code == 202
    assert len(mails(hermetic)) == 1


def test_resending_is_limited_by_the_hour(client, hermetic):
    sign_up(client)
    assert [resend(client).status_code for _ in range(4)] == [202, 202, 202, 429]
    hermetic.clock.advance(hours=1, seconds=1)
    assert resend(client).status_code == 202


def test_sign_up_is_limited_by_the_minute(client, hermetic):
    answers = [sign_up(client, f"ada{n}@example.com").status_code for n in range(6)]
    assert answers == [201] * 5 + [429]
    hermetic.clock.advance(seconds=61)
    assert sign_up(client, "ada6@example.com").status_code == 201


def test_the_service_is_healthy(client):
    assert client.get("/health").json() == {"status": "ok"}
