"""TOTP: a secret is sealed and binds by its first code; a step counts once, ever."""

import asyncio
from base64 import b32decode
from collections.abc import Callable
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from clock import OwnedClock
from factories import a_user, everything_stored
from sqlalchemy import select, update

from authenticators.qr import decoded
from ostiary.authenticators import totp
from ostiary.authenticators.proofs import Proof
from ostiary.authenticators.tables import Authenticator
from ostiary.kernel.vault import SealBroken
from ostiary.runtime import Runtime

Act = Callable[..., object]


async def _set_up(rt: Runtime, user_id: str) -> bytes:
    async with rt.db.write() as tx:
        return await totp.set_up(tx, rt, rt.clock.now(), user_id=user_id)


async def _confirm(rt: Runtime, user_id: str, code: str) -> Proof | None:
    async with rt.db.write() as tx:
        return await totp.confirm(tx, rt, rt.clock.now(), user_id=user_id, code=code)


async def _use(rt: Runtime, user_id: str, code: str) -> Proof | None:
    async with rt.db.write() as tx:
        return await totp.use(tx, rt, rt.clock.now(), user_id=user_id, code=code)


def _code(rt: Runtime, secret: bytes, *, drift: int = 0) -> str:
    return totp.hotp(secret, totp.step_at(rt.clock.now()) + drift)


async def _bound(rt: Runtime, clock: OwnedClock) -> tuple[str, bytes]:
    """A user with a confirmed secret, and two minutes gone by since."""
    user = await a_user(rt)
    secret = await _set_up(rt, user.id)
    assert await _confirm(rt, user.id, _code(rt, secret)) == Proof("totp")
    clock.advance(minutes=2)
    return user.id, secret


async def test_a_secret_has_160_random_bits_and_is_stored_sealed(rt: Runtime) -> None:
    users = [await a_user(rt) for _ in range(5)]
    secrets = [await _set_up(rt, user.id) for user in users]
    assert {len(secret) for secret in secrets} == {20}
    assert len(set(secrets)) == 5
    stored = await everything_stored(rt)
    for secret in secrets:
        assert repr(secret)[2:-1] not in stored
        assert secret.hex() not in stored
        assert totp.spelled(secret) not in stored


async def test_a_secret_proves_nothing_until_its_first_code_confirms_it(rt: Runtime) -> None:
    user = await a_user(rt)
    secret = await _set_up(rt, user.id)
    assert await _use(rt, user.id, _code(rt, secret)) is None
    assert await _confirm(rt, user.id, "000000") is None
    assert await _use(rt, user.id, _code(rt, secret)) is None
    assert await _confirm(rt, user.id, _code(rt, secret)) == Proof("totp")
    assert await _use(rt, user.id, _code(rt, secret, drift=1)) == Proof("totp")


async def test_the_code_that_confirmed_is_used_up(rt: Runtime) -> None:
    user = await a_user(rt)
    secret = await _set_up(rt, user.id)
    code = _code(rt, secret)
    assert await _confirm(rt, user.id, code)
    assert await _use(rt, user.id, code) is None
    assert await _confirm(rt, user.id, _code(rt, secret, drift=1)) is None


async def test_a_step_counts_once_and_no_older_one_after_it(rt: Runtime, clock: OwnedClock) -> None:
    user_id, secret = await _bound(rt, clock)
    now, before, after = (_code(rt, secret, drift=drift) for drift in (0, -1, 1))
    assert await _use(rt, user_id, now)
    assert await _use(rt, user_id, now) is None
    assert await _use(rt, user_id, before) is None
    assert await _use(rt, user_id, after)
    assert await _use(rt, user_id, now) is None
    clock.advance(seconds=30)
    assert await _use(rt, user_id, after) is None


async def test_a_step_is_still_used_up_when_the_clock_goes_back(
    rt: Runtime, clock: OwnedClock
) -> None:
    user_id, secret = await _bound(rt, clock)
    code = _code(rt, secret)
    assert await _use(rt, user_id, code)
    clock.advance(hours=-1)
    assert await _use(rt, user_id, _code(rt, secret)) is None
    clock.advance(hours=1)
    assert await _use(rt, user_id, code) is None


