"""How long a peer may be silent, and what is made for one that does nothing unusual."""

import pytest
from uvicorn.server import ServerState
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode

from app.transport import keepalive as bounded
from app.transport.websocket import WebSocketProtocol
from tests.harness.patience import patience, until
from tests.harness.server import Server
from tests.transport.conftest import configuration, listening

OFTEN = {"ws_ping_interval": 0.005}
# Of uvicorn and of the app, the same for every connection.
SHARED = {
    *("config", "app", "loop", "logger", "app_state"),
    *("connections", "tasks"),
    # Each gets the present ones from whoever makes it.
    "default_headers",
}
UNCHANGING = (type(None), bool, int, float, str, bytes)


async def test_a_peer_that_answers_pings_stays_and_needs_nothing_of_websockets(
    server: Server,
) -> None:
    ana = await server.person("ana")
    async with listening(server, **OFTEN) as (port, state):
        async with connect(f"ws://127.0.0.1:{port}/ws/general?token={ana.token}") as socket:
            [protocol] = state.connections
            sent_at = set()

            def pinged() -> bool:
                sent_at.add(protocol.ping_sent_at)
                return len(sent_at) > 5

            await until(pinged, "five pings and pongs")

            assert protocol._conn is None
            await socket.send("hello")
            async with patience("the message"):
                while "hello" not in str(await socket.recv()):
                    pass


async def test_a_pong_that_nobody_waits_for_changes_nothing(server: Server) -> None:
    ana = await server.person("ana")
    async with listening(server, **OFTEN) as (port, state):
        async with connect(f"ws://127.0.0.1:{port}/ws/general?token={ana.token}") as socket:
            # It reads no ping.
            socket.transport.pause_reading()
            [protocol] = state.connections
            await until(lambda: protocol.pong_timer is not None, "a ping")
            socket.transport.write(Frame(Opcode.PONG, b"nobody asked").serialize(mask=True))
            await until(lambda: protocol._conn is not None, "its being judged")

            assert protocol.pong_timer is not None
            socket.transport.resume_reading()


async def test_a_peer_that_answers_no_ping_is_let_go(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "CLOSE_SECONDS", 0.2)
    ana = await server.person("ana")
    async with listening(server, **OFTEN, ws_ping_timeout=0.05) as (port, state):
        async with connect(f"ws://127.0.0.1:{port}/ws/general?token={ana.token}") as socket:
            socket.transport.pause_reading()
            [protocol] = state.connections
            await until(lambda: protocol.close_sent, "its being given up")
            socket.transport.resume_reading()
            async with patience("the end"):
                await socket.wait_closed()

    assert socket.close_code == 4108


async def test_a_goodbye_that_was_answered_disturbs_nobody_who_says_one_too(
    server: Server,
) -> None:
    ana = await server.person("ana")
    async with listening(server) as (port, state):
        async with connect(f"ws://127.0.0.1:{port}/ws/general?token={ana.token}") as socket:
            await socket.recv()
            [protocol] = state.connections
            bye = Frame(Opcode.CLOSE, (1000).to_bytes(2)).serialize(mask=True)

            # All in one moment: the client closes, and so do the app and the server.
            protocol.data_received(bye)
            await protocol.send({"type": "websocket.close", "code": 4001, "reason": "out"})
            protocol.shutdown()

            async with patience("the end"):
                await socket.wait_closed()

    assert socket.close_code == 1000


async def test_connections_share_nothing_that_changes(server: Server) -> None:
    first = WebSocketProtocol(configuration(server), ServerState(), {})

    one, other = vars(first.fresh()), vars(first.fresh())

    shared = {name for name, value in one.items() if value is other[name]}
    assert {name for name in shared if not isinstance(one[name], UNCHANGING)} == SHARED
