"""Projects of several shapes get the configuration that fits them, in their own format."""

from __future__ import annotations

import configparser
import tomllib

import pytest
from following import follow

from pytest_hermetic.adoption.report import text

APP = "from fastapi import FastAPI\n\napp = FastAPI()\n"
TEST = "def test_it():\n    assert True\n"


def printed(advice) -> str:
    return "\n".join(text(advice)) + "\n"


def settings(advice) -> dict[str, object]:
    return {entry.name: entry.value for entry in advice.block.entries}


def test_flask_with_sqlite(advice):
    said = advice(
        {
            "pyproject.toml": '[project]\nname = "notes"\n',
            "notes/__init__.py": "",
            "notes/app.py": """
                from flask import Flask
                from sqlalchemy import create_engine
                from notes.tables import Base

                engine = create_engine("sqlite:///notes.db")
                app = Flask(__name__)
            """,
            "notes/tables.py": """
                from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

                class Base(DeclarativeBase):
                    pass

                class Note(Base):
                    __tablename__ = "notes"
                    id: Mapped[int] = mapped_column(primary_key=True)
            """,
            "tests/test_notes.py": TEST,
        }
    )
    assert settings(said) == {
        "hermetic": True,
        "hermetic_metadata": ("notes.tables:Base",),
        "hermetic_db": "sqlite",
    }
    assert any("notes/app.py:6: Flask is WSGI" in line for line in said.unknown)


def test_litestar_with_migrations(advice):
    said = advice(
        {
            "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n',
            "alembic.ini": "[alembic]\nscript_location = migrations\n",
            "migrations/env.py": "from alembic import context\n",
            "migrations/versions/0001_books.py": "revision = '0001'\n",
            "library/__init__.py": "",
            "library/main.py": """
                from litestar import Litestar
                from litestar.stores.redis import RedisStore
                from redis.asyncio import Redis
                from sqlalchemy.ext.asyncio import create_async_engine
                from library.models import Base

                engine = create_async_engine("postgresql+asyncpg://library@db/library")
                store = RedisStore(Redis.from_url("redis://cache"))

                def create_app() -> Litestar:
                    return Litestar(route_handlers=[])
            """,
            "library/models.py": """
                from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

                class Base(DeclarativeBase): ...

                class Book(Base):
                    __tablename__ = "books"
                    id: Mapped[int] = mapped_column(primary_key=True)
            """,
        }
    )
    assert settings(said) == {
        "hermetic": True,
        "hermetic_app": "library.main:create_app()",
        "hermetic_alembic": "alembic.ini",
        "hermetic_db": "postgres",
        "hermetic_redis": "memory",
    }
    assert any(
        'hermetic_metadata = ["library.models:Base"] would do' in one for one in said.unknown
    )


def test_an_alembic_ini_without_migrations_is_not_the_schema(advice):
    said = advice({"alembic.ini": "[alembic]\nscript_location = migrations\n", "main.py": APP})
    assert "hermetic_alembic" not in settings(said)
    assert "alembic.ini is there, but no migrations" in said.unknown


def test_src_layout_with_models_in_several_modules(advice):
    said = advice(
        {
            "src/shop/__init__.py": "",
            "src/shop/asgi.py": APP,
            "src/shop/db.py": """
                from sqlalchemy.orm import DeclarativeBase

                class Base(DeclarativeBase): ...
            """,
            "src/shop/models/__init__.py": "",
            "src/shop/models/orders.py": """
                from ..db import Base
                from .people import Person

                class Order(Base):
                    __tablename__ = "orders"
            """,
            "src/shop/models/people.py": """
                from shop.db import Base

                class Person(Base):
                    __tablename__ = "people"
            """,
            "src/shop/models/stock.py": """
                from shop.db import Base

                class Article(Base):
                    __tablename__ = "articles"
            """,
        }
    )
    assert settings(said)["hermetic_app"] == "shop.asgi:app"
    # Orders imports people, so the two that are left import every table.
    assert settings(said)["hermetic_metadata"] == (
        "shop.models.orders:Base",
        "shop.models.stock:Base",
    )


def test_a_module_that_gathers_all_models_is_enough(advice):
    said = advice(
        {
            "shop/__init__.py": "",
            "shop/base.py": "from sqlmodel import SQLModel\n",
            "shop/orders.py": "from sqlmodel import SQLModel\nclass A(SQLModel, table=True): ...\n",
            "shop/people.py": "from sqlmodel import SQLModel\nclass B(SQLModel, table=True): ...\n",
            "shop/tables.py": "from sqlmodel import SQLModel\nfrom shop import orders, people\n",
        }
    )
    assert settings(said)["hermetic_metadata"] == ("shop.tables:SQLModel",)


