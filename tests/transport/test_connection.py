"""An open WebSocket, byte by byte: order, limits, and how it ends."""

import asyncio
import zlib
from typing import Any

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Opcode

from app.domain.close_codes import RATE_LIMITED
from app.domain.connection_limits import LINGER_BYTES, MAX_FRAME_BYTES
from app.transport.context import TransportLimits
from app.transport.control_frames import Control
from app.transport.frame_slow_path import FrameSlowPath
from app.transport.linger import Linger
from tests.harness.patience import turns, until
from tests.transport.memory import Echo, MemorySocket, frames_of, masked

BAD = masked(Opcode.TEXT, b"\xff\xfe")
HELLO = masked(Opcode.TEXT, b"hello")


async def opened(**how: Any) -> MemorySocket:
    socket = MemorySocket(**how)
    await turns(3)
    return socket


def pongs(socket: MemorySocket) -> list[bytes]:
    return [payload for opcode, payload in frames_of(socket.answered) if opcode is Opcode.PONG]


# Order


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(HELLO, id="text"),
        pytest.param(BAD, id="more of it"),
        pytest.param(b"\x81\x05hello", id="no mask"),
        pytest.param(masked(Opcode.CLOSE, b"\x03\xe8"), id="a close"),
    ],
)
@pytest.mark.parametrize("early", [True, False], ids=["with the handshake", "later"])
async def test_text_that_is_no_utf_8_ends_it_there_and_then(behind: bytes, early: bool) -> None:
    socket = await opened(early=HELLO + BAD + behind if early else b"")
    if not early:
        socket.receive(HELLO + BAD + behind)

    assert socket.app.got == ["hello"]
    assert socket.close_code == 1007
    assert socket.app.closed == 1
    assert socket.transport.half_closed
    await socket.lose()


async def test_bad_text_in_fragments_is_found_in_the_first_that_makes_it_bad() -> None:
    socket = await opened()

    socket.receive(masked(Opcode.TEXT, b"a\xc3", fin=False))
    assert socket.close_code is None
    socket.receive(masked(Opcode.CONT, b"x", fin=False))

    assert socket.close_code == 1007
    await socket.lose()


@pytest.mark.parametrize("code", [1000, 1012, 3000])
@pytest.mark.parametrize(
    "late",
    [
        pytest.param(HELLO, id="text"),
        pytest.param(BAD, id="bad text"),
        pytest.param(masked(Opcode.BINARY, b"x"), id="binary"),
        pytest.param(b"\0\0", id="no frame"),
    ],
)
async def test_nothing_behind_a_close_is_carried_out(code: int, late: bytes) -> None:
    socket = await opened()

    socket.receive(HELLO + masked(Opcode.CLOSE, code.to_bytes(2)) + late)
    socket.receive(late)

    assert socket.app.got == ["hello"]
    assert socket.close_code == code
    assert socket.app.closed == 1
    await socket.lose()


async def test_what_the_app_has_closed_is_not_read() -> None:
    socket = await opened()

    await socket.app.socket.close(4001, "unauthorized", 1.0)
    socket.receive(HELLO + masked(Opcode.PING, b""))

    assert socket.app.got == []
    assert [opcode for opcode, _ in frames_of(socket.answered)] == [Opcode.CLOSE]
    assert socket.close_code == 4001
    await socket.lose()
    assert socket.app.closed == 0


async def test_what_came_with_the_handshake_is_read_once_it_is_accepted() -> None:
    app = Echo(paused=True)
    socket = await opened(app=app, early=HELLO + masked(Opcode.PING, b"?") + HELLO[:4])
    assert app.got == []

    app.socket.resume()
    await turns(2)
    socket.receive(HELLO[4:])

    assert app.got == ["hello", "hello"]
    assert pongs(socket) == [b"?"]
    await socket.lose()


async def test_binary_messages_are_bytes() -> None:
    socket = await opened()

    socket.receive(masked(Opcode.BINARY, b"\0\1"))
    socket.receive(masked(Opcode.BINARY, b"\2", fin=False) + masked(Opcode.CONT, b"\3"))

    assert socket.app.got == [b"\0\1", b"\2\3"]
    await socket.lose()


# Shares and rates


async def test_a_connection_has_a_share_of_a_turn() -> None:
    socket = await opened(limits=TransportLimits(frames_per_turn=10))

    socket.receive(HELLO * 35)

    seen = []
    while len(socket.app.got) < 35:
        seen.append(len(socket.app.got))
        assert not socket.transport.reading
        await turns(1)
    assert seen == [10, 20, 30]
    await turns(1)
    assert socket.transport.reading
    await socket.lose()


async def test_a_paused_app_gets_the_rest_of_a_turn_and_no_more() -> None:
    socket = await opened(limits=TransportLimits(frames_per_turn=10))

    def pause(message: str | bytes) -> None:
        socket.app.got.append(message)
        socket.app.socket.pause()

    socket.app.on_message = pause
    socket.receive(HELLO * 25)
    await turns(5)

    assert len(socket.app.got) == 10
    socket.app.on_message = socket.app.got.append
    socket.app.socket.resume()
    await turns(5)
    assert len(socket.app.got) == 25
    assert socket.transport.reading
    await socket.lose()


FEW = TransportLimits(control_frame_burst=20, control_frames_per_second=0.001)


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(masked(Opcode.PING, b""), id="pings"),
        pytest.param(masked(Opcode.PONG, b"p" * 125), id="pongs"),
        pytest.param(masked(Opcode.CONT, b"", fin=False), id="empty fragments"),
        pytest.param(masked(Opcode.CONT, b"a", fin=False), id="fragments"),
    ],
)
async def test_frames_that_are_no_messages_have_a_rate(piece: bytes) -> None:
    socket = await opened(limits=FEW)
    if piece[0] & 0x0F == Opcode.CONT:
        socket.receive(masked(Opcode.TEXT, b"a", fin=False))
        rest = 19
    else:
        rest = 20

    socket.receive(piece * rest)
    assert socket.close_code is None
    socket.receive(piece)

    assert socket.close_code == RATE_LIMITED.code
    assert socket.app.got == []
    await socket.lose()


