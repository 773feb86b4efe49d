"""The second factor: TOTP and backup codes."""

import asyncio

import pyotp
import pytest
from people import (
    EMAIL,
    async_with_mfa,
    code,
    confirm,
    disable,
    enrol,
    me,
    member,
    mfa_status,
    renew_codes,
    second_factor,
    sign_in,
    with_mfa,
)


def first_step(client):
    body = sign_in(client).json()
    assert body["mfa_required"] is True
    return body["mfa_token"]


async def async_first_step(client):
    return (await sign_in(client)).json()["mfa_token"]


def test_enrolment_answers_with_a_secret_for_the_application(client, hermetic):
    body = enrol(client, member(client, hermetic)["access_token"]).json()
    parsed = pyotp.parse_uri(body["uri"])
    assert (parsed.secret, parsed.name, parsed.issuer) == (body["secret"], EMAIL, "Accounts")


def test_enrolment_alone_changes_nothing(client, hermetic):
    enrol(client, member(client, hermetic)["access_token"])
    assert "access_token" in sign_in(client).json()


def test_a_code_confirms_the_enrolment(client, hermetic):
    token = member(client, hermetic)["access_token"]
    secret = enrol(client, token).json()["secret"]
    response = confirm(client, token, code(secret))
    assert response.status_code == 200
    assert len(set(response.json()["backup_codes"])) == 10
    assert mfa_status(client, token).json() == {"enabled": True, "backup_codes": 10}


def test_a_wrong_code_does_not_confirm(client, hermetic):
    token = member(client, hermetic)["access_token"]
    secret = enrol(client, token).json()["secret"]
    assert confirm(client, token, code(secret, steps=5)).status_code == 400
    assert me(client, token).json()["mfa_enabled"] is False


def test_an_enrolment_waits_ten_minutes(client, hermetic):
    token = member(client, hermetic)["access_token"]
    secret = enrol(client, token).json()["secret"]
    hermetic.clock.advance(minutes=10, seconds=1)
    assert confirm(client, token, code(secret)).status_code == 400


def test_an_enrolment_needs_someone_signed_in(client):
    response = client.post("/api/v1/mfa/enrol")
    assert response.status_code == 401
    assert response.json() == {"detail": "Not signed in"}


def test_who_has_a_second_factor_does_not_enrol_again(client, hermetic):
    tokens, _, _ = with_mfa(client, hermetic)
    assert enrol(client, tokens["access_token"]).status_code == 409


def test_the_password_alone_opens_no_session(client, hermetic):
    with_mfa(client, hermetic)
    assert sign_in(client).json().keys() == {"mfa_required", "mfa_token"}


def test_the_token_of_the_first_step_opens_no_door(client, hermetic):
    with_mfa(client, hermetic)
    assert me(client, first_step(client)).status_code == 401


def test_a_code_completes_the_sign_in(client, hermetic):
    _, secret, _ = with_mfa(client, hermetic)
    response = second_factor(client, first_step(client), code(secret))
    assert response.status_code == 200
    assert me(client, response.json()["access_token"]).json()["mfa_enabled"] is True


async def test_a_code_completes_the_sign_in_over_the_async_client(async_client, hermetic):
    _, secret, _ = await async_with_mfa(async_client, hermetic)
    first = await async_first_step(async_client)
    assert (await second_factor(async_client, first, code(secret))).status_code == 200


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
def test_a_code_of_a_neighbouring_window_is_accepted(client, hermetic, steps, status):
    _, secret, _ = with_mfa(client, hermetic)
    hermetic.clock.advance(minutes=5)
    answer = second_factor(client, first_step(client), code(secret, steps))
    assert answer.status_code == status


def test_a_code_does_not_outlive_the_window_after_its_own(client, hermetic):
    _, secret, _ = with_mfa(client, hermetic)
    written_down = code(secret)
    first = first_step(client)
    hermetic.clock.advance(seconds=60)
    assert second_factor(client, first, written_down).status_code == 401


