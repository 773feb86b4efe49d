"""One `advance` moves everything a service measures time by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pytest_hermetic.clock import Clock

pytest_plugins = ["pytester"]


@pytest.fixture
def clock():
    made = Clock(None)
    made.begin()
    yield made
    made.end()


def test_it_is_the_real_time_until_moved(clock: Clock) -> None:
    assert not clock.is_moved
    clock.advance(minutes=15, seconds=1)
    assert clock.is_moved
    clock.end()
    assert clock.at == clock.by == ""
    assert not clock.is_moved


@pytest.mark.parametrize(
    ("arguments", "words", "seconds"),
    [
        ((90,), {}, 90),
        ((timedelta(minutes=2),), {"seconds": 1}, 121),
        ((), {"weeks": 1, "days": 1, "hours": 1, "minutes": 1, "seconds": 0.5}, 694_860.5),
    ],
)
def test_advance_takes_a_span_in_every_form(clock: Clock, arguments, words, seconds) -> None:
    clock.freeze("2030-01-01")
    clock.advance(*arguments, **words)
    assert clock.now() == datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "moment",
    [
        "2030-05-01T12:00:00+02:00",
        datetime(2030, 5, 1, 10, tzinfo=UTC),
        1_903_860_000,
        "2030-05-01T10:00",
    ],
)
def test_travel_takes_a_moment_in_every_form(clock: Clock, moment) -> None:
    clock.travel(moment)
    late = clock.now() - datetime(2030, 5, 1, 10, tzinfo=UTC)
    assert timedelta(0) <= late < timedelta(seconds=5)


def test_it_goes_back_only_when_asked(clock: Clock) -> None:
    with pytest.raises(ValueError, match="forwards"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="backwards=True"):
        clock.travel("2020-01-01")
    with pytest.raises(ValueError, match="backwards=True"):
        clock.freeze("2020-01-01")
    assert not clock.is_moved
    clock.travel("2020-01-01", backwards=True)
    assert clock.now().year == 2020


def test_frozen_it_stands_until_moved_or_let_run(clock: Clock) -> None:
    clock.freeze()
    then = clock.now()
    assert clock.now() == then
    clock.advance(1)
    assert clock.now() == then + timedelta(seconds=1)
    clock.tick()
    moments = {clock.now() for _ in range(1000)}
    assert len(moments) > 1


def test_monotonic_moves_along_and_never_jumps_at_the_start(clock: Clock) -> None:
    before = clock.monotonic()
    clock.advance(60)
    assert 60 <= clock.monotonic() - before < 600  # it ticks
    clock.freeze()
    assert clock.monotonic() == clock.monotonic()


def test_one_advance_moves_all_five(suite) -> None:
    """TTL, JWT expiry, SQL default, limiter window, TOTP window: in a millisecond or less."""
    suite(
        """
        import datetime as dt, time
        import jwt, pyotp, pytest, redis, sqlalchemy as sa
        from limits import RateLimitItemPerMinute
        from limits.storage import MemoryStorage
        from limits.strategies import FixedWindowRateLimiter

        cache = redis.Redis()
        engine = sa.create_engine("sqlite://")
        metadata = sa.MetaData()
        noted = sa.Table("noted", metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("a", sa.DateTime, server_default=sa.func.now()),
            sa.Column("b", sa.DateTime, server_default=sa.text("(datetime('now', '+1 day'))")))
        limiter, limit = FixedWindowRateLimiter(MemoryStorage()), RateLimitItemPerMinute(2)
        totp = pyotp.TOTP(pyotp.random_base32())
        took = []

        @pytest.mark.parametrize("i", range(10))
        def test_it(i, hermetic):
            cache.set("k", "v", ex=60)
            token = jwt.encode({"exp": hermetic.clock.now() + dt.timedelta(minutes=1)}, "k" * 32)
            code = totp.now()
            assert limiter.hit(limit, "a") and limiter.hit(limit, "a")
            assert not limiter.hit(limit, "a")
            assert cache.get("k") and jwt.decode(token, "k" * 32, ["HS256"])
            assert totp.verify(code, valid_window=1)
            with engine.begin() as connection:
                metadata.create_all(connection)
                connection.execute(noted.insert())

            started = time.thread_time()
            hermetic.clock.advance(minutes=2)
            took.append(time.thread_time() - started)

            assert cache.get("k") is None
            with pytest.raises(jwt.ExpiredSignatureError):
                jwt.decode(token, "k" * 32, ["HS256"])
            assert not totp.verify(code, valid_window=1)
            assert limiter.hit(limit, "a")
            with engine.begin() as connection:
                connection.execute(noted.insert())
                first, second = connection.execute(sa.select(noted.c.a)).scalars()
                ahead = connection.execute(sa.select(noted.c.b - noted.c.a)).scalars()
                kept = connection.execute(sa.select(noted)).all()[-1]
            assert dt.timedelta(seconds=119) <= second - first <= dt.timedelta(seconds=150)
            assert abs(kept.b - kept.a - dt.timedelta(days=1)) <= dt.timedelta(seconds=30)
            assert abs(second - hermetic.clock.now().replace(tzinfo=None)).total_seconds() < 30

        def test_it_takes_no_time():
            assert sorted(took)[len(took) // 2] <= 0.001
        """,
        args=("-p", "no:randomly"),
    ).assert_outcomes(passed=11)


def test_each_test_begins_at_the_configured_moment(suite) -> None:
    suite(
        """
        import time, datetime as dt, pytest

        @pytest.mark.parametrize("i", range(2))
        def test_configured(i, hermetic):
            assert hermetic.clock.now().year == 2031
            hermetic.clock.advance(days=400)
            assert dt.date.today().year == 2032

        @pytest.fixture
        def seen_by_a_fixture(): return time.gmtime().tm_year

        @pytest.mark.hermetic(clock="2040-01-01T00:00:00Z")
        def test_marked(seen_by_a_fixture):
            assert time.gmtime().tm_year == seen_by_a_fixture == 2040

        @pytest.mark.hermetic_off("clock")
        def test_off(hermetic):
            assert time.gmtime().tm_year < 2031
            with pytest.raises(pytest.UsageError): hermetic.clock.advance(1)

        async def test_waits_go_on(hermetic):
            import asyncio
            hermetic.clock.freeze()
            await asyncio.wait_for(asyncio.sleep(0.01), 60)
        """,
        "hermetic_clock = 2031-06-01T00:00:00Z",
    ).assert_outcomes(passed=5)