async def test_one_step_of_drift_is_forgiven_either_way(rt: Runtime, clock: OwnedClock) -> None:
    user_id, secret = await _bound(rt, clock)
    for drift, is_accepted in ((-2, False), (2, False), (-1, True), (1, True)):
        assert bool(await _use(rt, user_id, _code(rt, secret, drift=drift))) is is_accepted, drift


async def test_of_twenty_parallel_uses_of_one_code_one_succeeds(
    rt: Runtime, clock: OwnedClock
) -> None:
    user_id, secret = await _bound(rt, clock)
    for _ in range(5):
        code = _code(rt, secret)
        proofs = await asyncio.gather(*(_use(rt, user_id, code) for _ in range(20)))
        assert [one for one in proofs if one] == [Proof("totp")]
        clock.advance(seconds=30)


async def test_a_code_of_somebody_else_proves_nothing(rt: Runtime, clock: OwnedClock) -> None:
    _, secret = await _bound(rt, clock)
    other_id, _ = await _bound(rt, clock)
    assert await _use(rt, other_id, _code(rt, secret)) is None
    assert await _use(rt, (await a_user(rt)).id, _code(rt, secret)) is None


async def test_a_secret_set_up_anew_replaces_one_that_was_never_confirmed(rt: Runtime) -> None:
    user = await a_user(rt)
    first, second = await _set_up(rt, user.id), await _set_up(rt, user.id)
    assert await _confirm(rt, user.id, _code(rt, first)) is None
    assert await _confirm(rt, user.id, _code(rt, second))


async def test_a_confirmed_secret_is_not_replaced(rt: Runtime, clock: OwnedClock) -> None:
    user_id, secret = await _bound(rt, clock)
    with pytest.raises(totp.TotpAlreadyBound):
        await _set_up(rt, user_id)
    assert await _use(rt, user_id, _code(rt, secret))


async def test_of_parallel_set_ups_one_secret_is_left_and_it_works(rt: Runtime) -> None:
    user = await a_user(rt)
    outcomes = await asyncio.gather(
        *(_set_up(rt, user.id) for _ in range(8)), return_exceptions=True
    )
    assert all(isinstance(one, bytes | totp.TotpAlreadyBound) for one in outcomes)
    confirmed = [
        one
        for one in outcomes
        if isinstance(one, bytes) and await _confirm(rt, user.id, _code(rt, one))
    ]
    assert len(confirmed) == 1


async def test_a_sealed_secret_opens_at_no_other_users(rt: Runtime, clock: OwnedClock) -> None:
    victim_id, _ = await _bound(rt, clock)
    attacker_id, secret = await _bound(rt, clock)
    theirs = select(Authenticator.secret).where(
        Authenticator.user_id == attacker_id, Authenticator.kind == "totp"
    )
    async with rt.db.write() as tx:
        # What somebody with access to the database alone could try.
        await tx.execute(
            update(Authenticator)
            .where(Authenticator.user_id == victim_id, Authenticator.kind == "totp")
            .values(secret=theirs.scalar_subquery())
        )
    with pytest.raises(SealBroken):
        await _use(rt, victim_id, _code(rt, secret))


@pytest.mark.parametrize(
    ("account", "issuer"),
    [("alice@example.com", "Ostiary"), ("Ä ö:@bücher.example", "Big & Co: 100 %/?#")],
)
def test_the_qr_code_holds_the_uri_that_apps_read(account: str, issuer: str) -> None:
    secret = bytes(range(20))
    uri = totp.provisioning_uri(secret, account=account, issuer=issuer)
    read = decoded(totp.qr_code(uri))
    assert read == uri
    parts = urlsplit(read)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert tuple(map(unquote, parts.path.lstrip("/").split(":"))) == (issuer, account)
    query = {name: value for name, [value] in parse_qs(parts.query).items()}
    assert b32decode(query.pop("secret")) == secret
    assert query == {"issuer": issuer, "algorithm": "SHA1", "digits": "6", "period": "30"}
