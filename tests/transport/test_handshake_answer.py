"""What goes out before the answer to a handshake: nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from uvicorn.server import ServerState
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode

from app.transport.context import TransportLimits
from app.wire.websocket_frame import payloads_of
from tests.harness.databases import GatedDatabase
from tests.harness.patience import patience, until
from tests.harness.server import open_server
from tests.transport.conftest import listening

OFTEN = TransportLimits(ping_seconds=0.005)
END = b"\r\n\r\n"


@dataclass
class Asking:
    """Somebody who has sent a handshake, for which nothing has been read yet."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: ServerState
    go_on: Callable[[], None]

    @property
    def protocol(self) -> Any:
        """The server's end."""
        [protocol] = self.state.connections
        return protocol


@asynccontextmanager
async def asking(gated: GatedDatabase) -> AsyncIterator[Asking]:
    """Ana asks."""
    async with open_server(gated) as server:
        ana = await server.person("ana")
        await server.joins("ana", "general")
        await gated.quiet()
        async with listening(server, limits=OFTEN) as (port, state):
            with ExitStack() as stack:
                gate = stack.enter_context(gated.holding_reads())
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(
                    f"GET /ws/general?token={ana.token} HTTP/1.1\r\nHost: here\r\n"
                    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                    "Sec-WebSocket-Version: 13\r\n\r\n".encode()
                )
                await until(lambda: gate.waiting, "the read")
                yield Asking(reader, writer, state, stack.close)
            writer.close()
            await until(lambda: not state.connections and not state.tasks, "the end")


async def test_what_a_client_says_before_it_is_answered_is_answered_later(
    gated: GatedDatabase,
) -> None:
    async with asking(gated) as ana:
        for opcode, data in ((Opcode.PING, b"early"), (Opcode.TEXT, b"hello")):
            ana.writer.write(Frame(opcode, data).serialize(mask=True))
        await until(lambda: ana.protocol._pacer._unread, "what was said")
        ana.go_on()

        heard = b""
        async with patience("the answers"):
            while b"hello" not in heard or b"early" not in heard:
                heard += await ana.reader.read(65_536)

    answer, _, frames = heard.partition(END)
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"welcome" in payloads_of(frames)[0]


async def test_what_comes_in_pieces_before_the_answer_keeps_its_order(
    gated: GatedDatabase,
) -> None:
    async with asking(gated) as ana:
        stream = b"".join(Frame(Opcode.TEXT, b"%d" % n).serialize(mask=True) for n in range(100))
        ana.writer.write(stream[:9])
        await until(lambda: ana.protocol._pacer._unread, "the first piece")
        assert not ana.protocol._transport.is_reading()
        ana.writer.write(stream[9:])
        ana.go_on()

        heard = b""
        async with patience("the messages"):
            while b'"text":"99"' not in heard:
                heard += await ana.reader.read(65_536)

    texts = [b'"text":"%d"' % n for n in range(100)]
    assert [heard.index(text) for text in texts] == sorted(heard.index(text) for text in texts)


async def test_the_answer_has_the_date_of_now(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        ana = await server.person("ana")
        async with listening(server) as (port, state):
            url = f"ws://127.0.0.1:{port}/ws?token={ana.token}"
            for date in (b"Monday", b"Tuesday"):
                # As uvicorn does, each second.
                state.default_headers = [(b"date", date)]
                async with connect(url) as socket:
                    assert socket.response is not None
                    assert socket.response.headers["date"] == date.decode()


async def test_a_server_that_stops_answers_whom_it_has_not_accepted(gated: GatedDatabase) -> None:
    async with asking(gated) as ana:
        ana.protocol.shutdown()

        async with patience("the answer"):
            assert (await ana.reader.read()).startswith(b"HTTP/1.1 500 ")


async def test_a_client_that_has_gone_meanwhile_disturbs_nobody(gated: GatedDatabase) -> None:
    async with asking(gated) as ana:
        ana.writer.transport.abort()
        await until(lambda: not ana.state.connections, "its being gone")
