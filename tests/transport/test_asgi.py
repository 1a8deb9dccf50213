"""A WebSocket over plain ASGI."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.transport.asgi import AsgiTransport
from app.wire.websocket_frame import text_frame
from tests.harness.patience import patience, turns, until

PATIENT = 10.0


class Peer:
    """The other end of ``receive`` and ``send``."""

    def __init__(self) -> None:
        self.heard: list[MutableMapping[str, Any]] = []
        self.says: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.taking = asyncio.Event()
        self.taking.set()
        self.gone: Exception | None = None

    async def send(self, message: MutableMapping[str, Any]) -> None:
        await self.taking.wait()
        if self.gone is not None:
            raise self.gone
        self.heard.append(message)

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.heard if message["type"] == "websocket.send"]


@asynccontextmanager
async def running(peer: Peer) -> AsyncIterator[AsgiTransport]:
    transport = AsgiTransport(peer.says.get, peer.send)
    task = asyncio.create_task(transport.run())
    yield transport
    transport.abort()
    peer.taking.set()
    async with patience("the end"):
        await task


async def test_frames_are_taken_apart() -> None:
    peer = Peer()
    async with running(peer) as transport:
        transport.write(text_frame(b"one") + text_frame("zwölf".encode()))
        async with patience("the frames"):
            await transport.drained()
        assert peer.texts == ["one", "zwölf"]
        assert transport.unsent() == 0

        transport.write(text_frame(b"more"))
        async with patience("one more"):
            await transport.drained()
        assert peer.texts[-1] == "more"


async def test_what_the_server_has_not_taken_is_counted() -> None:
    peer = Peer()
    peer.taking.clear()
    async with running(peer) as transport:
        transport.write(text_frame(b"12345") + text_frame(b"678"))
        await turns()

        assert transport.unsent() == 8


@pytest.mark.parametrize("gone", [OSError("reset"), RuntimeError("closed")])
async def test_writing_ends_with_the_peer(gone: Exception) -> None:
    peer = Peer()
    peer.gone = gone
    async with running(peer) as transport:
        transport.write(text_frame(b"x"))
        async with patience("the end"):
            await transport.drained()

        assert peer.heard == []
        with pytest.raises(ConnectionResetError):
            transport.write(text_frame(b"y"))


async def test_accept_frames_and_close_keep_their_order() -> None:
    peer = Peer()
    async with running(peer) as transport:
        transport.write(transport.accept("parley.v1") + text_frame(b"hello"))
        await transport.close(4001, "unauthorized", PATIENT)

    assert peer.heard == [
        {"type": "websocket.accept", "subprotocol": "parley.v1"},
        {"type": "websocket.send", "text": "hello"},
        {"type": "websocket.close", "code": 4001, "reason": "unauthorized"},
    ]


async def test_a_peer_that_takes_nothing_is_not_waited_for() -> None:
    peer = Peer()
    peer.taking.clear()
    async with running(peer) as transport:
        transport.write(text_frame(b"x"))
        await transport.close(4102, "slow_consumer", 0.01)

        assert peer.heard == []
        assert transport.unsent() == 0


async def test_messages_come_in_order_and_then_the_end() -> None:
    peer, got = Peer(), []
    async with running(peer) as transport:
        transport.set_receiver(got.append, lambda: got.append(None))
        peer.says.put_nowait({"type": "websocket.receive", "text": "one"})
        peer.says.put_nowait({"type": "websocket.receive", "text": None, "bytes": b"two"})
        peer.says.put_nowait({"type": "websocket.disconnect", "code": 1006})

        await until(lambda: None in got, "the end")
    assert got == ["one", b"two", None]


async def test_nothing_is_delivered_while_it_is_paused() -> None:
    peer, got = Peer(), []
    async with running(peer) as transport:
        transport.set_receiver(got.append, lambda: None)
        transport.pause()
        peer.says.put_nowait({"type": "websocket.receive", "text": "one"})
        await turns()
        assert got == []

        transport.resume()
        await until(lambda: got == ["one"], "the message")


async def test_nothing_is_delivered_after_the_close() -> None:
    peer, got = Peer(), []
    async with running(peer) as transport:
        transport.set_receiver(got.append, lambda: None)
        await transport.close(1000, "", PATIENT)
        peer.says.put_nowait({"type": "websocket.receive", "text": "late"})
        await turns()

    assert got == []


@pytest.mark.parametrize("gone", [OSError("reset"), RuntimeError("closed")])
async def test_a_failed_write_ends_it_once(gone: Exception) -> None:
    peer, ends = Peer(), []
    async with running(peer) as transport:
        transport.set_receiver(lambda _: None, lambda: ends.append(1))
        peer.gone = gone
        transport.write(text_frame(b"x"))
        await until(lambda: ends == [1], "the end")

        peer.says.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await turns()
    assert ends == [1]


async def test_a_receiver_that_comes_after_the_loss_is_told() -> None:
    peer, ends = Peer(), []
    peer.gone = OSError("reset")
    async with running(peer) as transport:
        transport.write(text_frame(b"x"))
        async with patience("the end"):
            await transport.drained()

        transport.set_receiver(lambda _: None, lambda: ends.append(1))
        assert ends == [1]


async def test_a_peer_that_leaves_during_the_close_is_not_reported() -> None:
    peer, ends = Peer(), []
    peer.taking.clear()
    async with running(peer) as transport:
        transport.set_receiver(lambda _: None, lambda: ends.append(1))
        transport.write(text_frame(b"x"))
        closing = asyncio.create_task(transport.close(1000, "", PATIENT))
        await turns()
        peer.says.put_nowait({"type": "websocket.disconnect", "code": 1006})
        async with patience("the close"):
            await closing

    assert ends == []


async def test_what_waits_while_it_is_paused_is_not_delivered_after_the_close() -> None:
    peer, got = Peer(), []
    async with running(peer) as transport:
        transport.set_receiver(got.append, lambda: got.append(None))
        transport.pause()
        peer.says.put_nowait({"type": "websocket.receive", "text": "late"})
        await turns()
        await transport.close(1000, "", PATIENT)
        transport.resume()
        await turns()

    assert got == []
