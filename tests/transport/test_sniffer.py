"""Who comes in by which way, and how long they may stand in the door."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any

import pytest
from uvicorn.server import ServerState
from websockets.asyncio.client import connect

from app.transport.context import TransportLimits
from app.transport.http import HttpProtocol
from app.transport.sniffer import ProtocolSniffer
from app.transport.websocket import WebSocketProtocol
from tests.harness.patience import patience, until
from tests.harness.server import Server
from tests.transport.conftest import listening

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
