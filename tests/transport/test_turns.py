"""What takes turns."""

import asyncio
from functools import partial

from app.transport.turns import Turns
from tests.harness.patience import turns, until


async def test_what_has_room_is_run_at_once() -> None:
    done: list[int] = []
    queue = Turns(asyncio.get_running_loop(), 2, 0)

    assert queue.put("a", partial(done.append, 1))
    assert queue.put("a", partial(done.append, 2))
    assert not queue.put("a", partial(done.append, 3))
    assert done == [1, 2]
    await turns(1)
    assert done == [1, 2, 3]


async def test_keys_take_turns() -> None:
    done: list[str] = []
    queue = Turns(asyncio.get_running_loop(), 1, 0)

    for n in range(4):
        queue.put("many", partial(done.append, f"many {n}"))
    queue.put("one", partial(done.append, "one"))
    await turns(6)

    assert done == ["many 0", "many 1", "one", "many 2", "many 3"]


async def test_no_more_than_so_many_run_in_a_turn() -> None:
    done: list[int] = []
    queue = Turns(asyncio.get_running_loop(), 3, 0)
    for n in range(10):
        queue.put("a", partial(done.append, n))

    seen = [len(done)]
    while len(done) < 10:
        await turns(1)
        seen.append(len(done))

    assert all(after - before <= 3 for before, after in zip(seen, seen[1:], strict=False))
    assert done == list(range(10))


async def test_a_callback_that_fails_keeps_no_other_from_its_turn() -> None:
    done: list[int] = []
    failures: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context))
    queue = Turns(loop, 1, 0)

    def fail() -> None:
        raise ValueError

    for callback in (partial(done.append, 1), fail, partial(done.append, 2)):
        queue.put("a", callback)
    await until(lambda: done == [1, 2], "its turn")

    loop.set_exception_handler(None)
    assert len(failures) == 1


async def test_what_is_put_by_what_runs_waits_for_its_turn() -> None:
    done: list[int] = []
    queue = Turns(asyncio.get_running_loop(), 1, 0.001)

    def again() -> None:
        done.append(len(done))
        if len(done) < 5:
            queue.put("a", again)

    queue.put("a", again)
    assert done == [0]
    await until(lambda: len(done) == 5, "its turns")
