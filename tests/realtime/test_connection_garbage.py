"""What is left of a connection when it is over: nothing, and the collector was not needed."""

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

OF_A_CONNECTION = (
    ProtocolSniffer,
    WebSocketProtocol,
    Linger,
    Socket,
    Connection,
    Subscription,
)


def left() -> list[type]:
    return [type(each) for each in gc.get_objects() if isinstance(each, OF_A_CONNECTION)]


async def test_nothing_is_left_of_a_connection(server: Server) -> None:
    ana = await server.person("ana")
    async with listening(server) as (port, state):
        gc.collect()
        gc.disable()
        try:
            async with connect(f"ws://127.0.0.1:{port}/ws/general?token={ana.token}") as socket:
                while "caught_up" not in str(await socket.recv()):
                    pass
                assert set(left()) == set(OF_A_CONNECTION) - {ProtocolSniffer, Linger}
            await until(lambda: not state.connections and not state.tasks, "the end")
            await turns()

            assert left() == []
        finally:
            gc.enable()
