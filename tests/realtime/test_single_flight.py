"""Equal requests share one call."""

import asyncio

import pytest

from app.realtime.single_flight import SingleFlight
from tests.harness.patience import turns


class GatedCalls:
    """Calls that wait for the gate; the number of those that started."""

    def __init__(self) -> None:
        self.started = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> int:
        self.started += 1
        number = self.started
        await self.gate.wait()
        return number


async def test_equal_keys_share_a_call_and_others_do_not() -> None:
    calls = GatedCalls()
    flights: SingleFlight[int] = SingleFlight(10)
    waiting = [asyncio.create_task(flights.do(key, calls)) for key in "aab"]
    await turns()

    calls.gate.set()

    assert await asyncio.gather(*waiting) == [1, 1, 2]


async def test_a_call_that_is_done_is_not_reused() -> None:
    calls = GatedCalls()
    calls.gate.set()
    flights: SingleFlight[int] = SingleFlight(10)

    assert [await flights.do("a", calls) for _ in range(2)] == [1, 2]


async def test_cancelling_one_caller_leaves_the_call_to_the_others() -> None:
    calls = GatedCalls()
    flights: SingleFlight[int] = SingleFlight(10)
    first, second = [asyncio.create_task(flights.do("a", calls)) for _ in range(2)]
    await turns()

    first.cancel()
    calls.gate.set()

    assert await second == 1
    assert first.cancelled()


async def test_an_error_reaches_every_caller_and_is_forgotten() -> None:
    flights: SingleFlight[int] = SingleFlight(10)

    async def fail() -> int:
        raise ZeroDivisionError

    failed = await asyncio.gather(
        *(flights.do("a", fail) for _ in range(2)), return_exceptions=True
    )

    assert [type(error) for error in failed] == [ZeroDivisionError] * 2
    with pytest.raises(ZeroDivisionError):
        await flights.do("a", fail)


async def test_only_so_many_calls_run_at_once() -> None:
    calls = GatedCalls()
    flights: SingleFlight[int] = SingleFlight(2)
    waiting = [asyncio.create_task(flights.do(key, calls)) for key in range(5)]
    await turns()

    assert calls.started == 2
    calls.gate.set()
    await asyncio.gather(*waiting)
    assert calls.started == 5
