"""Many connections, a few per turn of the loop; the log's writer has priority."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from app.domain.limits import FANOUT_QUIET_SLICE, FANOUT_SLICE
from app.realtime.fanout import Fanout
from app.realtime.outbox import Outbox
from app.wire.websocket_frame import text_frame
from tests.harness.patience import turns, until
from tests.realtime.recording import NO_LIMIT, RecordingTransport

ONE, TWO, THREE = (text_frame(text) for text in (b"one", b"two", b"three"))


class FailingTransport(RecordingTransport):
    """A transport with a bug."""

    def write(self, frames: bytes) -> None:
        raise ZeroDivisionError


class Audience:
    """Outboxes, and what was written to them."""

    def __init__(self, *transports: RecordingTransport) -> None:
        self.transports = transports
        self.outboxes = [
            Outbox(transport, NO_LIMIT, lambda _: None) for transport in self.transports
        ]

    @classmethod
    def of(cls, size: int) -> "Audience":
        return cls(*(RecordingTransport() for _ in range(size)))

    @property
    def reached(self) -> int:
        """How many have been written to."""
        return sum(bool(transport.writes) for transport in self.transports)

    @property
    def received(self) -> list[list[bytes]]:
        """What each has received, without repeating those that received the same."""
        kinds = {tuple(transport.payloads) for transport in self.transports}
        return [list(kind) for kind in sorted(kinds)]


@pytest.fixture
def fanout() -> Fanout:
    """One with more patience than a slow machine needs; tests that end it make their own."""
    return Fanout(patience_seconds=3600.0)


async def test_every_connection_receives_the_same_bytes(fanout: Fanout) -> None:
    audience = Audience.of(130)

    fanout.send(audience.outboxes, ONE)
    await fanout.idle.wait()

    assert all(transport.writes == [ONE] for transport in audience.transports)
    assert all(transport.writes[0] is ONE for transport in audience.transports)


async def test_no_turn_of_the_loop_writes_more_than_a_slice(fanout: Fanout) -> None:
    audience = Audience.of(5 * FANOUT_QUIET_SLICE)
    reached = [0]

    fanout.send(audience.outboxes, ONE)
    while not fanout.idle.is_set():
        await turns(1)
        reached.append(audience.reached)

    per_turn = [after - before for before, after in zip(reached, reached[1:], strict=False)]
    assert per_turn[0] <= FANOUT_SLICE, "the first slice is small"
    assert max(per_turn) <= FANOUT_QUIET_SLICE
    assert sum(per_turn) == len(audience.transports)


async def test_slices_stay_small_while_a_commit_is_under_way(fanout: Fanout) -> None:
    audience = Audience.of(10 * FANOUT_SLICE)
    fanout.send(audience.outboxes, ONE)
    await turns(2)

    fanout.pause()
    await asyncio.to_thread(fanout.resume_from_thread)
    reached = [audience.reached]
    while not fanout.idle.is_set():
        await turns(1)
        reached.append(audience.reached)

    assert all(
        after - before <= FANOUT_SLICE for before, after in zip(reached, reached[1:], strict=False)
    )
    assert audience.received == [[b"one"]]


async def test_two_batches_before_its_turn_are_one_write(fanout: Fanout) -> None:
    audience = Audience.of(2 * FANOUT_SLICE)

    fanout.send(audience.outboxes, ONE)
    fanout.send(audience.outboxes, TWO)
    assert not fanout.idle.is_set()
    await fanout.idle.wait()

    assert audience.received == [[b"one", b"two"]]
    assert all(len(transport.writes) == 1 for transport in audience.transports)


async def test_a_direct_write_takes_queued_frames_along_in_order(fanout: Fanout) -> None:
    audience = Audience.of(1)

    fanout.send(audience.outboxes, ONE)
    audience.outboxes[0].send(b"two")
    fanout.send(audience.outboxes, THREE)
    await fanout.idle.wait()

    assert audience.received == [[b"one", b"two", b"three"]]
    assert len(audience.transports[0].writes) == 2


async def test_nothing_is_written_while_paused(fanout: Fanout) -> None:
    audience = Audience.of(2 * FANOUT_SLICE)
    fanout.send(audience.outboxes, ONE)
    await turns(1)
    reached = audience.reached

    fanout.pause()
    fanout.send(audience.outboxes, TWO)
    await turns()
    assert audience.reached == reached < len(audience.transports)

    fanout.resume()
    fanout.resume()
    await fanout.idle.wait()
    assert audience.received == [[b"one", b"two"]]


@pytest.mark.parametrize("patience", [0, 0.01], ids=["when it begins", "while it lasts"])
async def test_a_pause_ends_by_itself(patience: float) -> None:
    audience, fanout = Audience.of(1), Fanout(patience_seconds=patience)

    fanout.send(audience.outboxes, ONE)
    fanout.pause()

    await until(lambda: audience.received == [[b"one"]], "the write")


async def test_an_outbox_is_queued_once(fanout: Fanout) -> None:
    talker, other = Audience.of(1), Audience.of(1)

    for _ in range(5 * FANOUT_SLICE):
        fanout.send(talker.outboxes, ONE)
        # Takes the queued frames along.
        talker.outboxes[0].send(b"reply")
    fanout.send(other.outboxes, TWO)
    await turns(2)

    assert other.received == [[b"two"]]


async def test_an_audience_that_has_waited_long_is_written_to_in_few_turns() -> None:
    audience, fanout = Audience.of(10 * FANOUT_QUIET_SLICE), Fanout(patience_seconds=0)

    fanout.send(audience.outboxes, ONE)
    await turns(1)

    assert audience.reached > FANOUT_QUIET_SLICE


async def test_a_bug_with_one_connection_costs_no_other_its_frames(fanout: Fanout) -> None:
    transports = [RecordingTransport() for _ in range(3 * FANOUT_SLICE)]
    audience = Audience(transports[0], FailingTransport(), *transports[1:])
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))

    fanout.send(audience.outboxes, ONE)
    await fanout.idle.wait()

    assert all(transport.payloads == [b"one"] for transport in transports)
    assert len(faults) == 1


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(Fanout.pause, id="pause"),
        pytest.param(Fanout.resume, id="resume"),
        pytest.param(Fanout.resume_from_thread, id="resume from a thread"),
    ],
)
async def test_an_empty_queue_is_not_paused(fanout: Fanout, call: Callable[[Any], None]) -> None:
    call(fanout)

    audience = Audience.of(1)
    fanout.send(audience.outboxes, ONE)
    await fanout.idle.wait()
    assert audience.received == [[b"one"]]


async def test_the_writers_thread_ends_a_pause(fanout: Fanout) -> None:
    audience = Audience.of(2 * FANOUT_SLICE)
    fanout.send(audience.outboxes, ONE)
    fanout.pause()

    await asyncio.to_thread(fanout.resume_from_thread)

    await until(lambda: audience.reached == len(audience.transports), "every connection")