async def test_messages_are_for_the_app_to_count() -> None:
    socket = await opened(limits=FEW)

    socket.receive(masked(Opcode.BINARY, b"") * 50 + HELLO * 50)
    await turns(5)

    assert len(socket.app.got) == 100
    await socket.lose()


async def test_a_peer_that_takes_nothing_gets_a_pong_for_its_last_ping() -> None:
    socket = await opened()

    socket.protocol.pause_writing()
    for n in range(5):
        socket.receive(masked(Opcode.PING, b"%d" % n))
    assert pongs(socket) == []
    socket.protocol.resume_writing()
    socket.receive(masked(Opcode.PING, b"now"))

    assert pongs(socket) == [b"4", b"now"]
    await socket.lose()


# The end


async def test_what_comes_after_the_end_is_thrown_away_up_to_a_limit() -> None:
    socket = await opened()
    socket.receive(BAD)
    assert isinstance(socket.transport.protocol, Linger)
    assert socket.server.connections == {socket.transport.protocol}

    socket.receive(b"x" * LINGER_BYTES)
    assert socket.transport.reading
    socket.receive(b"x")

    assert not socket.transport.reading
    await socket.lose()
    assert socket.server.connections == set()


async def test_a_peer_that_does_not_close_is_dropped() -> None:
    socket = await opened(limits=TransportLimits(close_seconds=0.01))

    socket.receive(BAD)

    await until(lambda: socket.transport.aborted, "its being dropped")
    await socket.lose()


async def test_a_writer_is_not_left_waiting() -> None:
    socket = await opened()
    socket.protocol.pause_writing()
    waiting = asyncio.ensure_future(socket.app.socket.drained())
    await turns(1)
    assert not waiting.done()

    socket.protocol.connection_lost(None)

    await waiting
    await socket.lose()


async def test_an_abort_is_not_told_to_the_app_that_does_it() -> None:
    socket = await opened()

    socket.app.socket.abort()
    socket.app.socket.abort()

    assert socket.transport.aborted
    await socket.lose()
    assert socket.app.closed == 0


async def test_a_receiver_that_comes_too_late_hears_of_the_end() -> None:
    socket = await opened()
    socket.receive(BAD)
    told = []

    socket.app.socket.set_receiver(told.append, lambda: told.append("end"))

    assert told == ["end"]
    with pytest.raises(ConnectionResetError):
        socket.app.socket.accept(None)
    await socket.lose()


@pytest.mark.parametrize("fails", [True, False])
async def test_an_app_that_ends_ends_the_connection(
    fails: bool, caplog: pytest.LogCaptureFixture
) -> None:
    class Short(Echo):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            self.done.set()
            await super().__call__(scope, receive, send)
            if fails:
                raise ZeroDivisionError

    socket = await opened(app=Short())
    await until(lambda: socket.close_code is not None, "the close")

    assert socket.close_code == (1011 if fails else 1000)
    assert ("ZeroDivisionError" in caplog.text) == fails
    socket.transport.protocol.connection_lost(None)


# What websockets is asked


def deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def compressed(data: bytes) -> bytes:
    plain = masked(Opcode.TEXT, deflated(data))
    # RSV1 (RFC 7692, section 6).
    return bytes((plain[0] | 0x40,)) + plain[1:]


def judge() -> FrameSlowPath:
    return FrameSlowPath(MAX_FRAME_BYTES, [PerMessageDeflate(False, False, 15, 15)])


def test_a_compressed_message_is_inflated() -> None:
    assert list(judge().receive(compressed("zwölf".encode()))) == ["zwölf"]


def test_a_message_is_as_large_as_it_is_inflated() -> None:
    [fine] = judge().receive(compressed(b"a" * MAX_FRAME_BYTES))
    [bomb] = judge().receive(compressed(b"a" * (MAX_FRAME_BYTES + 1)))

    assert fine == "a" * MAX_FRAME_BYTES
    assert bomb[0] == 1009  # type: ignore[index]


def test_compressed_text_is_utf_8_too() -> None:
    [found] = judge().receive(compressed(b"\xff"))

    assert found[0] == 1007  # type: ignore[index]


def test_a_message_in_fragments_is_one() -> None:
    found = [
        *judge().receive(
            masked(Opcode.TEXT, "zwö".encode()[:3], fin=False)
            + masked(Opcode.PING, b"?")
            + masked(Opcode.CONT, "zwölf".encode()[3:])
        )
    ]

    assert found == [Control(Opcode.CONT, b""), Control(Opcode.PING, b"?"), "zwölf"]


@pytest.mark.parametrize("accepts", [True, False])
async def test_an_app_that_closes_while_it_receives_gets_the_end(accepts: bool) -> None:
    ends: list[str] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if accepts:
            await send({"type": "websocket.accept"})
        receiving = asyncio.create_task(receive())
        await turns()
        await send({"type": "websocket.close"})
        ends.append((await receiving)["type"])

    socket = MemorySocket(app=app)
    await until(lambda: ends == ["websocket.disconnect"], "the end")
    await socket.lose()


def test_no_message_is_held_longer_than_it_takes() -> None:
    judge = FrameSlowPath(MAX_FRAME_BYTES, [])

    [message] = judge.receive(masked(Opcode.BINARY, b"x" * MAX_FRAME_BYTES))

    assert len(message) == MAX_FRAME_BYTES
    assert not judge._message
