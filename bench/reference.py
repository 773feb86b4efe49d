"""What the product is measured against: a constant answer, and a constant answer behind a hash."""

import sys

import uvicorn
from starlette.types import Receive, Scope, Send

from ostiary.kernel.hashing import PasswordHasher
from ostiary.settings import Settings

_BODY = b'{"status":"ok"}'
_PASSWORD = "correct horse battery"


class Reference:
    """`/constant` answers at once, `/hash` after one password check in the product's own pool."""

    def __init__(self) -> None:
        hashing = Settings().hashing
        self._hasher = PasswordHasher(
            memory_kib=hashing.memory_kib,
            iterations=hashing.iterations,
            threads=hashing.threads,
            max_wait=30,
        )
        self._encoded: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the request, do the work, answer the constant."""
        while (await receive()).get("more_body"):
            pass
        if scope["path"] == "/hash":
            self._encoded = self._encoded or await self._hasher.hash(_PASSWORD)
            await self._hasher.verify(self._encoded, _PASSWORD)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"15")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": _BODY})


if __name__ == "__main__":
    uvicorn.run(
        Reference(),
        port=int(sys.argv[1]),
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        ws="none",
    )
