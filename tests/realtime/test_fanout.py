"""Many sockets, a few at a time: in what order, and when somebody else comes first."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest

from app.domain.limits import FANOUT_SLICE
from app.realtime.fanout import Fanout
from app.realtime.outbox import Outbox
from app.wire.frames import text_frame
from tests.harness.patience import turns, until
from tests.realtime.people import RecordingTransport

ONE, TWO, THREE = (text_frame(text) for text in (b"one", b"two", b"three"))


class Crowd:
    """Outboxes, and what their peers hear."""

    def __init__(self, size: int) -> None:
        self.ears = [RecordingTransport() for _ in range(size)]
        self.outboxes = [Outbox(ear, 0, lambda: None) for ear in self.ears]

    @property
    def told(self) -> int:
        """How many have heard anything."""
        return sum(bool(ear.writes) for ear in self.ears)

    @property
    def writes(self) -> int:
        """How many writes that took."""
        return sum(len(ear.writes) for ear in self.ears)

    @property
    def heard(self) -> list[list[bytes]]:
        """What each has heard, without repeating who heard the same."""
        kinds = {tuple(ear.payloads) for ear in self.ears}
        return [list(kind) for kind in sorted(kinds)]


@pytest.fixture
def fanout() -> Fanout:
    """One with more patience than a slow machine needs; tests that end it make their own."""
    return Fanout(patience_seconds=3600.0)


async def test_everybody_is_told_the_same_bytes_a_few_in_each_turn(fanout: Fanout) -> None:
    crowd = Crowd(130)

    for _ in range(2):
        fanout.send(crowd.outboxes, ONE)
        told = []
        while crowd.writes < len(crowd.ears):
            told.append(crowd.writes)
            await turns(1)

        assert told == [0, 8, 24, 56, 88, 120], "more in each turn, from few on each time"
        assert all(ear.writes == [ONE] and ear.writes[0] is ONE for ear in crowd.ears)
        for ear in crowd.ears:
            ear.writes.clear()


async def test_slices_are_small_again_while_a_commit_is_under_way(
    fanout: Fanout, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = Crowd(60)
    fanout.send(crowd.outboxes, ONE)
    await turns(3)
    assert crowd.writes == 56
    fanout.send(crowd.outboxes, ONE)
    slices: list[int] = []
    monkeypatch.setattr(os, "sched_yield", lambda: slices.append(crowd.writes))

    fanout.pause()
    await asyncio.to_thread(fanout.resume_from_thread)
    await until(lambda: crowd.writes == 116, "everybody")

    assert slices == [64, 72, 80, 88, 96, 104, 112, 116]


async def test_who_is_told_twice_before_their_turn_hears_both_in_one_write(
    fanout: Fanout,
) -> None:
    crowd = Crowd(2 * FANOUT_SLICE)

    fanout.send(crowd.outboxes, ONE)
    await turns(1)
    fanout.send(crowd.outboxes, TWO)
    assert not fanout.idle.is_set()
    await turns()

    assert fanout.idle.is_set()
    assert crowd.heard == [[b"one", b"two"]]
    writes = [len(ear.writes) for ear in crowd.ears]
    assert writes == [2] * FANOUT_SLICE + [1] * FANOUT_SLICE


async def test_what_is_said_meanwhile_comes_behind_and_takes_it_along(fanout: Fanout) -> None:
    crowd = Crowd(1)

    fanout.send(crowd.outboxes, ONE)
    crowd.outboxes[0].send(b"two")
    fanout.send(crowd.outboxes, THREE)
    await turns()

    assert crowd.heard == [[b"one", b"two", b"three"]]
    assert len(crowd.ears[0].writes) == 2


async def test_nobody_is_told_while_it_makes_way(fanout: Fanout) -> None:
    crowd = Crowd(2 * FANOUT_SLICE)
    fanout.send(crowd.outboxes, ONE)
    await turns(1)

    fanout.pause()
    fanout.send(crowd.outboxes, TWO)
    await turns()
    assert crowd.told == FANOUT_SLICE

    fanout.resume()
    fanout.resume()
    await turns()
    assert crowd.heard == [[b"one", b"two"]]


@pytest.mark.parametrize("patience", [0, 0.01], ids=["when it begins", "while it lasts"])
async def test_way_is_not_made_for_ever(patience: float) -> None:
    crowd, fanout = Crowd(1), Fanout(patience_seconds=patience)

    fanout.send(crowd.outboxes, ONE)
    fanout.pause()

    # Nobody says that it may go on.
    await until(lambda: crowd.heard == [[b"one"]], "being told")


async def test_nobody_has_two_places_in_the_queue(fanout: Fanout) -> None:
    talker, listener = Crowd(1), Crowd(1)

    for _ in range(5 * FANOUT_SLICE):
        fanout.send(talker.outboxes, ONE)
        # It takes along what it was to be told.
        talker.outboxes[0].send(b"answer")
    fanout.send(listener.outboxes, TWO)
    await turns(2)

    assert listener.heard == [[b"two"]]


async def test_a_crowd_that_has_waited_long_is_told_in_larger_slices() -> None:
    crowd, fanout = Crowd(100 * FANOUT_SLICE), Fanout(patience_seconds=0)

    fanout.send(crowd.outboxes, ONE)
    await turns(1)

    assert crowd.told == 100


async def test_a_fault_with_one_costs_nobody_else_the_news(fanout: Fanout) -> None:
    crowd = Crowd(3 * FANOUT_SLICE)
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))

    def broken(_frames: bytes) -> None:
        raise ZeroDivisionError

    crowd.outboxes[1]._write = broken
    fanout.send(crowd.outboxes, ONE)
    await turns()

    assert crowd.told == len(crowd.ears) - 1
    assert len(faults) == 1


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(Fanout.pause, id="make way"),
        pytest.param(Fanout.resume, id="resume"),
        pytest.param(Fanout.resume_from_thread, id="resume from a thread"),
    ],
)
async def test_with_nobody_to_tell_nothing_happens(
    fanout: Fanout, call: Callable[[Any], None]
) -> None:
    call(fanout)

    crowd = Crowd(1)
    fanout.send(crowd.outboxes, ONE)
    await turns()
    assert crowd.heard == [[b"one"]]


async def test_a_thread_lets_it_go_on(fanout: Fanout) -> None:
    crowd = Crowd(2 * FANOUT_SLICE)
    fanout.send(crowd.outboxes, ONE)
    fanout.pause()

    await asyncio.to_thread(fanout.resume_from_thread)

    await until(lambda: crowd.told == len(crowd.ears), "everybody")


async def test_turns_are_taken_with_a_thread_that_is_busy_and_with_no_other(
    fanout: Fanout, monkeypatch: pytest.MonkeyPatch
) -> None:
    yielded: list[int] = []
    monkeypatch.setattr(os, "sched_yield", lambda: yielded.append(crowd.told))
    crowd = Crowd(2 * FANOUT_SLICE)

    fanout.send(crowd.outboxes, ONE)
    await turns()
    assert yielded == []

    crowd = Crowd(2 * FANOUT_SLICE)
    fanout.send(crowd.outboxes, ONE)
    fanout.pause()
    await asyncio.to_thread(fanout.resume_from_thread)
    await until(lambda: crowd.told == len(crowd.ears), "everybody")
    assert yielded == [FANOUT_SLICE, 2 * FANOUT_SLICE]
