"""Who comes in by which way, and how long they may stand in the door."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any

import pytest
from uvicorn.server import ServerState
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

from app.transport.context import TransportLimits
from app.transport.http import HttpProtocol
from app.transport.sniffer import ProtocolSniffer
from app.transport.websocket import WebSocketProtocol
from tests.harness.patience import patience, until
from tests.harness.server import Server
from tests.transport.conftest import listening
from tests.transport.memory import masked

ASK = b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n"


def kinds(state: ServerState) -> list[type]:
    return [type(connection) for connection in state.connections]


async def test_one_who_says_nothing_yet_stands_in_the_door(server: Server) -> None:
    async with listening(server) as (port, state):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: kinds(state) == [ProtocolSniffer], "the connection")

        writer.write(ASK)
        async with patience("the answer"):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        assert kinds(state) == [HttpProtocol]

        writer.close()
        await until(lambda: not state.connections, "the end")


@pytest.mark.parametrize("at", [1, 20, len(ASK) - 1])
async def test_a_request_may_come_in_two_pieces(server: Server, at: int) -> None:
    async with listening(server) as (port, state):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ASK[:at])
        await until(lambda: kinds(state) == [HttpProtocol], "the first piece")
        writer.write(ASK[at:])

        async with patience("the answer"):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        await until(lambda: not state.connections, "the end")


@pytest.mark.parametrize("whole", [True, False], ids=["in one piece", "in two"])
async def test_a_handshake_is_answered_the_same_by_either_way(server: Server, whole: bool) -> None:
    ana = await server.person("ana")
    async with listening(server) as (port, state):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        said = (
            f"GET /ws?token={ana.token} HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: other, parley.v1\r\n\r\n"
        ).encode()
        if not whole:
            writer.write(said[:40])
            await until(lambda: kinds(state) == [HttpProtocol], "the first piece")
            said = said[40:]
        writer.write(said)

        async with patience("the answer"):
            answer = await reader.readuntil(b"\r\n\r\n")
        first, *headers = answer.lower().split(b"\r\n")
        assert first == b"http/1.1 101 switching protocols"
        assert b"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in headers
        assert b"sec-websocket-protocol: parley.v1" in headers
        assert kinds(state) == [WebSocketProtocol]
        writer.close()
        await until(lambda: not state.connections and not state.tasks, "the end")


@pytest.mark.parametrize("way", ["plain", "in pieces", "with compression"])
async def test_frames_that_come_with_a_handshake_are_read_behind_it(
    server: Server, way: str
) -> None:
    ana = await server.person("ana")
    said = (
        f"GET /ws/general?token={ana.token} HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n"
    )
    if way == "with compression":
        said += "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    frames = masked(Opcode.TEXT, b"one") + masked(Opcode.TEXT, b"two", fin=False)
    frames += masked(Opcode.CONT, b" and three")
    data = f"{said}\r\n".encode() + frames
    async with listening(server, compression=True) as (port, state):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if way == "in pieces":
            writer.write(data[:9])
            await until(lambda: kinds(state) == [HttpProtocol], "the first piece")
            data = data[9:]
        writer.write(data)
        async with patience("what was said"):
            heard = await reader.readuntil(b'"text":"two and three"')

        assert b'"text":"one"' in heard
        writer.close()
        await until(lambda: not state.connections and not state.tasks, "the end")


class Plain:
    """An app that knows nothing but ASGI, and says back what it hears."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while (event := await receive())["type"] != "websocket.disconnect":
            self.events.append(event["type"])
            if event["type"] == "websocket.connect" and scope["path"] == "/no":
                await send({"type": "websocket.close"})
                return
            if event["type"] == "websocket.connect":
                headers = [(b"x-app", b"plain")]
                chosen = (scope["subprotocols"] or [None])[-1]
                await send({"type": "websocket.accept", "subprotocol": chosen, "headers": headers})
            elif event.get("text") == "bye":
                await send({"type": "websocket.close", "code": 3001, "reason": "bye"})
                return
            else:
                await send({**event, "type": "websocket.send"})
        self.events.append((await receive())["type"])


async def test_an_app_may_know_nothing_but_asgi(server: Server) -> None:
    app = Plain()
    async with listening(server, app=app) as (port, state):
        async with connect(f"ws://127.0.0.1:{port}/", subprotocols=["a", "b"]) as client:  # type: ignore[list-item]
            assert client.subprotocol == "b"
            assert client.response is not None
            assert client.response.headers["x-app"] == "plain"
            for said in ("text", b"bytes", "x" * 50_000):
                await client.send(said)
                assert await client.recv() == said
        await until(lambda: not state.connections and not state.tasks, "the end")
        assert app.events[-1] == "websocket.disconnect"

        async with connect(f"ws://127.0.0.1:{port}/") as client:
            await client.send("bye")
            await client.wait_closed()
        assert (client.close_code, client.close_reason) == (3001, "bye")


async def test_an_app_may_refuse_a_handshake(server: Server) -> None:
    async with listening(server, app=Plain()) as (port, state):
        with pytest.raises(InvalidStatus, match="403"):
            await connect(f"ws://127.0.0.1:{port}/no")
        await until(lambda: not state.connections and not state.tasks, "the end")


async def test_who_wants_compression_gets_it_by_the_long_way(server: Server) -> None:
    ana = await server.person("ana")
    async with listening(server, compression=True) as (port, state):
        async with connect(f"ws://127.0.0.1:{port}/ws?token={ana.token}") as socket:
            assert socket.response is not None
            assert "permessage-deflate" in socket.response.headers["sec-websocket-extensions"]
        await until(lambda: not state.connections and not state.tasks, "the end")


@pytest.mark.parametrize("said", [b"", b"GET", ASK[:-1]], ids=["nothing", "a bit", "nearly all"])
async def test_a_first_request_that_never_ends_is_not_waited_for(
    server: Server, said: bytes
) -> None:
    async with listening(server, limits=TransportLimits(request_seconds=0.05)) as (port, state):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)

        async with patience("the end"):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
        await until(lambda: not state.connections, "its being dropped")
        writer.close()


async def test_a_server_that_stops_closes_the_door(server: Server) -> None:
    async with listening(server) as (port, state):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: kinds(state) == [ProtocolSniffer], "the connection")

        for connection in list(state.connections):
            connection.shutdown()

        async with patience("the end"):
            assert await reader.read() == b""
        await until(lambda: not state.connections, "the end")
        writer.close()


async def test_who_sends_and_goes_at_once_is_known_by_address(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    async def app(scope: Any, _receive: object, _send: object) -> None:
        seen.append(scope["client"])

    async with listening(server, app=app) as (port, state):
        peer = socket.create_connection(("127.0.0.1", port))
        address = peer.getsockname()
        peer.sendall(ASK)
        # RST: from here on the kernel knows no peer.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()

        await until(lambda: seen, "the request")
        assert seen == [address]
        await until(lambda: not state.connections and not state.tasks, "the end")
