"""What pytest-hermetic does not reach in a project, said before somebody relies on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_hermetic.adoption.kinds import is_mail_service
from pytest_hermetic.adoption.names import literal
from pytest_hermetic.adoption.sources import Project

_OWN_WIRE = "speaks to {what} by itself; it is not redirected, and the network is closed to it"
_PACKAGES = {
    "MongoDB": ("motor", "pymongo", "beanie", "mongoengine", "odmantic"),
    "Redis": ("coredis", "aioredis", "glide", "glide_sync", "burner_redis"),
    "its database": ("tortoise", "peewee", "pony", "databases", "piccolo", "edgedb", "prisma"),
    "MySQL": ("pymysql", "aiomysql", "asyncmy", "MySQLdb", "mysql"),
    "Oracle or SQL Server": ("oracledb", "cx_Oracle", "pyodbc", "aioodbc"),
    "RabbitMQ": ("pika", "aio_pika", "aiormq", "faststream"),
    "Kafka": ("kafka", "aiokafka", "confluent_kafka"),
    "NATS": ("nats",),
    "its search engine": ("elasticsearch", "opensearchpy", "meilisearch"),
    "memcached": ("pymemcache", "aiomcache", "pylibmc"),
    "LDAP": ("ldap3", "ldap", "bonsai"),
    "other services by gRPC": ("grpc", "grpclib"),
    "its database cluster": ("cassandra", "neo4j", "clickhouse_driver", "clickhouse_connect"),
}
_WORKERS = ("celery", "dramatiq", "rq", "arq", "taskiq", "huey")
_CLOUD = ("boto3", "aioboto3", "aiobotocore", "minio", "google.cloud", "azure", "firebase_admin")
_BARE = {
    "asyncpg.connect": "asyncpg",
    "asyncpg.create_pool": "asyncpg",
    "psycopg.connect": "psycopg",
    "psycopg.AsyncConnection.connect": "psycopg",
    "psycopg2.connect": "psycopg2",
    "psycopg_pool.ConnectionPool": "psycopg",
    "psycopg_pool.AsyncConnectionPool": "psycopg",
    "sqlite3.connect": "sqlite3",
    "aiosqlite.connect": "aiosqlite",
}
_HINTS = {
    "glide": "valkey-glide dials from native code; give it a real server",
    "glide_sync": "valkey-glide dials from native code; give it a real server",
    "aioredis": "aioredis is redis.asyncio of redis-py under an older name: import that",
}


def find(project: Project) -> Iterator[str]:
    """One sentence for each thing, with the first place it is at."""
    for package, place in _imports(project).items():
        if sentence := _sentence(package):
            yield f"{place}  {sentence}"
    for source in project.application:
        for name, call in source.calls():
            if driver := _BARE.get(name):
                yield (
                    f"{source.place}:{call.lineno}  {name}: only connections that SQLAlchemy "
                    f"opens are redirected, not those of bare {driver}"
                )
    for source in project.application:
        for name, call in source.calls():
            if name.endswith((".create_engine", ".create_async_engine")) and "mysql" in _first(
                call.args
            ):
                yield f"{source.place}:{call.lineno}  an engine of MySQL is refused"


def outside(project: Project) -> Iterator[str]:
    """The origins of other services that the application calls by a URL in its source."""
    for source in project.application:
        for name, call in source.calls():
            if not name.startswith(("httpx.", "httpx2.", "requests.", "aiohttp.", "urllib.")):
                continue
            for node in (*call.args, *(one.value for one in call.keywords)):
                url = literal(node) or ""
                if url.startswith(("http://", "https://")) and not is_mail_service(url):
                    origin = "/".join(url.split("/")[:3])
                    asked = f"{source.place}:{call.lineno}  what answers for {origin}?"
                    yield f"{asked} hermetic.http.mount it, or it is refused"


def _sentence(package: str) -> str:
    if hint := _HINTS.get(package):
        return hint
    for what, names in _PACKAGES.items():
        if package in names:
            return f"{package} {_OWN_WIRE.format(what=what)}"
    if package in _WORKERS:
        return (
            f"{package}: tasks stay in their queue, for no worker runs beside the tests: call "
            "the task's function, or run tasks eagerly"
        )
    if package in _CLOUD:
        return f"{package} calls a cloud service: the network is closed to it, mail by SES apart"
    if package == "django":
        return "Django's ORM does not connect through SQLAlchemy; its databases are not redirected"
    if package == "trio":
        return "hermetic.client runs the application on asyncio, not on trio"
    return ""


def _imports(project: Project) -> dict[str, str]:
    """The packages the application imports, each with the first place."""
    found: dict[str, str] = {}
    for source in project.application:
        for name in source.imports:
            cloud = [package for package in _CLOUD if f"{name}.".startswith(f"{package}.")]
            found.setdefault(cloud[0] if cloud else name.partition(".")[0], source.place)
    return found


def _first(args: Sequence[object]) -> str:
    value = getattr(args[0], "value", "") if args else ""
    return value.partition(":")[0] if isinstance(value, str) else ""
