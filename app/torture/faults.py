"""What happens to connections. Done to the transport, below the WebSocket library."""

import socket as sockets
import struct

from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode

CLOSE = "closed"
RESET = "reset"
ABORT = "hung up without a close"
CUT = "cut in mid-frame"
STALL = "stopped reading"
REJOIN = "joined again"
ALL = (CLOSE, RESET, ABORT, CUT, STALL, REJOIN)

# Linger for no time: what is unsent is thrown away, and the peer gets an RST (socket(7)).
_NO_LINGER = struct.pack("ii", 1, 0)


async def end(socket: ClientConnection, how: str) -> None:
    """End a connection in one of the ways above."""
    if how == CLOSE:
        await socket.close()
    elif how == RESET:
        reset(socket)
    else:
        socket.transport.abort()


def reset(socket: ClientConnection) -> None:
    """End a connection as if the machine were gone. Idempotent."""
    transport = socket.transport
    raw = transport.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, _NO_LINGER)
    transport.abort()


def cut(socket: ClientConnection, payload: bytes) -> None:
    """End a connection with half a frame on the way."""
    frame = Frame(Opcode.TEXT, payload).serialize(mask=True)
    socket.transport.write(frame[: len(frame) // 2])
    socket.transport.abort()
