"""The event log is read newest first, a page at a time, and by exact times."""

from datetime import UTC, datetime, timedelta
from typing import Any

from clock import OwnedClock
from factories import a_user

from ostiary.events.actions import Happened, emit
from ostiary.events.catalogue import EventType
from ostiary.events.reading import Filter, Logged, listed
from ostiary.kernel.origin import LOCAL
from ostiary.runtime import Runtime

KEY, USER = EventType.KEY_ADDED, EventType.USER_UPDATED


async def _write(rt: Runtime, clock: OwnedClock, *happened: Happened) -> None:
    """Each a second after the one before."""
    for one in happened:
        clock.advance(seconds=1)
        async with rt.db.write() as tx:
            await emit(tx, clock.now(), LOCAL, one)


async def _subjects(rt: Runtime, **which: Any) -> str:
    found = await listed(rt, Filter(**which), limit=100)
    return "".join(one.subject or "-" for one in found)


async def test_events_come_newest_first_and_page_by_page(rt: Runtime, clock: OwnedClock) -> None:
    await _write(rt, clock, *(Happened(KEY, subject=name) for name in "abcdefg"))
    seen: list[Logged] = []
    while page := await listed(rt, cursor=seen[-1].id if seen else None, limit=3):
        assert len(page) <= 3
        seen += page
    assert "".join(one.subject or "" for one in seen) == "gfedcba"
    assert [one.at for one in seen] == sorted((one.at for one in seen), reverse=True)


async def test_an_event_is_told_whole(rt: Runtime, clock: OwnedClock) -> None:
    user = await a_user(rt)
    [created] = await listed(rt, limit=9)
    assert (created.type, created.subject, created.actor) == ("user.created", user.id, None)
    assert created.at == clock.now()
    assert created.data == {"role": "user"}
    assert (created.ip_address, created.request_id) == ("198.51.100.1", "req_test")


async def test_events_of_one_type_subject_and_actor(rt: Runtime, clock: OwnedClock) -> None:
    await _write(
        rt,
        clock,
        Happened(KEY, subject="a", actor="x"),
        Happened(USER, subject="a", actor="y"),
        Happened(USER, subject="b", actor="x"),
    )
    assert await _subjects(rt) == "baa"
    assert await _subjects(rt, type=USER) == "ba"
    assert await _subjects(rt, subject="a") == "aa"
    assert await _subjects(rt, actor="x") == "ba"
    assert await _subjects(rt, type=USER, subject="a", actor="y") == "a"
    assert await _subjects(rt, type=KEY, actor="y") == ""


async def test_after_and_before_are_exact_within_a_millisecond(
    rt: Runtime, clock: OwnedClock
) -> None:
    clock.advance(microseconds=400)
    for name in "abc":
        clock.advance(microseconds=100)
        async with rt.db.write() as tx:
            await emit(tx, clock.now(), LOCAL, Happened(KEY, subject=name))
    at = clock.now() - timedelta(microseconds=100)
    assert await _subjects(rt, after=at) == "c"
    assert await _subjects(rt, before=at) == "a"
    assert await _subjects(rt, after=at - timedelta(seconds=1), before=at) == "a"
    assert await _subjects(rt, after=at, before=at) == ""
    early, late = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert sorted(await _subjects(rt, after=early, before=late)) == ["a", "b", "c"]
    assert await _subjects(rt, after=late) == ""
    assert await _subjects(rt, before=early) == ""
