"""The image that `make test-container` built."""

import json
import os
from pathlib import Path

import pytest

from container.running import Image


@pytest.fixture(scope="session")
def folder() -> Path:
    """What `tools/container_image.py` made."""
    named = os.environ.get("TEST_CONTAINER")
    assert named, "TEST_CONTAINER names no folder: run these tests with make test-container"
    return Path(named)


@pytest.fixture(scope="session")
def image(folder: Path) -> Image:
    """The image of the Dockerfile."""
    root = folder / "root"
    # A container's own engine makes this file, to say which names the container knows.
    (root / "etc/hosts").touch()
    return Image(root, json.loads((folder / "image.json").read_text()))


@pytest.fixture
def volume(tmp_path: Path, image: Image) -> Path:
    """A new volume: an engine gives it the owner of the image's own folder."""
    made = tmp_path / "volume"
    made.mkdir(mode=0o700)
    owner = (image.root / "var/lib/ostiary").stat()
    os.chown(made, owner.st_uid, owner.st_gid)
    return made
