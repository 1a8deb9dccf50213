"""A thread pool for an event loop."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from app.store.thread_pool import ThreadPool


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    made = ThreadPool(1, "test")
    yield made
    made.close()


async def test_results_and_exceptions_reach_the_caller(pool: ThreadPool) -> None:
    assert await pool.run(str.upper, "hi") == "HI"
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda n: n // 0, 1)
    assert await pool.run(str.upper, "ho") == "HO"


async def test_one_thread_keeps_the_order(pool: ThreadPool) -> None:
    done: list[int] = []

    await asyncio.gather(*(pool.run(done.append, n) for n in range(100)))

    assert done == list(range(100))


async def test_threads_run_concurrently() -> None:
    pool = ThreadPool(2, "test")
    meeting = threading.Barrier(2, timeout=10)

    await asyncio.gather(
        pool.run(lambda _: meeting.wait(), 1), pool.run(lambda _: meeting.wait(), 2)
    )

    pool.close()


@pytest.mark.parametrize("succeeds", [True, False])
async def test_a_cancelled_call_is_still_carried_out(pool: ThreadPool, succeeds: bool) -> None:
    release, done = threading.Event(), []

    def work(number: int) -> None:
        release.wait(10)
        done.append(number)
        assert succeeds

    waiting = asyncio.create_task(pool.run(work, 1))
    await asyncio.sleep(0)
    waiting.cancel()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await pool.run(done.append, 2)

    assert done == [1, 2]


def test_a_call_outlives_its_event_loop(pool: ThreadPool) -> None:
    release, done = threading.Event(), threading.Event()

    def work(_: None) -> None:
        release.wait(10)
        done.set()

    async def ask() -> None:
        asking = asyncio.create_task(pool.run(work, None))
        await asyncio.sleep(0)
        asking.cancel()

    asyncio.run(ask())
    release.set()

    assert done.wait(10)
    assert asyncio.run(pool.run(str.upper, "hi")) == "HI"


async def test_a_call_that_does_not_start_in_time_never_does(pool: ThreadPool) -> None:
    go_on = threading.Event()
    done: list[str] = []
    running = asyncio.create_task(pool.run(lambda _: go_on.wait(10), 1, start_within=0.01))
    waiting = asyncio.create_task(pool.run(done.append, "late", start_within=0.01))

    with pytest.raises(TimeoutError):
        await waiting
    go_on.set()

    assert await running, "one that has started is waited for"
    await pool.run(done.append, "next", start_within=10)
    assert done == ["next"]


def test_each_thread_ends_with_a_call_of_its_own() -> None:
    ended: list[str] = []
    pool = ThreadPool(2, "test", lambda: ended.append(threading.current_thread().name))

    pool.close()

    assert sorted(ended) == ["test-0", "test-1"]


async def test_an_abandoned_pool_closes_without_waiting_for_its_threads() -> None:
    pool, release = ThreadPool(1, "test"), threading.Event()
    waiting = asyncio.create_task(pool.run(lambda _: release.wait(10), None))
    await asyncio.sleep(0)

    pool.abandon()
    pool.close()

    assert not waiting.done()
    release.set()
    assert await waiting
