"""Frames of a room as server-sent events."""

import asyncio
import json

import pytest

from app.transport.sse import SseTransport
from app.wire.websocket_frame import text_frame
from tests.harness.patience import patience

ONE = b'{"type":"message.created","room":"den","seq":1,"at":"x","by":"ana","text":"hi"}'
TWO = b'{"type":"reaction.added","room":"den","seq":22,"at":"x","by":"bo","ref":1}'


async def taken(transport: SseTransport) -> list[str]:
    async with patience("frames"):
        return (await transport.take()).decode().split("\n\n")[:-1]


async def test_events_have_their_seq_and_epoch_for_an_id() -> None:
    transport = SseTransport("8a41")

    transport.write(text_frame(ONE) + text_frame(TWO))

    first, second = await taken(transport)
    assert first == f"id: 1-8a41\ndata: {ONE.decode()}"
    assert second == f"id: 22-8a41\ndata: {TWO.decode()}"


async def test_what_is_no_event_is_left_out() -> None:
    transport = SseTransport("8a41")

    for frame in (
        {"type": "caught_up", "room": "den", "seq": 2},
        {"type": "read", "room": "den", "by": "bo", "seq": 2},
        {"type": "removed", "room": "den", "reason": "banned"},
        {"type": "drain", "reconnect_in_ms": 5},
    ):
        transport.write(text_frame(json.dumps(frame, separators=(",", ":")).encode()))

    assert transport.unsent() == 0
    transport.finish(b'{"code":4200}')
    assert await taken(transport) == ['event: end\ndata: {"code":4200}']
    assert transport.finished


async def test_what_is_on_its_way_counts_as_unsent() -> None:
    transport = SseTransport("8a41")
    transport.write(text_frame(ONE))
    size = transport.unsent()

    await taken(transport)
    transport.write(text_frame(ONE))

    assert transport.unsent() == 2 * size
    transport.sent()
    assert transport.unsent() == size
    waiting = asyncio.ensure_future(transport.drained())
    await taken(transport)
    assert not waiting.done()
    transport.sent()
    await waiting


async def test_an_aborted_lane_keeps_nothing() -> None:
    transport = SseTransport("8a41")
    transport.write(text_frame(ONE))

    transport.abort()

    assert transport.unsent() == 0
    await transport.drained()


class Kernel:
    """Takes what a stream has, and looks at what the peer acknowledges as the test says."""

    def __init__(self, transport: SseTransport, *looks: int, takes: bool = True) -> None:
        self._transport = transport
        self._looks = list(looks)
        self._takes = takes

    def unacknowledged(self) -> int:
        if self._takes:
            self._transport.sent()
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]


@pytest.mark.parametrize(
    ("looks", "takes", "answers"),
    [
        pytest.param([9, 9, 0], True, True, id="it acknowledges"),
        pytest.param([90, 90, 40], False, True, id="it takes some of much"),
        pytest.param([9], True, False, id="it acknowledges nothing"),
        pytest.param([0], False, False, id="the comment has not left"),
        pytest.param([10, 20, 30, 40], True, False, id="there is ever more"),
    ],
)
async def test_a_peer_is_there_if_its_tcp_acknowledges(
    looks: list[int], takes: bool, answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.transport.sse.PROBE_LOOK_SECONDS", 0.001)
    transport = SseTransport("8a41")
    kernel = Kernel(transport, *looks, takes=takes)
    if takes:
        transport.abort()

    probing = asyncio.create_task(transport.probe(kernel.unacknowledged, 0.03))
    assert await taken(transport) == [": ping"]
    async with patience("the answer"):
        assert await probing is answers
