"""How late the event loop calls what is due."""

import asyncio
import time

from app.observability.loop_lag import LoopLag, open_loop_lag
from tests.harness.patience import until


async def test_what_keeps_the_loop_busy_makes_its_timers_late() -> None:
    lag = LoopLag(probe_seconds=0.001)
    lag.start()
    until_time = time.monotonic() + 0.02

    while time.monotonic() < until_time:
        pass
    await until(lambda: lag.seconds.count > 0, "the timer")
    lag.stop()

    assert lag.seconds.sum > 0.015


async def test_nothing_is_measured_after_the_block() -> None:
    async with open_loop_lag() as lag:
        timer = lag._timer
        assert timer is not None

    assert timer.cancelled()
    assert asyncio.get_running_loop().time() < timer.when()
