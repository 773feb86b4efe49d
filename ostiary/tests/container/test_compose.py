"""compose.yaml: read by Compose itself; our services run with what it says, on its PostgreSQL and
Redis of the same major versions, started from Debian's packages."""

import base64
import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from factories import PASSWORD

from container.running import PATIENCE, Image, client, serving, until

pytestmark = pytest.mark.container

COMPOSE = Path(__file__).resolve().parents[3] / "compose.yaml"
VALUES = {
    "OSTIARY_PUBLIC_URL": "https://id.example.com",
    "OSTIARY_SECRET_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
    "OSTIARY_MAIL__URL": "console:",  # so that the test reads the message
    "POSTGRES_PASSWORD": secrets.token_hex(24),
}
POSTGRES = "/usr/lib/postgresql/17/bin"


class Services:
    """A Debian with PostgreSQL, Redis and Compose in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def command(self, *command: str, user: str = "root") -> list[str]:
        """`command`, to be run there."""
        return ["chroot", f"--userspec={user}", str(self.root), *command]

    def run(self, *command: str, user: str = "root") -> "subprocess.CompletedProcess[str]":
        """Run a command there to its end."""
        return subprocess.run(
            self.command(*command, user=user), capture_output=True, text=True, timeout=PATIENCE
        )

    def answers(self, *command: str) -> bool:
        """Whether a health check passes."""
        return self.run(*command).returncode == 0

    @contextmanager
    def started(self, *command: str, user: str) -> Iterator[None]:
        """Run a server there until the end of the block."""
        with subprocess.Popen(self.command(*command, user=user)) as process:
            try:
                yield
            finally:
                process.terminate()
                process.wait(PATIENCE)

    def config(self, **values: str) -> "subprocess.CompletedProcess[str]":
        """What Compose makes of compose.yaml with these values in .env."""
        project = self.root / "project"
        project.mkdir(exist_ok=True)
        shutil.copy(COMPOSE, project / "compose.yaml")
        (project / ".env").write_text("".join(f"{key}={text}\n" for key, text in values.items()))
        compose = ("docker-compose", "--project-directory", "/project")
        return self.run(*compose, "config", "--format", "json")


@pytest.fixture(scope="module")
def services(folder: Path) -> Services:
    """Debian's services, in a mount namespace that ends with this run."""
    root = folder / "services"
    for place in ("proc", "dev"):
        subprocess.run(["mount", "--rbind", f"/{place}", root / place], check=True)
    memory = ("--types", "tmpfs", "--options", "mode=1777", "tmpfs")
    subprocess.run(["mount", *memory, root / "tmp"], check=True)
    return Services(root)


@pytest.fixture(scope="module")
def composed(services: Services) -> dict[str, Any]:
    """The services of compose.yaml, as Compose reads them."""
    result = services.config(**VALUES)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)["services"]
    return found


@pytest.fixture
def beside(services: Services, composed: dict[str, Any]) -> Iterator[None]:
    """PostgreSQL and Redis, set up as their images do it with what compose.yaml says."""
    database = composed["database"]["environment"]
    (services.root / "tmp/password").write_text(database["POSTGRES_PASSWORD"])
    initdb = (f"{POSTGRES}/initdb", "--pgdata", "/tmp/data", "--auth-host", "scram-sha-256")
    owner = ("--username", database["POSTGRES_USER"], "--pwfile", "/tmp/password")
    made = services.run(*initdb, *owner, user="postgres")
    assert made.returncode == 0, made.stderr
    postgres = (f"{POSTGRES}/postgres", "-D", "/tmp/data", "-h", "127.0.0.1", "-k", "/tmp")
    redis = [*composed["redis"]["command"], "--dir", "/tmp"]
    with ExitStack() as running:
        running.enter_context(services.started(*postgres, user="postgres"))
        running.enter_context(services.started(*redis, user="redis"))
        for name in ("database", "redis"):
            kind, *check = composed[name]["healthcheck"]["test"]
            assert kind == "CMD"
            until(partial(services.answers, *check), name)
        created = services.run("createdb", "-h", "/tmp", "-U", "ostiary", database["POSTGRES_DB"])
        assert created.returncode == 0, created.stderr
        yield


@pytest.mark.parametrize("name", VALUES)
def test_compose_refuses_a_missing_value_and_names_it(services: Services, name: str) -> None:
    result = services.config(**{key: text for key, text in VALUES.items() if key != name})
    assert result.returncode != 0
    assert name in result.stderr
    assert "set it in .env to" in result.stderr


def test_each_service_has_a_read_only_root_and_no_rights(composed: dict[str, Any]) -> None:
    for service in composed.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service


def test_services_start_in_order_and_come_back(composed: dict[str, Any]) -> None:
    needs = {
        name: {other: need["condition"] for other, need in service.get("depends_on", {}).items()}
        for name, service in composed.items()
    }
    assert needs["migrate"] == {"database": "service_healthy"}
    assert needs["ostiary"] == {
        "migrate": "service_completed_successfully",
        "redis": "service_healthy",
    }
    restart = {name: service["restart"] for name, service in composed.items()}
    assert restart == {"migrate": "no"} | dict.fromkeys(
        ("ostiary", "database", "redis"), "unless-stopped"
    )
    # The database and Redis are reached by the other services only.
    assert [name for name, service in composed.items() if "ports" in service] == ["ostiary"]
    assert composed["ostiary"]["ports"][0]["host_ip"] == "127.0.0.1"
    assert composed["database"]["image"] == "postgres:17"
    assert composed["redis"]["image"] == "redis:8"


@pytest.mark.usefixtures("beside")
def test_migrate_and_serve_run_as_compose_says(image: Image, composed: dict[str, Any]) -> None:
    migrate, ostiary = composed["migrate"], composed["ostiary"]
    options = {"hosts": "database redis", **ostiary["environment"]}
    serve = image.command(*ostiary["command"])
    early = image.run(*serve, **options)
    assert early.returncode == 1
    assert "migrate" in early.stdout
    first = image.run(*image.command(*migrate["command"]), **options)
    assert first.returncode == 0, first.stdout
    with serving(image, *serve, **options) as container:
        with client() as http:
            ready = {"status": "ok", "database": "ok", "redis": "ok"}
            assert http.get("/health/ready").json() == ready
            body = {"email": "ada@example.com", "password": PASSWORD}
            assert http.post("/api/v1/auth/signup", json=body).status_code == 201
        assert container.says("https://id.example.com/")  # the link in the message
        code, output = container.stop()
    assert code == 0, output
