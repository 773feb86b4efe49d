"""What people do with the service. A step returns what the client returns: await it if async."""

import json
import time

import pyotp

AUTH, MFA = "/api/v1/auth", "/api/v1/mfa"
EMAIL, PASSWORD = "ada@example.com", "correct horse battery"


def sign_up(client, email=EMAIL, password=PASSWORD, name="Ada"):
    body = {"email": email, "password": password, "name": name}
    return client.post(f"{AUTH}/signup", json=body)


def verify(client, token):
    return client.post(f"{AUTH}/verify", json={"token": token})


def resend(client, email=EMAIL):
    return client.post(f"{AUTH}/resend-verification", json={"email": email})


def sign_in(client, email=EMAIL, password=PASSWORD):
    return client.post(f"{AUTH}/signin", json={"email": email, "password": password})


def second_factor(client, mfa_token, code):
    return client.post(f"{AUTH}/signin/mfa", json={"mfa_token": mfa_token, "code": code})


def refresh(client, refresh_token):
    return client.post(f"{AUTH}/refresh", json={"refresh_token": refresh_token})


def me(client, access_token):
    return client.get(f"{AUTH}/me", headers=bearer(access_token))


def log_out(client, access_token, everywhere=False):
    path = f"{AUTH}/logout/all" if everywhere else f"{AUTH}/logout"
    return client.post(path, headers=bearer(access_token))


def enrol(client, access_token):
    return client.post(f"{MFA}/enrol", headers=bearer(access_token))


def confirm(client, access_token, code):
    return client.post(f"{MFA}/confirm", json={"code": code}, headers=bearer(access_token))


def mfa_status(client, access_token):
    return client.get(f"{MFA}/status", headers=bearer(access_token))


def renew_codes(client, access_token, code):
    return client.post(f"{MFA}/backup-codes", json={"code": code}, headers=bearer(access_token))


def disable(client, access_token, code, password=PASSWORD):
    body = {"password": password, "code": code}
    return client.post(f"{MFA}/disable", json=body, headers=bearer(access_token))


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def mails(hermetic, to=EMAIL):
    """The mails that wait in the queue for that address, oldest first."""
    queue = hermetic.redis.client(decode_responses=True).lrange("mail:outgoing", 0, -1)
    return [mail for mail in map(json.loads, queue) if mail["to"] == to]


def member(client, hermetic, email=EMAIL):
    """The tokens of someone who signed up, verified and signed in."""
    assert sign_up(client, email).status_code == 201
    assert verify(client, mails(hermetic, email)[-1]["token"]).status_code == 200
    return sign_in(client, email).json()


async def async_member(client, hermetic, email=EMAIL):
    assert (await sign_up(client, email)).status_code == 201
    assert (await verify(client, mails(hermetic, email)[-1]["token"])).status_code == 200
    return (await sign_in(client, email)).json()


def with_mfa(client, hermetic):
    """A member with the second factor on: tokens, TOTP secret, backup codes."""
    tokens = member(client, hermetic)
    secret = enrol(client, tokens["access_token"]).json()["secret"]
    confirmed = confirm(client, tokens["access_token"], code(secret))
    # The code that confirmed is used up; the next is half a minute away.
    hermetic.clock.advance(seconds=30)
    return tokens, secret, confirmed.json()["backup_codes"]


async def async_with_mfa(client, hermetic):
    tokens = await async_member(client, hermetic)
    secret = (await enrol(client, tokens["access_token"])).json()["secret"]
    confirmed = await confirm(client, tokens["access_token"], code(secret))
    hermetic.clock.advance(seconds=30)
    return tokens, secret, confirmed.json()["backup_codes"]


def code(secret, steps=0):
    """The TOTP code of this half minute, or of one that many steps away."""
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)