@pytest.mark.parametrize(
    ("file", "content", "section"),
    [
        ("pytest.ini", "[pytest]\naddopts = -ra\n", "pytest"),
        ("tox.ini", "[tox]\nenvlist = py\n\n[pytest]\naddopts = -ra\n", "pytest"),
        ("setup.cfg", "[metadata]\nname = shop\n\n[tool:pytest]\naddopts = -ra\n", "tool:pytest"),
    ],
)
def test_ini_files(project, init, file, content, section):
    root = project(
        {
            file: content,
            "main.py": f"import os\n\nos.environ['SECRET_KEY']\n{APP}",
            "test_main.py": "def test_it(hermetic_test_client):\n"
            "    assert hermetic_test_client.get('/').status_code == 404\n",
        }
    )
    follow(root, init(root).stdout)
    parser = configparser.ConfigParser()
    parser.read(root / file)
    assert parser[section]["hermetic_app"] == "main:app"
    assert parser[section]["hermetic_env"].split() == ["SECRET_KEY=@secret:32"]
    assert parser[section]["addopts"] == "-ra"
    assert "1 passed" in init(root, "-q").stdout


def test_a_project_without_configuration_gets_a_section(project, init):
    root = project({"pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n', "main.py": APP})
    shown = init(root).stdout
    assert "Add to the end of pyproject.toml" in shown
    follow(root, shown)
    added = tomllib.loads((root / "pyproject.toml").read_text())
    assert added["tool"]["pytest"]["ini_options"] == {"hermetic": True, "hermetic_app": "main:app"}
    assert added["project"]["name"] == "shop"


def test_native_toml_of_pytest_9_keeps_its_section(project, init):
    root = project({"pyproject.toml": '[tool.pytest]\ntestpaths = ["."]\n', "main.py": APP})
    shown = init(root).stdout
    assert "Add to [tool.pytest] of pyproject.toml" in shown
    follow(root, shown)
    assert "hermetic already" in init(root).stdout


def test_a_project_that_is_hermetic_has_nothing_to_do(project, init):
    root = project(
        {
            "pytest.ini": """
                [pytest]
                hermetic = true
                hermetic_app = main:app
            """,
            "main.py": APP,
            "test_main.py": TEST,
        }
    )
    done = init(root)
    assert done.returncode == 0
    assert "there is nothing to add and nothing to delete" in done.stdout


def test_only_what_is_missing_is_added(advice):
    said = advice(
        {
            "main.py": f"import os\n\nos.environ['API_SECRET']\nos.environ['MAIL_FROM']\n{APP}",
            "pytest.ini": "[pytest]\nhermetic = true\n",
        },
        hermetic=True,
        hermetic_env=["API_SECRET=@secret:32"],
    )
    assert settings(said) == {
        "hermetic_app": "main:app",
        "hermetic_env": ("API_SECRET=@secret:32", "MAIL_FROM=nobody@example.com"),
    }


def test_a_file_that_does_not_parse_is_named_and_the_rest_goes_on(project, init):
    root = project(
        {
            "pytest.ini": "[pytest]\n",
            "main.py": APP,
            "old.py": "print 'Python 2'\n",
            "conftest.py": "import fakeredis\n\nserver = fakeredis.FakeServer()\n",
            "test_broken.py": "def test_it(:\n",
        }
    )
    (root / "latin.py").write_bytes(b"name = '\xe9'\n")
    done = init(root)
    assert done.returncode == 0, done.stderr
    assert "hermetic_app = main:app" in done.stdout
    assert "conftest.py:3  server = fakeredis.FakeServer()" in done.stdout
    not_read = done.stdout.partition("Not read")[2]
    assert "old.py: line 1" in not_read
    assert "test_broken.py: line 1" in not_read
    assert "latin.py" in not_read


def test_without_the_option_nothing_of_it_is_imported(project, init):
    root = project(
        {
            "pytest.ini": "[pytest]\nhermetic = true\n",
            "test_main.py": """
                import sys

                def test_it(hermetic):
                    assert not [name for name in sys.modules if "pytest_hermetic.adoption" in name]
            """,
        }
    )
    assert "1 passed" in init(root, "-q").stdout


def test_options_of_other_plugins_do_not_disturb(project, init):
    """Coverage and workers are configured in most projects; neither begins."""
    root = project(
        {"pytest.ini": "[pytest]\naddopts = --cov=. -n 2\n", "main.py": APP, "test_main.py": TEST}
    )
    done = init(root)
    assert done.returncode == 0
    assert done.stdout.startswith("pytest-hermetic: 1 files of the application")
    assert "passed" not in done.stdout