def test_a_code_is_used_once(client, hermetic):
    _, secret, _ = with_mfa(client, hermetic)
    assert second_factor(client, first_step(client), code(secret)).status_code == 200
    assert second_factor(client, first_step(client), code(secret)).status_code == 401
    hermetic.clock.advance(seconds=30)
    assert second_factor(client, first_step(client), code(secret)).status_code == 200


async def test_of_two_simultaneous_uses_of_a_code_one_wins(async_client, hermetic):
    _, secret, _ = await async_with_mfa(async_client, hermetic)
    firsts = [await async_first_step(async_client) for _ in range(2)]
    answers = await asyncio.gather(
        *(second_factor(async_client, first, code(secret)) for first in firsts)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 401]


def test_the_first_step_is_good_for_five_minutes(client, hermetic):
    _, secret, _ = with_mfa(client, hermetic)
    first = first_step(client)
    hermetic.clock.advance(minutes=5, seconds=1)
    assert second_factor(client, first, code(secret)).status_code == 401


def test_the_first_step_opens_one_session(client, hermetic):
    _, secret, codes = with_mfa(client, hermetic)
    first = first_step(client)
    assert second_factor(client, first, code(secret)).status_code == 200
    assert second_factor(client, first, codes[0]).status_code == 401


def test_five_wrong_codes_use_up_the_first_step(client, hermetic):
    _, secret, _ = with_mfa(client, hermetic)
    first = first_step(client)
    wrong = [second_factor(client, first, "000-wrong").json()["detail"] for _ in range(5)]
    assert wrong == ["Wrong code"] * 5
    assert second_factor(client, first, code(secret)).json()["detail"] == "Sign in again"


def test_a_backup_code_completes_the_sign_in(client, hermetic):
    tokens, _, codes = with_mfa(client, hermetic)
    assert second_factor(client, first_step(client), codes[3]).status_code == 200
    assert mfa_status(client, tokens["access_token"]).json()["backup_codes"] == 9


def test_a_backup_code_is_used_once(client, hermetic):
    _, _, codes = with_mfa(client, hermetic)
    assert second_factor(client, first_step(client), codes[0]).status_code == 200
    assert second_factor(client, first_step(client), codes[0]).status_code == 401


async def test_of_two_simultaneous_uses_of_a_backup_code_one_wins(async_client, hermetic):
    _, _, codes = await async_with_mfa(async_client, hermetic)
    firsts = [await async_first_step(async_client) for _ in range(2)]
    answers = await asyncio.gather(
        *(second_factor(async_client, first, codes[0]) for first in firsts)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 401]


def test_backup_codes_are_stored_as_digests(client, hermetic):
    _, _, codes = with_mfa(client, hermetic)
    stored = {row["digest"] for row in hermetic.sql.rows("backup_codes")}
    assert len(stored) == 10
    assert stored.isdisjoint(codes)


def test_new_backup_codes_replace_the_old(client, hermetic):
    tokens, secret, old = with_mfa(client, hermetic)
    new = renew_codes(client, tokens["access_token"], code(secret)).json()["backup_codes"]
    assert second_factor(client, first_step(client), old[0]).status_code == 401
    assert second_factor(client, first_step(client), new[0]).status_code == 200


def test_disabling_needs_the_password(client, hermetic):
    tokens, secret, _ = with_mfa(client, hermetic)
    refused = disable(client, tokens["access_token"], code(secret), password="wrong")
    assert refused.status_code == 403
    assert mfa_status(client, tokens["access_token"]).json()["enabled"] is True


def test_disabling_needs_a_code(client, hermetic):
    tokens, _, _ = with_mfa(client, hermetic)
    assert disable(client, tokens["access_token"], "wrong").status_code == 400


def test_disabled_the_password_is_enough_again(client, hermetic):
    tokens, secret, _ = with_mfa(client, hermetic)
    assert disable(client, tokens["access_token"], code(secret)).status_code == 204
    assert "access_token" in sign_in(client).json()
    assert mfa_status(client, tokens["access_token"]).json() == {
        "enabled": False,
        "backup_codes": 0,
    }
