"""Frames of a room as server-sent events."""

import asyncio
import json

from app.transport.sse import SseTransport
from app.wire.frames import text_frame

ONE = b'{"type":"message.created","room":"den","seq":1,"at":"x","by":"ana","text":"hi"}'
TWO = b'{"type":"reaction.added","room":"den","seq":22,"at":"x","by":"bo","ref":1}'


async def taken(lane: SseTransport) -> list[str]:
    async with asyncio.timeout(1):
        return (await lane.take()).decode().split("\n\n")[:-1]


async def test_events_have_their_seq_for_an_id() -> None:
    lane = SseTransport()

    lane.write(text_frame(ONE) + text_frame(TWO))

    first, second = await taken(lane)
    assert first == f"id: 1\ndata: {ONE.decode()}"
    assert second == f"id: 22\ndata: {TWO.decode()}"


async def test_what_is_no_event_is_left_out() -> None:
    lane = SseTransport()

    for frame in (
        {"type": "caught_up", "room": "den", "seq": 2},
        {"type": "read", "room": "den", "by": "bo", "seq": 2},
        {"type": "removed", "room": "den", "reason": "banned"},
        {"type": "drain", "reconnect_in_ms": 5},
    ):
        lane.write(text_frame(json.dumps(frame, separators=(",", ":")).encode()))

    assert lane.unsent() == 0
    lane.finish(b'{"code":4200}')
    assert await taken(lane) == ['event: end\ndata: {"code":4200}']
    assert lane.finished


async def test_what_is_on_its_way_counts_as_unsent() -> None:
    lane = SseTransport()
    lane.write(text_frame(ONE))
    size = lane.unsent()

    await taken(lane)
    lane.write(text_frame(ONE))

    assert lane.unsent() == 2 * size
    lane.sent()
    assert lane.unsent() == size
    waiting = asyncio.ensure_future(lane.drained())
    await taken(lane)
    assert not waiting.done()
    lane.sent()
    await waiting


async def test_an_aborted_lane_keeps_nothing() -> None:
    lane = SseTransport()
    lane.write(text_frame(ONE))

    lane.abort()

    assert lane.unsent() == 0
    await lane.drained()
