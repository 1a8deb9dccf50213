"""Many deadlines on one timer of the loop."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from app.transport.shared_timer import SharedTimer

pytestmark = pytest.mark.anyio


class Loop:
    """A loop whose time passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.alarms: dict[object, tuple[float, Callable[[], None]]] = {}
        self.failures: list[Any] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Any:
        class Handle:
            def cancel(handle) -> None:
                self.alarms.pop(handle, None)

        handle = Handle()
        self.alarms[handle] = (when, callback)
        return handle

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failures.append(context["exception"])

    def pass_time(self, seconds: float) -> int:
        """How many turns it took."""
        self.now += seconds
        turns = 0
        while due := [h for h, (when, _) in self.alarms.items() if when <= self.now]:
            turns += 1
            for handle in due:
                _, callback = self.alarms.pop(handle)
                callback()
        return turns


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def timer(loop: Loop) -> SharedTimer:
    return SharedTimer(loop)  # type: ignore[arg-type]


def test_deadlines_are_met_in_their_order(loop: Loop, timer: SharedTimer) -> None:
    met: list[str] = []
    timer.call_later(20, lambda: met.append("late"))
    timer.call_later(10, lambda: met.append("early"))
    timer.call_at(1015, lambda: met.append("between"))

    assert len(loop.alarms) == 1
    loop.pass_time(9.5)
    assert met == []
    loop.pass_time(1)
    assert met == ["early"]
    loop.pass_time(30)
    assert met == ["early", "between", "late"]
    assert loop.alarms == {}


def test_a_cancelled_deadline_is_not_met(loop: Loop, timer: SharedTimer) -> None:
    met: list[int] = []
    deadlines = [timer.call_later(n, lambda n=n: met.append(n)) for n in range(1, 5)]

    deadlines[0].cancel()
    deadlines[2].cancel()
    deadlines[2].cancel()
    loop.pass_time(10)
    deadlines[3].cancel()

    assert met == [2, 4]
    assert loop.alarms == {}


def test_a_callback_may_plan_the_next(loop: Loop, timer: SharedTimer) -> None:
    met: list[float] = []

    def again() -> None:
        met.append(loop.now)
        timer.call_later(10, again)

    timer.call_later(10, again)
    for _ in range(3):
        loop.pass_time(10)

    assert met == [1010, 1020, 1030]


def test_a_failure_leaves_the_others_alone(loop: Loop, timer: SharedTimer) -> None:
    met: list[int] = []
    timer.call_later(1, lambda: met.append(1 // 0))
    timer.call_later(2, lambda: met.append(2))

    loop.pass_time(5)

    assert met == [2]
    assert [type(failure) for failure in loop.failures] == [ZeroDivisionError]


def test_a_crowd_is_called_over_several_turns(loop: Loop, timer: SharedTimer) -> None:
    met: list[int] = []
    for n in range(450):
        timer.call_later(25, lambda n=n: met.append(n))

    assert loop.pass_time(25) == 5
    assert sorted(met) == list(range(450))


def test_cancelled_deadlines_do_not_pile_up(loop: Loop, timer: SharedTimer) -> None:
    met: list[str] = []
    timer.call_later(900, lambda: met.append("kept"))
    for _ in range(10_000):
        timer.call_later(900, lambda: met.append("cancelled")).cancel()

    assert len(timer._waiting) < 300
    loop.pass_time(1000)
    assert met == ["kept"]


def test_nothing_is_kept_of_what_was_cancelled(timer: SharedTimer) -> None:
    class Peer:
        def on_deadline(self) -> None: ...

    peer = Peer()
    gone = weakref.ref(peer)
    timer.call_later(900, peer.on_deadline).cancel()
    del peer
    gc.collect()

    assert gone() is None


async def test_it_runs_on_a_real_loop() -> None:
    met = asyncio.Event()
    timer = SharedTimer(asyncio.get_running_loop())
    timer.call_later(900, lambda: None)
    timer.call_later(0.001, met.set)

    async with asyncio.timeout(30):
        await met.wait()
