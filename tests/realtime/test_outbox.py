"""What is on its way to one socket."""

import asyncio

import pytest

from app.domain.ids import RoomId
from app.realtime.fanout import Fanout
from app.realtime.outbox import Outbox
from app.realtime.write_coalescer import WriteCoalescer
from app.wire.frames import text_frame
from tests.harness.patience import patience, turns
from tests.realtime.people import DEN, RecordingTransport

LAIR = RoomId(2)


@pytest.fixture
def ear() -> RecordingTransport:
    return RecordingTransport()


class Spill:
    """Counts overflows."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def test_what_is_said_is_a_frame(ear: RecordingTransport) -> None:
    outbox = Outbox(ear, 0, Spill())

    outbox.send(b"one")
    outbox.write(text_frame(b"two") + text_frame(b"three"))

    assert ear.payloads == [b"one", b"two", b"three"]
    assert len(ear.writes) == 2


def test_what_is_kept_goes_with_the_next_write_and_before_it(ear: RecordingTransport) -> None:
    outbox = Outbox(ear, 0, Spill())

    outbox.write_later(text_frame(b"one"))
    outbox.write_later(text_frame(b"two"))
    outbox.send(b"three")
    outbox.flush()

    assert ear.payloads == [b"one", b"two", b"three"]
    assert len(ear.writes) == 1
    outbox.write_later(text_frame(b"four"))
    outbox.flush()
    assert ear.payloads[-1] == b"four"


def test_an_answer_goes_right_behind_the_frames_of_its_room(ear: RecordingTransport) -> None:
    outbox = Outbox(ear, 0, Spill())
    outbox.defer_reply(DEN, b"answer 1")
    outbox.defer_reply(LAIR, b"answer 3")
    outbox.defer_reply(DEN, b"answer 2")

    outbox.send(b"something else")
    assert outbox.write_with_replies(DEN, text_frame(b"event"))
    assert not outbox.write_with_replies(DEN, text_frame(b"next event"))
    outbox.flush()
    outbox.flush()

    assert ear.payloads == [b"something else", b"event", b"answer 1", b"answer 2", b"answer 3"]
    assert len(ear.writes) == 3


def test_a_reader_that_falls_behind_is_cut_off_once(ear: RecordingTransport) -> None:
    spill = Spill()
    outbox = Outbox(ear, 100, spill)
    ear.waiting = 100
    outbox.send(b"just fits")
    ear.waiting = 101

    for _ in range(3):
        outbox.send(b"too much")

    assert ear.payloads == [b"just fits"]
    assert spill.times == 1
    assert outbox.closed
    assert outbox.unsent == 101


def test_no_limit_is_no_limit(ear: RecordingTransport) -> None:
    spill = Spill()
    outbox = Outbox(ear, 0, spill)
    ear.waiting = 10**9

    outbox.send(b"x")
    outbox.signal(text_frame(b"y"))

    assert ear.payloads == [b"x", b"y"]
    assert spill.times == 0


def test_signals_are_the_first_to_go(ear: RecordingTransport) -> None:
    outbox = Outbox(ear, 100, Spill())

    for unsent in (24, 25, 60):
        ear.waiting = unsent
        outbox.signal(text_frame(b"typing"))
        outbox.signal(b"")

    assert ear.payloads == [b"typing"]


@pytest.mark.parametrize(
    ("limit", "unsent", "behind"),
    [(100, 50, False), (100, 51, True), (0, 128 * 1024, False), (0, 128 * 1024 + 1, True)],
)
def test_a_replay_waits_at_half(
    ear: RecordingTransport, limit: int, unsent: int, behind: bool
) -> None:
    outbox = Outbox(ear, limit, Spill())
    ear.waiting = unsent

    assert outbox.is_behind is behind


def test_letting_go(ear: RecordingTransport) -> None:
    outbox = Outbox(ear, 0, Spill())

    outbox.abort()
    outbox.send(b"x")

    assert ear.aborted
    assert ear.payloads == []


def test_the_first_write_begins_with_the_answer_to_the_handshake(ear: RecordingTransport) -> None:
    asked: list[bool] = []

    def answer() -> bytes:
        asked.append(True)
        return b"HTTP/1.1 101"

    outbox = Outbox(ear, 0, Spill())
    outbox.prefix_first_write(answer)
    outbox.write_later(text_frame(b"welcome"))
    assert not asked

    outbox.flush()
    outbox.send(b"more")

    assert asked == [True]
    assert ear.writes == [b"HTTP/1.1 101" + text_frame(b"welcome"), text_frame(b"more")]


@pytest.mark.parametrize("said", [b"", b"last words"])
def test_whoever_hears_nothing_else_is_at_least_answered(
    ear: RecordingTransport, said: bytes
) -> None:
    outbox = Outbox(ear, 0, Spill())
    outbox.prefix_first_write(lambda: b"HTTP/1.1 101")
    if said:
        outbox.write_later(said)

    outbox.finish()
    outbox.send(b"more")

    assert ear.writes == [b"HTTP/1.1 101" + said]


async def test_a_peer_that_has_just_gone_disturbs_nobody(ear: RecordingTransport) -> None:
    class Gone(RecordingTransport):
        def write(self, frames: bytes) -> None:
            raise RuntimeError("the handler is closed")

    gone, here = Outbox(Gone(), 0, Spill()), Outbox(ear, 0, Spill())
    coalescer = WriteCoalescer()

    gone.send(b"x")
    assert gone.closed
    gone.closed = False
    coalescer.send(gone, b"y")
    coalescer.send(here, b"y")
    await turns(2)

    assert ear.payloads == [b"y"]


class Slow(RecordingTransport):
    """A lane that takes so much each time it is waited for; nothing more when it has stalled."""

    def __init__(self, waiting: int, takes: int) -> None:
        super().__init__()
        self.waiting = waiting
        self._takes = takes

    async def drained(self) -> None:
        if not self._takes:
            await asyncio.Event().wait()
        self.waiting -= self._takes


async def test_a_replay_goes_on_when_there_is_space() -> None:
    outbox = Outbox(Slow(90, takes=20), 100, Spill())

    async with patience("space"):
        assert await outbox.drained() is True
    assert outbox.unsent == 50


async def test_a_reader_that_takes_nothing_is_told_apart() -> None:
    assert await Outbox(Slow(90, takes=0), 100, Spill(), stall_seconds=0.01).drained() is False


async def test_a_reader_that_takes_a_little_is_waited_for() -> None:
    class Trickle(Slow):
        async def drained(self) -> None:
            self.waiting -= 10
            await asyncio.Event().wait()

    assert await Outbox(Trickle(90, takes=0), 100, Spill(), stall_seconds=0.01).drained() is True


async def test_a_flusher_writes_once_a_turn_for_each() -> None:
    ears = [RecordingTransport(), RecordingTransport()]
    ana, bo = (Outbox(ear, 0, Spill()) for ear in ears)
    coalescer = WriteCoalescer()

    for n in range(3):
        coalescer.send(ana, b"%d" % n)
    coalescer.send(bo, b"x")
    assert ears[0].writes == []
    await turns(2)

    assert ears[0].payloads == [b"0", b"1", b"2"]
    assert [len(ear.writes) for ear in ears] == [1, 1]
    coalescer.send(ana, b"again")
    await turns(2)
    assert ears[0].payloads[-1] == b"again"


async def test_a_flusher_waits_for_no_crowd() -> None:
    """What is said to somebody who is also to be told goes out in its turn all the same."""
    ear = RecordingTransport()
    ana, fanout, coalescer = Outbox(ear, 0, Spill()), Fanout(), WriteCoalescer()
    crowd = [Outbox(RecordingTransport(), 0, Spill()) for _ in range(100)]

    fanout.send([*crowd, ana], text_frame(b"told"))
    coalescer.send(ana, b"said")
    await turns(2)

    assert ear.payloads == [b"told", b"said"]


def test_what_is_kept_counts_for_a_replay(ear: RecordingTransport) -> None:
    outbox = Outbox(ear, 100, Spill())
    outbox.write_later(b"x" * 51)

    assert outbox.is_behind


async def test_a_replay_that_waits_sends_what_is_kept_first(ear: RecordingTransport) -> None:
    outbox = Outbox(ear, 100, Spill())
    outbox.write_later(b"x" * 51)

    async with patience("space"):
        assert await outbox.drained() is True
    assert ear.writes == [b"x" * 51]


# Where the server offers nothing but ASGI
