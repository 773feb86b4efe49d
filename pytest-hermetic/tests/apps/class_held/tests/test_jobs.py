"""Jobs, in one loop for the whole session."""

import asyncio

import pytest

from jobs.queue import Queue, queue
from jobs.worker import work


async def test_a_job_is_done():
    number = await queue.put("add", left=2, right=3)
    assert await queue.result(number) is None
    assert await work() == 1
    assert await queue.result(number) == 5


async def test_jobs_are_taken_in_order():
    numbers = [await queue.put("add", left=n, right=0) for n in range(5)]
    assert [(await queue.take())["id"] for _ in range(5)] == numbers


@pytest.mark.parametrize("_round", range(3))
async def test_nothing_of_another_test_waits(_round):
    assert await queue.take() is None
    await queue.put("add", left=1, right=1)


async def test_a_worker_waits_for_a_job():
    taken = asyncio.create_task(queue.take(timeout=60))
    await asyncio.sleep(0.01)
    assert not taken.done()
    number = await queue.put("add", left=1, right=1)
    assert (await asyncio.wait_for(taken, 30))["id"] == number


async def test_four_workers_do_each_job_once():
    numbers = [await queue.put("add", left=n, right=n) for n in range(40)]
    assert sum(await asyncio.gather(*(work() for _ in range(4)))) == 40
    assert [await queue.result(number) for number in numbers] == [2 * n for n in range(40)]


async def test_more_workers_than_connections_wait_their_turn():
    await asyncio.gather(*(queue.put("add", left=n, right=n) for n in range(50)))
    assert await work() == 50


async def test_a_large_result_arrives_whole():
    number = await queue.put("repeat", text="abc", times=1_000_000)
    await work()
    assert await queue.result(number) == "abc" * 1_000_000


async def test_the_job_of_a_dead_worker_is_done_by_another(hermetic):
    number = await queue.put("add", left=2, right=2)
    await queue.take()
    hermetic.clock.advance(seconds=40)
    assert await queue.rescue() == 0
    hermetic.clock.advance(seconds=21)
    assert await queue.rescue() == 1
    assert await work() == 1
    assert await queue.result(number) == 4


async def test_two_rescuers_do_not_rescue_twice(hermetic):
    await queue.put("add", left=2, right=2)
    await queue.take()
    hermetic.clock.advance(seconds=61)
    assert sorted(await asyncio.gather(queue.rescue(), queue.rescue())) == [0, 1]


async def test_a_result_is_kept_for_an_hour(hermetic):
    number = await queue.put("add", left=2, right=2)
    await work()
    hermetic.clock.advance(minutes=59)
    assert await queue.result(number) == 4
    hermetic.clock.advance(minutes=2)
    assert await queue.result(number) is None


def test_there_is_one_queue():
    assert Queue() is queue


def test_a_sync_test_may_run_a_loop_of_its_own():
    async def scenario():
        await queue.put("add", left=1, right=2)
        return await work()

    assert asyncio.run(scenario()) == 1
