"""A message names a place without its password, and a link to nothing as such."""

from pathlib import Path

import pytest

from ostiary.installation import finding, making
from ostiary.installation.places import hide_password
from ostiary.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hunter2@db/ids", "postgresql://me:***@db/ids"),
        ("postgresql://me@corp:hunter2@db/ids", "postgresql://me@corp:***@db/ids"),
        ("postgresql://me/corp:hunter2@db/ids", "postgresql://me/corp:***@db/ids"),
        ("redis://:a@b/hunter2@cache/0", "redis://:***@cache/0"),
        ("smtp://me:hunt\ner2@mail", "smtp://me:***@mail"),
        ("postgresql://db/ids?sslpassword=hunter2", "postgresql://db/ids?sslpassword=***"),
        ("rediss://c?ssl_password=hunter2&db=1", "rediss://c?ssl_password=***&db=1"),
        ("postgresql://db/ids?pass%77ord=hunter2", "postgresql://db/ids?pass%77ord=***"),
        ("postgresql://db/ids?p%61ssword=hunter2", "postgresql://db/ids?p%61ssword=***"),
        ("postgresql://db/ids?PASSWORD=hunter2", "postgresql://db/ids?PASSWORD=***"),
        ("postgresql://db/ids?password=a@hunter2", "postgresql://db/ids?password=***@***"),
        ("postgresql://db:1/ids?password=a@hunter2", "postgresql://db:***@***"),
        ("postgresql://me:hunter2?pass=x@db/ids", "postgresql://me:***@***"),
        ("postgresql://me@db:5432/ids?ssl=require", "postgresql://me@db:5432/ids?ssl=require"),
        ("memory://", "memory://"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert hide_password(url) == shown


@pytest.mark.parametrize("name", ["ostiary.db", "secret.key", "."])
def test_a_link_to_nothing_is_named_and_nothing_is_made(tmp_path: Path, name: str) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/var/ostiary.db")
    link = tmp_path / "var" / name
    if name == ".":
        link.symlink_to(tmp_path / "gone")
    else:
        making.create(settings)
        link.unlink()
        link.symlink_to(tmp_path / "gone")
    before = sorted(tmp_path.rglob("*"))
    look_for_key = finding.secret_keys if name == "secret.key" else finding.find
    for action in (look_for_key, making.create):
        with pytest.raises(SettingsError) as refused:
            action(settings)
        assert str(refused.value).endswith(
            f"{link} is a symbolic link to {tmp_path}/gone, and nothing is there. Put back what it "
            "leads to, or remove the link."
        )
    assert sorted(tmp_path.rglob("*")) == before
