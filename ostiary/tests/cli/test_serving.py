"""`serve` starts with nothing, keeps what it acknowledged, and finishes what it began."""

import json
import os
import re
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
from ostiary.cli.serving.listening import bind, listen, with_public_url
from ostiary.settings import Settings, SettingsError

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
    assert second.stderr == (
        f"ostiary: Another program listens on 127.0.0.1:{port} already. Stop it, or use another "
        f"port: `ostiary serve --port {int(port) + 1}`.\n"
    )


def test_a_server_that_cannot_be_linked_to_does_not_start(tmp_path: Path) -> None:
    refused = command(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.returncode == 1
    assert re.fullmatch(
        r"ostiary: --host 0\.0\.0\.0 does not say by which URL people reach this server, and links "
        r"need one\. Add it to ostiary\.toml, such as "
        r'`public_url = "http://id\.example\.com:\d+"`, '
        r"or set OSTIARY_PUBLIC_URL\.\n",
        refused.stderr,
    )
    assert list(tmp_path.iterdir()) == []
    with serving(
        tmp_path, "--host", "0.0.0.0", "--port", "0", OSTIARY_PUBLIC_URL="https://id.example"
    ) as server:
        token = httpx.post(f"{server.url}{API}/signup", json=signup_body()).json()["tokens"]
    payload = token["access_token"].split(".")[1]
    assert json.loads(urlsafe_b64decode(payload + "=="))["iss"] == "https://id.example"


@pytest.mark.parametrize("host", ["0.0.0.0", "0", "", "::", "0:0::0", "::ffff:0.0.0.0"])
def test_every_wildcard_is_one(host: str) -> None:
    with bind(host, 0, is_shared=False) as listener:
        with pytest.raises(SettingsError, match=r"^--host .* does not say by which URL"):
            with_public_url(Settings(), host, listener)
        named = Settings(public_url="https://id.example")
        assert with_public_url(named, host, listener) is named


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("::1", "[::1]"),
        ("0::1", "[::1]"),
        ("LocalHost", "localhost"),
    ],
)
def test_links_lead_to_the_address_or_the_name_that_it_listens_on(host: str, name: str) -> None:
    with bind(host, 0, is_shared=False) as listener:
        port = listener.getsockname()[1]
        settings = with_public_url(Settings(), host, listener)
        assert settings.public_url == f"http://{name}:{port}"
        assert Settings(public_url=settings.public_url).public_url == settings.public_url


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("nowhere.invalid", "--host nowhere.invalid is no known name. Use 127.0.0.1,"),
        ("a" * 70, "is no known name. Use 127.0.0.1,"),
        ("192.0.2.1", "--host 192.0.2.1 is not an address of this machine. Use 127.0.0.1,"),
    ],
)
def test_an_address_that_cannot_be_listened_on_is_named(host: str, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        bind(host, 0, is_shared=False)
    assert says in str(refused.value)


def test_of_two_servers_that_start_at_once_one_listens() -> None:
    with bind("127.0.0.1", 0, is_shared=False) as first:
        port = first.getsockname()[1]
        with bind("127.0.0.1", port, is_shared=False) as second:
            listen(first, "127.0.0.1", backlog=1)
            with pytest.raises(SettingsError, match=f"listens on 127.0.0.1:{port} already"):
                listen(second, "127.0.0.1", backlog=1)


def test_several_processes_need_a_real_redis(tmp_path: Path) -> None:
    refused = command(tmp_path, "serve", "--workers", "2")
    assert refused.returncode == 1
    assert refused.stderr == (
        "ostiary: redis_url: several workers need a Redis server, since memory:// is one process's "
        "own. Set redis_url, such as redis://127.0.0.1:6379/0, or leave --workers out.\n"
    )
    assert list(tmp_path.iterdir()) == []


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
    assert _told(server) == 1, "once, and not once a process"
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
        rotation = command(tmp_path, "keys", "rotate", "--now", "--json", **shared)
        rotated = json.loads(rotation.stdout)["kid"]
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


def _told(server: Server) -> int:
    return sum("ostiary setup-link" in str(line["message"]) for line in server.lines())


def _kid(token: str) -> str:
    return str(json.loads(urlsafe_b64decode(token.split(".")[0] + "=="))["kid"])
