"""`serve` starts with nothing, keeps what it acknowledged, and finishes what it began."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from base64 import urlsafe_b64decode
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from factories import signup_body

from cli.running import PATIENCE, Server, command, environment, serving

API = "/api/v1/auth"


def test_a_newcomer_needs_nothing_and_loses_nothing_at_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        answer = httpx.post(f"{server.url}{API}/signup", json=signup_body()).json()
        port = server.url.rpartition(":")[2]
    key = tmp_path / "secret.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with serving(tmp_path, "--port", port) as server:
        bearer = {"Authorization": f"Bearer {answer['tokens']['access_token']}"}
        me = httpx.get(f"{server.url}{API}/me", headers=bearer)
    assert (me.status_code, me.json()["id"]) == (200, answer["user"]["id"])


def test_sigterm_lets_a_request_in_flight_finish(tmp_path: Path) -> None:
    slow = {"OSTIARY_HASHING__MEMORY_KIB": "262144", "OSTIARY_HASHING__ITERATIONS": "4"}
    with serving(tmp_path, **slow) as server:
        host, _, port = server.url.removeprefix("http://").rpartition(":")
        sending = HTTPConnection(host, int(port), timeout=30)
        typed = {"Content-Type": "application/json"}
        sending.request("POST", f"{API}/signup", json.dumps(signup_body()), typed)
        # The hash takes most of a second: when a request that came later is answered, it has begun.
        httpx.get(f"{server.url}/health/live")
        server.process.send_signal(signal.SIGTERM)
        assert sending.getresponse().status == 201
        assert server.process.wait(30) == 0
    with serving(tmp_path, **slow) as server:
        again = httpx.post(f"{server.url}{API}/signup", json=signup_body(), timeout=30)
    assert again.status_code == 409


def test_sigterm_before_it_serves_stops_it(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ostiary", "serve", "--port", "0"],
            cwd=tmp_path,
            env=environment(tmp_path),
            stderr=log,
        )
    # From the first migration on there is something to be closed.
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "ostiary.db").exists() and time.monotonic() < deadline:
        time.sleep(0.001)  # another process is waited for
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert json.loads((tmp_path / "log").read_text().splitlines()[-1])["message"] == "stopped"


def test_the_log_has_one_line_a_request_and_nothing_that_was_typed(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        answer = httpx.post(f"{server.url}{API}/signup", json=signup_body()).json()
        httpx.post(f"{server.url}{API}/signin", json=signup_body(password="not the one"))
        httpx.get(f"{server.url}/somewhere/{answer['tokens']['refresh_token']}?q=typed")
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(30)
        requests = [line for line in server.lines() if line["message"] == "request"]
        text = server.log.read_text()
    seen = [(line["method"], line["route"], line["status"]) for line in requests]
    assert seen == [
        ("GET", "/health/live", 200),
        ("POST", "/api/v1/auth/signup", 201),
        ("POST", "/api/v1/auth/signin", 401),
        ("GET", None, 404),
    ]
    assert all(str(line["request_id"]).startswith("req_") for line in requests)
    for secret in (*signup_body().values(), "not the one", "typed", *answer["tokens"].values()):
        assert str(secret) in ("bearer", "600") or str(secret) not in text


def test_one_port_is_served_once(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        port = server.url.rpartition(":")[2]
        second = command(tmp_path, "serve", "--port", port)
    assert second.returncode == 1
    assert second.stderr == f"ostiary: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_several_processes_need_a_real_redis(tmp_path: Path) -> None:
    refused = command(tmp_path, "serve", "--workers", "2")
    assert refused.returncode == 1
    assert "redis_url" in refused.stderr


@pytest.mark.skipif(
    "TEST_REDIS_URL" not in os.environ, reason="several processes need a Redis server"
)
# hermetic: ignore[H007] two processes share no memory; `make test-services` runs it
def test_two_processes_share_one_port(tmp_path: Path, database_url: str, redis_url: str) -> None:
    shared = {
        "OSTIARY_DATABASE_URL": database_url,
        "OSTIARY_REDIS_URL": redis_url,
        "OSTIARY_SECRET_KEYS": "a" * 43 + "=",
    }
    with serving(tmp_path, "--workers", "2", "--port", "8377", **shared) as server:
        answer = httpx.post(f"{server.url}{API}/signup", json=signup_body()).json()
        bearer = {"Authorization": f"Bearer {answer['tokens']['access_token']}"}
        statuses = {
            httpx.get(f"{server.url}{API}/me", headers=bearer).status_code for _ in range(20)
        }
        deadline = time.monotonic() + PATIENCE
        while (listening := _listening(server)) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)  # the second process may start later than the first answers
    assert statuses == {200}
    assert listening == 2
    assert server.process.returncode == 0


@pytest.mark.skipif(
    "TEST_REDIS_URL" not in os.environ, reason="several processes need a Redis server"
)
# hermetic: ignore[H007] two processes share no memory; `make test-services` runs it
def test_what_one_server_does_counts_at_once_on_another(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    shared = {
        "OSTIARY_PUBLIC_URL": "http://ostiary.test",
        "OSTIARY_DATABASE_URL": database_url,
        "OSTIARY_REDIS_URL": redis_url,
        "OSTIARY_SECRET_KEYS": "a" * 43 + "=",
    }
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "one", **shared) as one:
        rotated = command(tmp_path, "keys", "rotate", "--now", **shared).stdout.strip()
        # Started after the rotation: it signs with the key that the first has not seen yet.
        with serving(tmp_path / "other", **shared) as other:
            answer = httpx.post(f"{other.url}{API}/signup", json=signup_body()).json()
            token = answer["tokens"]["access_token"]
            assert _kid(token) == rotated
            bearer = {"Authorization": f"Bearer {token}"}
            assert httpx.get(f"{one.url}{API}/me", headers=bearer).status_code == 200
            assert httpx.post(f"{one.url}{API}/logout", headers=bearer).status_code == 204
            assert httpx.get(f"{other.url}{API}/me", headers=bearer).status_code == 401


def _listening(server: Server) -> int:
    return sum("listening" in str(line["message"]) for line in server.lines())


def _kid(token: str) -> str:
    return str(json.loads(urlsafe_b64decode(token.split(".")[0] + "=="))["kid"])
