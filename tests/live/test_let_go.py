"""What is left of a connection when it is over: nothing, and the collector was not needed."""

import asyncio
import gc

import uvicorn
from uvicorn.server import ServerState
from websockets.asyncio.client import connect

from app.api.ws import Socket
from app.live.connection import Connection, Subscription
from app.live.extension import FastTransport
from app.live.http import ParleyHttpProtocol
from app.live.transport import ParleyWebSocketProtocol
from app.server import options
from tests.harness.patience import turns, until
from tests.harness.server import Server

OF_A_CONNECTION = (
    ParleyHttpProtocol,
    ParleyWebSocketProtocol,
    FastTransport,
    Socket,
    Connection,
    Subscription,
)


def left() -> list[type]:
    return [type(found) for found in gc.get_objects() if isinstance(found, OF_A_CONNECTION)]


async def test_nothing_is_left_of_a_connection(server: Server) -> None:
    chosen = options(forwarded_allow_ips="127.0.0.1", ws_compression=False, shutdown_seconds=1)
    config = uvicorn.Config(server.app, **chosen)
    config.load()
    state = ServerState()
    listening = await asyncio.get_running_loop().create_server(
        lambda: ParleyHttpProtocol(config, state, {"runtime": server.runtime}), "127.0.0.1", 0
    )
    port = listening.sockets[0].getsockname()[1]
    ana = await server.person("ana")
    gc.collect()
    gc.disable()
    try:
        async with connect(f"ws://127.0.0.1:{port}/ws/general?token={ana.token}") as socket:
            while "caught_up" not in str(await socket.recv()):
                pass
            assert set(left()) == set(OF_A_CONNECTION) - {ParleyHttpProtocol}
        await until(lambda: not state.connections and not state.tasks, "the end")
        await turns()

        assert left() == []
    finally:
        gc.enable()
        listening.close()
        await listening.wait_closed()
