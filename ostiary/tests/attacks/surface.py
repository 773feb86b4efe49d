"""What attacks are tried on: every route that takes a body, and every route that takes a bearer."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from factories import PASSWORD, problem

API = "/api/v1"

UNKNOWN_REFRESH_TOKEN = f"ostrt.rt_{'0' * 26}.{'A' * 43}"
"""Well-formed, and nobody's."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route, and a body that it would take."""

    method: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)
    is_guarded: bool = False

    def __str__(self) -> str:
        """Its name in a test's."""
        return f"{self.method} {self.path.removeprefix(API)}"

    async def send(
        self, client: httpx.AsyncClient, bearer: dict[str, str] | None = None, **request: Any
    ) -> httpx.Response:
        """The answer to a request; JSON in UTF-8 unless `headers` say otherwise."""
        headers = {"content-type": "application/json"} | request.pop("headers", {})
        if self.is_guarded:
            headers = (bearer or {}) | headers
        return await client.request(self.method, self.path, headers=headers, **request)

    async def call(self, client: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
        """The answer to its own body, where it has one, with these headers."""
        body = self.body or None
        return await client.request(self.method, self.path, headers=headers, json=body)


_SIGNUP = {
    "email": "mallory@example.com",
    "password": PASSWORD,
    "username": "mallory",
    "first_name": "Mallory",
    "last_name": "Malone",
    "locale": "en",
}
_SIGNIN = {"email": "mallory@example.com", "password": PASSWORD, "device_token": "none"}
_TOKEN = {"refresh_token": UNKNOWN_REFRESH_TOKEN}
_PROFILE = {
    "username": "mallory",
    "first_name": "Mallory",
    "last_name": "Malone",
    "display_name": "Mal",
    "locale": "en",
    "metadata": {"public": {"theme": "dark"}},
}

_LINK = {"token": f"ostlt.tok_{'0' * 26}.{'A' * 43}"}
_RESET = {**_LINK, "new_password": PASSWORD}
_ADDRESS = {"new_email": "mallory@new.example", "password": PASSWORD}
_PASSWORD = {"current_password": PASSWORD, "new_password": "another horse"}
_CHALLENGE = {"challenge_token": f"ostch.sin_{'0' * 26}.{'A' * 43}"}
_ATTEMPT = {"attempt_token": f"ostat.sin_{'0' * 26}.{'A' * 43}"}
_ASK_LINK = {"email": "mallory@example.com", "continue": "https://app.example"}
_LINK_BACK = {**_ATTEMPT, "token": f"ostml.sin_{'0' * 26}.{'A' * 43}", "device_token": "none"}
_CODE_BACK = {**_ATTEMPT, "code": "000000", "device_token": "none"}

WITH_BODY = [
    Route("POST", f"{API}/auth/signup", _SIGNUP),
    Route("POST", f"{API}/auth/register", _SIGNUP),
    Route("POST", f"{API}/auth/signin", _SIGNIN),
    Route("POST", f"{API}/auth/login", _SIGNIN),
    Route("POST", f"{API}/auth/refresh", _TOKEN),
    Route("POST", f"{API}/auth/logout", _TOKEN),
    Route("POST", f"{API}/auth/signout", _TOKEN),
    Route("PATCH", f"{API}/users/me", _PROFILE, is_guarded=True),
    Route("POST", f"{API}/auth/verify-email", _LINK),
    Route("POST", f"{API}/auth/email/verify", _LINK),
    Route("POST", f"{API}/auth/email/change/confirm", _LINK),
    Route("POST", f"{API}/auth/email/change/undo", _LINK),
    Route("POST", f"{API}/auth/password/forgot", {"email": "mallory@example.com"}),
    Route("POST", f"{API}/auth/password/reset", _RESET),
    Route("POST", f"{API}/auth/email/change", _ADDRESS, is_guarded=True),
    Route("POST", f"{API}/auth/password/change", _PASSWORD, is_guarded=True),
    Route("POST", f"{API}/auth/magic-link", _ASK_LINK),
    Route("POST", f"{API}/auth/magic-link/verify", _LINK_BACK),
    Route("POST", f"{API}/auth/email-code", {"email": "mallory@example.com"}),
    Route("POST", f"{API}/auth/email-code/verify", _CODE_BACK),
    Route("POST", f"{API}/auth/mfa/challenge", {**_CHALLENGE, "method": "totp"}),
    Route("POST", f"{API}/auth/mfa/verify", {**_CHALLENGE, "code": "000000"}),
    Route("POST", f"{API}/auth/mfa/totp/setup", _CHALLENGE),
    Route("POST", f"{API}/auth/mfa/totp/confirm", {**_CHALLENGE, "code": "000000"}),
    Route("POST", f"{API}/auth/reauthenticate", {"code": "000000"}, is_guarded=True),
]

GUARDED = [
    Route("GET", f"{API}/auth/me", is_guarded=True),
    Route("GET", f"{API}/users/me", is_guarded=True),
    Route("PATCH", f"{API}/users/me", {"first_name": "Mallory"}, is_guarded=True),
    Route("POST", f"{API}/auth/logout", is_guarded=True),
    Route("POST", f"{API}/auth/signout", is_guarded=True),
    Route("GET", f"{API}/sessions", is_guarded=True),
    Route("DELETE", f"{API}/sessions/ses_{'0' * 26}", is_guarded=True),
    Route("DELETE", f"{API}/sessions", is_guarded=True),
    Route("POST", f"{API}/auth/email/resend-verification", is_guarded=True),
    Route("POST", f"{API}/auth/email/change", _ADDRESS, is_guarded=True),
    Route("POST", f"{API}/auth/password/change", _PASSWORD, is_guarded=True),
    Route("GET", f"{API}/auth/mfa/status", is_guarded=True),
    Route("POST", f"{API}/auth/mfa/totp/setup", is_guarded=True),
    Route("POST", f"{API}/auth/mfa/totp/confirm", {"code": "000000"}, is_guarded=True),
    Route("POST", f"{API}/auth/mfa/disable", is_guarded=True),
    Route("POST", f"{API}/auth/mfa/backup-codes/regenerate", is_guarded=True),
    Route("POST", f"{API}/auth/reauthenticate", {"code": "000000"}, is_guarded=True),
]


async def assert_refused_everywhere(client: httpx.AsyncClient, token: str) -> None:
    """No route takes `token` as a bearer, and each says so as RFC 6750 §3 asks."""
    for route in GUARDED:
        response = await route.call(client, {"Authorization": f"Bearer {token}"})
        assert problem(response) == (401, "invalid-token"), f"{route} with {token[:200]}"
        assert 'error="invalid_token"' in response.headers["www-authenticate"]


async def assert_accepted(client: httpx.AsyncClient, token: str) -> None:
    """The control: what was tried fails for its fault, and not because nothing works."""
    headers = {"Authorization": f"Bearer {token}"}
    response = await client.get(f"{API}/auth/me", headers=headers)
    assert response.status_code == 200, response.text
