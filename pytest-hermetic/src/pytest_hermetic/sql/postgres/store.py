"""The PostgreSQL databases of a session: a template per content hash, a clone per test."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import socket
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from pytest_hermetic.folders import cache, locked
from pytest_hermetic.sql.postgres import binaries, following
from pytest_hermetic.sql.postgres.admin import Admin, Place, connect
from pytest_hermetic.sql.postgres.cloner import Cloner
from pytest_hermetic.sql.postgres.server import Server
from pytest_hermetic.sql.templates import apart, in_this_thread

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from pytest_hermetic.sql.resource import SqlResource

_EMPTY = "hermetic_empty"
_EVICT = "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'"
# What names a server or a login: replaced by ours. Everything else is the application's choice.
_ADDRESS = (
    *("dsn", "host", "hostaddr", "port", "user", "password", "passfile", "database", "dbname"),
    *("service", "ssl", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslpassword", "direct_tls"),
    *("target_session_attrs", "krbsrvname", "gsslib", "channel_binding", "async_creator_fn"),
)


class PostgresStore:
    """Databases on a server of our own, or on the one at `url`."""

    dialect = "postgresql"

    def __init__(self, resource: SqlResource, folder: Path, url: str | None) -> None:
        self._resource = resource
        self._folder = folder
        self._url = url
        self._server: Server | None = None
        self._place: Place = {}
        self._cloner: Cloner | None = None
        self._clones: dict[str, str] = {}
        self._kept: dict[str, str] = {}
        self._template: str | None = None
        self._prefix = f"hermetic_{os.getpid()}_{secrets.token_hex(3)}"

    def name_of(self, cargs: list[Any], cparams: dict[str, Any]) -> str:  # noqa: ARG002  # no driver takes it by place
        """The name of the database; the host is not looked at, so a replica shows the primary."""
        named = cparams.get("database") or cparams.get("dbname") or cparams.get("user")
        return str(named or "postgres")

    def point(self, name: str, driver: str, cargs: list[Any], cparams: dict[str, Any]) -> None:
        """Mean the test's clone of `name`."""
        self.point_at(self._clone(name), driver, cargs, cparams)

    def point_at(self, target: str, driver: str, cargs: list[Any], cparams: dict[str, Any]) -> None:
        """Mean the database `target` of our server."""
        cargs.clear()
        for name in _ADDRESS:
            cparams.pop(name, None)
        cparams.update({name: it for name, it in self._place.items() if name != "database"})
        if driver == "asyncpg":
            cparams["database"] = target
            settings = {"search_path": following.SEARCH_PATH, **cparams.get("server_settings", {})}
            cparams["server_settings"] = settings
        else:
            cparams["dbname"] = target
            given = cparams.get("options", "")
            if "search_path" not in given:
                cparams["options"] = f"{given} -c search_path={following.SEARCH_PATH}".strip()

    def refuse(self, cargs: list[Any], cparams: dict[str, Any]) -> None:  # noqa: ARG002  # of the Store protocol
        """Name a socket on which nobody listens."""
        place = self._folder / "refused"
        if not place.exists():
            place.mkdir()
            with socket.socket(socket.AF_UNIX) as deaf:
                deaf.bind(str(place / ".s.PGSQL.5432"))
        cparams |= {"host": str(place), "port": 5432}

    def url(self, name: str) -> str:
        """The URL of the test's clone, to be given to another process."""
        clone, place = self._clone(name), self._place
        host, port = str(place["host"]), place.get("port", 5432)
        login = quote(str(place["user"]))
        if place.get("password"):
            login += f":{quote(str(place['password']))}"
        if host.startswith("/"):
            return f"postgresql://{login}@/{clone}?host={quote(host)}&port={port}"
        return f"postgresql://{login}@{host}:{port}/{clone}"

    def keep(self) -> None:
        """What was written before the first test is in every test's clone of that name."""
        for name, clone in self._clones.items():
            template = f"{clone}_kept"
            self._administer(
                f'alter database "{clone}" allow_connections false',
                _EVICT.format(clone),
                f'alter database "{clone}" rename to "{template}"',
                f'alter database "{template}" allow_connections true',
            )
            if self._resource.schema.waits_for_collection:
                self._build(template)
            self._kept[name] = template
        self._clones.clear()

    def begin(self) -> None:
        """Have the clones at hand dropped."""
        for clone in self._clones.values():
            if self._cloner is not None:
                self._cloner.drop(clone)
        self._clones.clear()

    def close(self) -> None:
        """Stop our server; on another's, drop what we made."""
        if self._cloner is not None and self._server is None:
            self.begin()
            for template in self._kept.values():
                self._cloner.drop(template)
            self._cloner.close()
        elif self._cloner is not None:
            self._cloner.stop()
        if self._server is not None:
            self._server.stop()

    def _clone(self, name: str) -> str:
        found = self._clones.get(name)
        if found is None:
            template = self._template_of(name)
            if self._cloner is None:
                self._cloner = Cloner(lambda: connect(self._place), self._prefix)
            found = self._clones[name] = self._cloner.take(template)
        return found

    def _template_of(self, name: str) -> str:
        schema = self._resource.schema
        if self._resource.collecting and schema.waits_for_collection:
            # The application is being imported: its tables are not all known yet.
            self._run_server(None)
            return _EMPTY
        if name in self._kept:
            return self._kept[name]
        if self._template is None:
            schema.prepare()
            key = f"{schema.digest(self.dialect)}-{version('pytest-hermetic')}"
            template = f"hermetic_{hashlib.sha256(key.encode()).hexdigest()[:24]}"
            self._run_server(template)
            self._template = template
        return self._template

    def _run_server(self, template: str | None) -> None:
        """Have a server that holds the empty template and, if given, the schema's `template`."""
        if self._place:
            if template is not None:
                self._ensure(template)
        elif self._url is not None:
            self._place = _place(self._url)
            self._ensure(template)
        else:
            self._start(template)

    def _start(self, template: str | None) -> None:
        """Run our own server, with files a former session kept if there are any."""
        found = binaries.find()
        self._server = server = Server(found, self._folder)
        folder = cache()
        kept = folder / f"postgres-{found.version}-{template or _EMPTY}"
        with locked(folder / f"{kept.name}.lock"):
            if kept.exists():
                server.restore(kept)
                server.start()
                self._place = {"host": server.host, "user": server.user, "database": "postgres"}
                return
            server.create()
            server.start()
            self._place = {"host": server.host, "user": server.user, "database": "postgres"}
            self._ensure(template)
            server.stop()
            server.keep(kept)
            server.start()

    def _ensure(self, template: str | None) -> None:
        """Create the templates that are not there, one process at a time."""
        admin = connect(self._place)
        try:
            # Of this session's connection, so it is let go even if we crash.
            admin.run("select pg_advisory_lock(7213940021)")
            there = {name for (name,) in admin.run("select datname from pg_database")}
            if _EMPTY not in there:
                self._create(admin, _EMPTY, "template0", self._teach)
            if template is not None and template not in there:
                self._create(admin, template, _EMPTY, self._build)
        finally:
            admin.close()

    def _create(self, admin: Admin, name: str, source: str, fill: Callable[[str], None]) -> None:
        unfinished = f"{self._prefix}_new"
        admin.run(f'create database "{unfinished}" template "{source}"')
        try:
            fill(unfinished)
            # env.py may have left a connection in a pool.
            admin.run(_EVICT.format(unfinished))
            admin.run(f'alter database "{unfinished}" rename to "{name}"')
        except BaseException:
            admin.run(f'drop database if exists "{unfinished}" with (force)')
            raise

    def _teach(self, database: str) -> None:
        admin = connect({**self._place, "database": database})
        try:
            following.teach(admin.run)
        finally:
            admin.close()

    def _build(self, database: str) -> None:
        schema = self._resource.schema
        schema.prepare()

        def build() -> None:
            with self._resource.building(self.dialect, database):
                schema.build(_run)

        if in_this_thread(self._resource):
            build()
        else:
            apart(build)

    def _administer(self, *statements: str) -> None:
        admin = connect(self._place)
        try:
            for statement in statements:
                admin.run(statement)
        finally:
            admin.close()


def _place(url: str) -> Place:
    parsed = make_url(url)
    place = {
        "host": parsed.host or parsed.query.get("host", "localhost"),
        "port": parsed.port or int(str(parsed.query.get("port", 5432))),
        "user": parsed.username or "postgres",
        "password": parsed.password,
        "database": parsed.database or "postgres",
    }
    return {name: value for name, value in place.items() if value}


def _run(action: Callable[[Connection], None]) -> None:
    for driver in ("psycopg", "psycopg2"):
        if find_spec(driver) is not None:
            engine = create_engine(f"postgresql+{driver}://hermetic/template", poolclass=NullPool)
            with engine.begin() as connection:
                action(connection)
            return
    asyncio.run(_run_async(action))


async def _run_async(action: Callable[[Connection], None]) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine("postgresql+asyncpg://hermetic/template", poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(action)
