"""The outgoing frames of one connection."""

import asyncio

import pytest

from app.domain.close_codes import SLOW_CONSUMER, Close
from app.domain.ids import RoomId
from app.realtime.outbox import Outbox
from app.realtime.slow_consumer import SlowConsumerPolicy
from app.wire.websocket_frame import text_frame
from tests.harness.patience import patience, turns
from tests.realtime.recording import DEN, NO_LIMIT, RecordingTransport

LAIR = RoomId(2)
LIMIT = SlowConsumerPolicy(100)


def unlimited(transport: RecordingTransport) -> Outbox:
    return Outbox(transport, NO_LIMIT, lambda _: None)


def limited(transport: RecordingTransport, *, stall_seconds: float = 3600.0) -> Outbox:
    policy = SlowConsumerPolicy(100, stall_seconds=stall_seconds)
    return Outbox(transport, policy, lambda _: None)


@pytest.fixture
def transport() -> RecordingTransport:
    return RecordingTransport()


def test_a_payload_is_sent_as_a_frame(transport: RecordingTransport) -> None:
    outbox = unlimited(transport)

    outbox.send(b"one")
    outbox.write(text_frame(b"two") + text_frame(b"three"))

    assert transport.payloads == [b"one", b"two", b"three"]
    assert len(transport.writes) == 2


def test_kept_frames_share_the_next_write_and_come_first(transport: RecordingTransport) -> None:
    outbox = unlimited(transport)

    outbox.write_later(text_frame(b"one"))
    outbox.write_later(text_frame(b"two"))
    outbox.send(b"three")
    outbox.flush()

    assert transport.payloads == [b"one", b"two", b"three"]
    assert len(transport.writes) == 1
    outbox.write_later(text_frame(b"four"))
    outbox.flush()
    assert transport.payloads[-1] == b"four"


def test_a_reply_follows_the_next_events_of_its_room(transport: RecordingTransport) -> None:
    outbox = unlimited(transport)
    outbox.defer_reply(DEN, b"reply 1")
    outbox.defer_reply(LAIR, b"reply 3")
    outbox.defer_reply(DEN, b"reply 2")

    outbox.send(b"something else")
    assert outbox.write_with_replies(DEN, text_frame(b"event"))
    assert not outbox.write_with_replies(DEN, text_frame(b"next event"))
    outbox.flush()
    outbox.flush()

    assert transport.payloads == [b"something else", b"event", b"reply 1", b"reply 2", b"reply 3"]
    assert len(transport.writes) == 3


def test_a_slow_peer_is_closed_once(transport: RecordingTransport) -> None:
    closes: list[Close] = []
    outbox = Outbox(transport, LIMIT, closes.append)
    transport.waiting = 100
    outbox.send(b"just fits")
    transport.waiting = 101

    for _ in range(3):
        outbox.send(b"too much")

    assert transport.payloads == [b"just fits"]
    assert closes == [SLOW_CONSUMER]
    assert outbox.closed
    assert outbox.unsent == 101


def test_without_a_limit_everything_is_written(transport: RecordingTransport) -> None:
    outbox = unlimited(transport)
    transport.waiting = 10**9

    outbox.send(b"x")
    outbox.signal(text_frame(b"y"))

    assert transport.payloads == [b"x", b"y"]
    assert not outbox.closed


def test_signals_are_dropped_from_a_quarter_of_the_limit_on(
    transport: RecordingTransport,
) -> None:
    outbox = limited(transport)

    for unsent in (24, 25, 60):
        transport.waiting = unsent
        outbox.signal(text_frame(b"typing"))
        outbox.signal(b"")

    assert transport.payloads == [b"typing"]


@pytest.mark.parametrize(
    ("policy", "unsent", "behind"),
    [
        (LIMIT, 50, False),
        (LIMIT, 51, True),
        (NO_LIMIT, 128 * 1024, False),
        (NO_LIMIT, 128 * 1024 + 1, True),
    ],
)
def test_a_replay_pauses_beyond_half_of_the_limit(
    transport: RecordingTransport, policy: SlowConsumerPolicy, unsent: int, behind: bool
) -> None:
    outbox = Outbox(transport, policy, lambda _: None)
    transport.waiting = unsent

    assert outbox.is_behind is behind


