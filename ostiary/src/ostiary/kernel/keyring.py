"""Signing keys: published before they sign, kept until the last token they signed has expired.

Private halves are sealed in SQL. A process imports each once, and reads the store again every
minute, or when it meets a `kid` that it does not know (at most every ten seconds).
"""

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, LargeBinary, String, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from ostiary.kernel import jws
from ostiary.kernel.clock import Clock
from ostiary.kernel.database import Base, Connection, Database, UtcDateTime
from ostiary.kernel.vault import Vault

PUBLISH_AHEAD = timedelta(hours=24)
"""How long a key is published before it signs, so that verifiers have it when it does."""

_ALG = "ES256"
_REREAD = timedelta(seconds=60)
_REREAD_UNKNOWN = timedelta(seconds=10)
_REMEMBERED = 10_000


class InvalidToken(Exception):
    """The token is not one of ours, not of this kind, or expired. Says no more to its sender."""


class SigningKey(Base):
    """One key. `generation` counts up and is unique: two processes cannot both add the next."""

    __tablename__ = "signing_key"

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    generation: Mapped[int] = mapped_column(Integer, unique=True)
    alg: Mapped[str] = mapped_column(String(16))
    private_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    signs_from: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class LoadedKey:
    """A key in use: `signs_from` is when it takes over, `signs_until` when its successor does."""

    kid: str
    alg: str
    generation: int
    created_at: datetime
    signs_from: datetime
    signs_until: datetime | None
    published_until: datetime | None
    key: jws.Key

    def is_published(self, now: datetime) -> bool:
        """Whether a token signed by this key may still be, or come to be, alive."""
        return self.published_until is None or now < self.published_until

    def is_signing(self, now: datetime) -> bool:
        """Whether this is the key that signs at `now`."""
        return self.signs_from <= now and (self.signs_until is None or now < self.signs_until)


