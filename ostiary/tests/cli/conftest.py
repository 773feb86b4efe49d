"""An installation of a test's own, as the first `ostiary serve` makes it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from ostiary.installation import making
from ostiary.settings import Settings


@pytest.fixture(scope="session")
def installation_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a migrated SQLite database and its secret key."""
    folder = tmp_path_factory.mktemp("installation")
    url = f"sqlite:///{folder}/ostiary.db"
    asyncio.run(making.prepare(Settings(database_url=url)))
    return folder


@pytest.fixture
def installed(tmp_path: Path, installation_template: Path) -> Path:
    """`tmp_path`, with an installation in it."""
    return Path(shutil.copytree(installation_template, tmp_path, dirs_exist_ok=True))
