"""What `serve` says when it starts: on a terminal in plain words, else one line in the log.

The link that makes the first administrator is shown on a terminal only: a log is kept and read by
others, so it names the command that makes a link.
"""

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from ostiary.installation import places
from ostiary.runtime import Runtime
from ostiary.settings import Settings
from ostiary.signin import bootstrap

_log = logging.getLogger("ostiary.serve")


@dataclass(frozen=True, slots=True)
class Welcome:
    """A server that starts: its settings, its own URL, and the command that makes a setup link."""

    settings: Settings
    url: str
    setup_command: str

    async def say(self, rt: Runtime) -> None:
        """Say where the server is, where its data are, and how to make an administrator."""
        if sys.stdout.isatty():
            link = await bootstrap.invite(rt)
            print("\n".join(self._lines(link)), flush=True)
            return
        if self.settings.worker.enabled:
            warn_of_links(self.settings)
        if await bootstrap.is_needed(rt):
            _log.warning(
                "there is no administrator yet: run `%s` in %s to get a link that makes one",
                self.setup_command,
                Path.cwd(),
            )

    def _lines(self, link: str | None) -> list[str]:
        settings = self.settings
        data = f"Its database is {places.place(settings)}"
        secret = places.secret_file(settings)
        if secret is not None:
            data += f", its secret key {secret}"
        if places.is_sqlite(settings) and not places.database_file(settings).is_absolute():
            data += f", in {Path.cwd()}"
        lines = [f"Ostiary runs on {self.url}", f"{data}."]
        if settings.public_url != self.url:
            lines.insert(1, f"People reach it at {settings.public_url}")
        if link is not None:
            lines.append(f"No administrator yet. Make one within an hour: {link}")
        return [*lines, "Press Ctrl+C to stop it. Its log follows."]


def warn_of_links(settings: Settings) -> None:
    """Warn once that messages go where the log goes, for a process that delivers messages."""
    if settings.mail.url == "console:" and not sys.stdout.isatty():
        _log.warning(
            "messages, with the links in them, are written to standard output: set mail.url to a "
            "mail server, so that a reader of the log cannot use the links"
        )


def setup_command(settings: Settings, public_url: str) -> str:
    """The command that makes a setup link which leads to `public_url`, in this working folder."""
    named = settings.public_url  # by the settings that the command reads, or the default
    return (
        "ostiary setup-link"
        if named == public_url
        else f"OSTIARY_PUBLIC_URL={public_url} ostiary setup-link"
    )