class Keyring:
    """Signs with the newest key whose time has come; verifies with all that are published."""

    def __init__(
        self, db: Database, vault: Vault, clock: Clock, *, longest_token: timedelta
    ) -> None:
        """Opens nothing: `load` does.

        `longest_token` is the longest life of a token that is signed here, and so how long a key
        stays published after its successor has taken over.
        """
        self._longest_token = longest_token
        self._document: tuple[list[str], bytes] = ([], b"")
        self._db = db
        self._vault = vault
        self._clock = clock
        self._keys: dict[str, LoadedKey] = {}
        self._loaded_at: datetime | None = None
        self._looked_at: datetime | None = None  # for a name that was not known
        self._turn = asyncio.Lock()
        self._verified: OrderedDict[bytes, dict[str, Any]] = OrderedDict()

    async def load(self) -> None:
        """Read the store; where it is empty, add a first key that signs at once."""
        await self._read()
        if self._keys:
            return
        try:
            async with self._db.write() as tx:
                await self._insert(tx, generation=1, signs_from=self._clock.now())
        except IntegrityError:
            pass  # another process was first: its key is the one to use
        await self._read()

    async def add(self, tx: Connection, *, signs_from: datetime) -> str:
        """Add a key that takes over at `signs_from`; return its `kid`.

        The caller emits the event. Raises `IntegrityError` where another process adds one now.
        """
        newest = await tx.scalar(
            select(SigningKey.generation).order_by(SigningKey.generation.desc()).limit(1)
        )
        return await self._insert(tx, generation=(newest or 0) + 1, signs_from=signs_from)

    async def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """A JWT of `claims`, of the type `typ` (RFC 9068 §2.1 for access tokens)."""
        keys = await self.keys()
        now = self._clock.now()
        signing = [key for key in keys if key.is_signing(now)]
        # Where the clock went back before the first key: the oldest is better than none.
        chosen = signing[0] if signing else min(keys, key=lambda key: key.generation)
        payload = json.dumps(claims, separators=(",", ":")).encode()
        return jws.sign(payload, chosen.key, alg=chosen.alg, typ=typ)

    async def verify(self, token: str, *, typ: str, issuer: str, audience: str) -> dict[str, Any]:
        """The claims of a live token of this kind, for this audience. Raises `InvalidToken`."""
        digest = hashlib.sha256(f"{typ}\0{token}".encode("utf-8", "surrogatepass")).digest()
        claims = self._verified.get(digest)
        if claims is None:
            claims = await self._check(token, typ)
            self._verified[digest] = claims
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        expires = claims.get("exp")
        # A remembered signature is remembered, its claims are checked every time.
        now = self._clock.now().timestamp()
        if not isinstance(expires, int) or now >= expires:
            raise InvalidToken
        # Ours carry none; one that does is refused before its time (RFC 7519 §4.1.5).
        begins = claims.get("nbf", now)
        if not isinstance(begins, int | float) or now < begins:
            raise InvalidToken
        if claims.get("iss") != issuer or claims.get("aud") != audience:
            raise InvalidToken
        return claims

    async def published(self) -> bytes:
        """The JWK Set (RFC 7517 §5): keys that sign, will sign, or signed what is still alive."""
        now = self._clock.now()
        keys = [key for key in await self.keys() if key.is_published(now)]
        kids = [key.kid for key in keys]
        if kids != self._document[0]:
            document = {"keys": [jws.export(key.key, alg=key.alg) for key in keys]}
            self._document = (kids, json.dumps(document).encode())
        return self._document[1]

    async def keys(self) -> list[LoadedKey]:
        """Every key that is not retired, newest first, as of a minute ago at most."""
        if self._is_due(self._loaded_at, _REREAD):
            async with self._turn:
                if self._is_due(self._loaded_at, _REREAD):
                    await self._read()
        return list(self._keys.values())

    async def _insert(self, tx: Connection, *, generation: int, signs_from: datetime) -> str:
        key = jws.generate()
        kid = str(key.kid)
        private = json.dumps(key.as_dict(private=True)).encode()
        await tx.execute(
            insert(SigningKey).values(
                kid=kid,
                generation=generation,
                alg=_ALG,
                private_sealed=self._vault.seal("signing_key", private, context=kid),
                created_at=self._clock.now(),
                signs_from=signs_from,
            )
        )
        self._loaded_at = None
        return kid

    def _is_due(self, last: datetime | None, every: timedelta) -> bool:
        # Either way: a clock that was set back must not stop the reading.
        return last is None or abs(self._clock.now() - last) >= every

    async def _check(self, token: str, typ: str) -> dict[str, Any]:
        try:
            header = jws.read(token).header
            found = await self._find(header.get("kid"))
            if found is None or header.get("typ") != typ:
                raise InvalidToken
            return jws.to_object(jws.verify(token, found.key, alg=found.alg).payload)
        except jws.InvalidSignature:
            raise InvalidToken from None

    async def _find(self, kid: object) -> LoadedKey | None:
        if not isinstance(kid, str):
            return None
        now = self._clock.now()
        if kid not in self._keys:
            # One at a time: a flood of made-up names waits for the one read that it causes.
            async with self._turn:
                if kid not in self._keys and self._is_due(self._looked_at, _REREAD_UNKNOWN):
                    self._looked_at = now
                    await self._read()
        found = self._keys.get(kid)
        return found if found is not None and found.is_published(now) else None

    async def _read(self) -> None:
        now = self._clock.now()
        async with self._db.read() as connection:
            rows = (
                await connection.execute(
                    select(SigningKey.__table__).order_by(SigningKey.generation.desc())
                )
            ).all()
        keys: dict[str, LoadedKey] = {}
        until: datetime | None = None
        for row in rows:
            published_until = until and until + self._longest_token
            if published_until is not None and published_until <= now:
                # Retired, and all older ones too: nobody needs them, so nobody needs the secret
                # that they are sealed under.
                break
            known = self._keys.get(row.kid)
            keys[row.kid] = LoadedKey(
                kid=row.kid,
                alg=row.alg,
                generation=row.generation,
                created_at=row.created_at,
                signs_from=row.signs_from,
                signs_until=until,
                published_until=published_until,
                # Importing a key costs far more than using it: once for each process.
                key=known.key if known else self._import(row.kid, row.private_sealed),
            )
            until = row.signs_from if until is None else min(until, row.signs_from)
        if keys.keys() != self._keys.keys():
            self._verified.clear()
        self._keys = keys
        self._loaded_at = now

    def _import(self, kid: str, sealed: bytes) -> jws.Key:
        private = self._vault.open("signing_key", sealed, context=kid)
        return jws.to_key(json.loads(private))
