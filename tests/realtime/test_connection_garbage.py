"""A closed connection is freed at once, without the garbage collector."""

import gc

from websockets.asyncio.client import connect

from app.realtime.connection import Connection, Subscription
from app.realtime.socket import Socket
from app.transport.linger import Linger
from app.transport.sniffer import ProtocolSniffer
from app.transport.websocket import WebSocketProtocol
from tests.harness.patience import turns, until
from tests.harness.server import Server
from tests.transport.conftest import listening

CONNECTION_TYPES = (
    ProtocolSniffer,
    WebSocketProtocol,
    Linger,
    Socket,
    Connection,
    Subscription,
)


def alive() -> list[type]:
    return [type(each) for each in gc.get_objects() if isinstance(each, CONNECTION_TYPES)]


async def test_nothing_is_alive_of_a_closed_connection(server: Server) -> None:
    ana = await server.person("ana")
    async with listening(server) as (port, state):
        gc.collect()
        gc.disable()
        try:
            async with connect(f"ws://127.0.0.1:{port}/ws/general?token={ana.token}") as socket:
                while "caught_up" not in str(await socket.recv()):
                    pass
                assert set(alive()) == set(CONNECTION_TYPES) - {ProtocolSniffer, Linger}
            await until(lambda: not state.connections and not state.tasks, "the end")
            await turns()

            assert alive() == []
        finally:
            gc.enable()
