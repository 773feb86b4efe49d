"""Messages per second through the outbox, on SQLite and PostgreSQL: into nothing, and by SMTP.

Each figure is the median of BENCH_ROUNDS (3) runs of BENCH_MESSAGES (500) messages: leased, made
from their templates, handed over, deleted. Environment: BENCH_DATABASE_URL, as in run.py.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiosmtpd.controller import Controller
from run import _recreate

from ostiary.installation.making import migrate, prepare
from ostiary.kernel.mail import Mailer, Message, open_mailer
from ostiary.mail.actions import enqueue
from ostiary.mail.delivery import Delivered, deliver
from ostiary.mail.messages import Kind, Letter
from ostiary.runtime import open_runtime
from ostiary.settings import Settings

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
MESSAGES = int(os.environ.get("BENCH_MESSAGES", "500"))
PORT = 8395


class Nowhere:
    """Takes every message at once."""

    async def send(self, message: Message) -> None:
        """Take it."""

    async def close(self) -> None:
        """Nothing is open."""


class Taking:
    """The handler of a mail server that takes everything."""

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802 -- aiosmtpd's name
        """Take the content."""
        return "250 OK"


async def rate(url: str, mailer: Mailer) -> float:
    """Messages per second through one outbox."""
    settings = Settings(database_url=url, secret_keys=(b64encode(bytes(32)).decode(),))
    async with open_runtime(settings, mailer=mailer) as rt:
        values: dict[str, str | int] = {"link": "https://id.example/verify?token=x", "hours": 24}
        async with rt.db.write() as tx:
            for number in range(MESSAGES):
                address = f"user{number}@example.com"
                letter = Letter(Kind.VERIFY_EMAIL, address, None, None, values)
                await enqueue(tx, rt, rt.clock.now(), letter)
        started = time.perf_counter()
        outcome = await deliver(rt)
        assert outcome == Delivered(MESSAGES), outcome
        return MESSAGES / (time.perf_counter() - started)


@asynccontextmanager
async def database(kind: str) -> AsyncIterator[str]:
    """An empty, migrated database."""
    if kind == "PostgreSQL":
        url = await _recreate("ostiary_bench_outbox")
        await migrate(Settings.model_validate({"database_url": url}))
        yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        await prepare(Settings.model_validate({"database_url": url}))
        yield url


async def measure() -> dict[str, list[float]]:
    """Every figure of every round."""
    table: dict[str, list[float]] = {}
    for number in range(ROUNDS):
        print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
        for kind in ("SQLite", "PostgreSQL"):
            async with database(kind) as url:
                table.setdefault(f"{kind}: into nothing", []).append(await rate(url, Nowhere()))
                smtp = open_mailer(f"smtp://127.0.0.1:{PORT}?tls=never", sender="id@id.example")
                table.setdefault(f"{kind}: by SMTP", []).append(await rate(url, smtp))
    return table


def main() -> None:
    """Run the rounds and print the table."""
    controller = Controller(Taking(), hostname="127.0.0.1", port=PORT)
    controller.start()
    try:
        table = asyncio.run(measure())
    finally:
        controller.stop()
    print("| messages per second | median | least | most |\n|---|---|---|---|")
    for name, values in table.items():
        figures = f"{statistics.median(values):,.0f} | {min(values):,.0f} | {max(values):,.0f}"
        print(f"| {name} | {figures} |")


if __name__ == "__main__":
    main()
