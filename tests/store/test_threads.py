"""Functions carried out in threads, for an event loop."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from app.store.threads import Threads


@pytest.fixture
def one() -> Iterator[Threads]:
    threads = Threads(1, "test")
    yield threads
    threads.close()


async def test_what_is_returned_and_what_is_raised_arrives(one: Threads) -> None:
    assert await one.run(str.upper, "hi") == "HI"
    with pytest.raises(ZeroDivisionError):
        await one.run(lambda n: n // 0, 1)
    assert await one.run(str.upper, "ho") == "HO"


async def test_one_thread_keeps_the_order(one: Threads) -> None:
    done: list[int] = []

    await asyncio.gather(*(one.run(done.append, n) for n in range(100)))

    assert done == list(range(100))


async def test_several_threads_work_at_the_same_time() -> None:
    two = Threads(2, "test")
    meeting = threading.Barrier(2, timeout=10)

    await asyncio.gather(
        two.run(lambda _: meeting.wait(), 1), two.run(lambda _: meeting.wait(), 2)
    )

    two.close()


@pytest.mark.parametrize("ends_well", [True, False])
async def test_what_nobody_waits_for_is_carried_out_unseen(one: Threads, ends_well: bool) -> None:
    remove_memberships, done = threading.Event(), []

    def work(number: int) -> None:
        remove_memberships.wait(10)
        done.append(number)
        assert ends_well

    waiting = asyncio.create_task(one.run(work, 1))
    await asyncio.sleep(0)
    waiting.cancel()
    remove_memberships.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await one.run(done.append, 2)

    assert done == [1, 2]


def test_work_outlives_its_loop(one: Threads) -> None:
    remove_memberships, done = threading.Event(), threading.Event()

    def work(_: None) -> None:
        remove_memberships.wait(10)
        done.set()

    async def ask() -> None:
        asking = asyncio.create_task(one.run(work, None))
        await asyncio.sleep(0)
        asking.cancel()

    asyncio.run(ask())
    remove_memberships.set()

    assert done.wait(10)
    assert asyncio.run(one.run(str.upper, "hi")) == "HI"