def test_an_aborted_outbox_drops_everything(transport: RecordingTransport) -> None:
    outbox = unlimited(transport)

    outbox.abort()
    outbox.send(b"x")

    assert transport.aborted
    assert transport.payloads == []


def test_the_answer_to_the_handshake_precedes_the_first_write(
    transport: RecordingTransport,
) -> None:
    asked: list[bool] = []

    def answer() -> bytes:
        asked.append(True)
        return b"HTTP/1.1 101"

    outbox = unlimited(transport)
    outbox.prefix_first_write(answer)
    outbox.write_later(text_frame(b"welcome"))
    assert not asked

    outbox.flush()
    outbox.send(b"more")

    assert asked == [True]
    assert transport.writes == [b"HTTP/1.1 101" + text_frame(b"welcome"), text_frame(b"more")]


@pytest.mark.parametrize("kept", [b"", b"last words"])
def test_finishing_writes_at_least_the_answer_to_the_handshake(
    transport: RecordingTransport, kept: bytes
) -> None:
    outbox = unlimited(transport)
    outbox.prefix_first_write(lambda: b"HTTP/1.1 101")
    if kept:
        outbox.write_later(kept)

    outbox.finish()
    outbox.send(b"more")

    assert transport.writes == [b"HTTP/1.1 101" + kept]


def test_a_write_to_a_peer_that_is_gone_raises_nothing() -> None:
    class GoneTransport(RecordingTransport):
        def write(self, frames: bytes) -> None:
            raise RuntimeError("the handler is closed")

    outbox = unlimited(GoneTransport())

    outbox.send(b"x")

    assert outbox.closed


class SlowTransport(RecordingTransport):
    """Takes so many bytes each time it is waited for; with 0, it never drains."""

    def __init__(self, waiting: int, takes: int) -> None:
        super().__init__()
        self.waiting = waiting
        self._takes = takes

    async def drained(self) -> None:
        if not self._takes:
            await asyncio.Event().wait()
        self.waiting -= self._takes


class TrickleTransport(SlowTransport):
    """Takes ten bytes each time it is waited for, and never drains."""

    async def drained(self) -> None:
        self.waiting -= 10
        await asyncio.Event().wait()


async def test_a_replay_goes_on_when_enough_has_been_sent() -> None:
    outbox = limited(SlowTransport(90, takes=20))

    async with patience("space"):
        assert await outbox.drained() is True
    assert outbox.unsent == 50


async def test_a_peer_that_takes_nothing_of_a_replay_is_closed() -> None:
    closes: list[Close] = []
    policy = SlowConsumerPolicy(100, stall_seconds=0.01)
    outbox = Outbox(SlowTransport(90, takes=0), policy, closes.append)

    assert await outbox.drained() is False
    assert closes == [SLOW_CONSUMER]


async def test_a_peer_that_takes_a_little_is_waited_for() -> None:
    outbox = limited(TrickleTransport(90, takes=0), stall_seconds=0.01)

    assert await outbox.drained() is True


def test_kept_frames_count_as_unsent_for_a_replay(transport: RecordingTransport) -> None:
    outbox = limited(transport)
    outbox.write_later(b"x" * 51)

    assert outbox.is_behind


async def test_a_replay_that_pauses_writes_kept_frames_first(
    transport: RecordingTransport,
) -> None:
    outbox = limited(transport)
    outbox.write_later(b"x" * 51)

    async with patience("space"):
        assert await outbox.drained() is True
    assert transport.writes == [b"x" * 51]


async def test_a_transport_that_is_never_drained_does_not_keep_the_event_loop() -> None:
    class Careless(RecordingTransport):
        def unsent(self) -> int:
            return 60

        async def drained(self) -> None:
            """At once, whatever is unsent."""

    outbox = limited(Careless())
    waiting = asyncio.create_task(outbox.drained())

    await turns(10)

    assert not waiting.done()
    outbox.abort()
    assert await waiting is True


async def test_what_is_kept_while_a_replay_waits_is_written(transport: RecordingTransport) -> None:
    outbox = limited(transport)
    outbox.write_later(b"x" * 60)
    assert outbox.is_behind

    assert await outbox.drained() is True

    assert b"".join(transport.writes) == b"x" * 60
