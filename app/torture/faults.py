"""Faults of connections, applied to the transport below the WebSocket library."""

import socket as sockets
import struct

from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode

CLOSE = "closed"
RESET = "reset"
ABORT = "aborted"
CUT = "cut in mid-frame"
STALL = "stopped reading"
REJOIN = "joined again"
ALL = (CLOSE, RESET, ABORT, CUT, STALL, REJOIN)

# Zero linger time: unsent data is discarded, and the peer gets an RST (socket(7)).
_NO_LINGER = struct.pack("ii", 1, 0)


async def end(socket: ClientConnection, how: str) -> None:
    """End a connection by CLOSE, RESET or ABORT."""
    if how == CLOSE:
        await socket.close()
    elif how == RESET:
        reset(socket)
    else:
        socket.transport.abort()


def reset(socket: ClientConnection) -> None:
    """End a connection with an RST, as if the machine had crashed. Idempotent."""
    transport = socket.transport
    raw = transport.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, _NO_LINGER)
    transport.abort()


def cut(socket: ClientConnection, payload: bytes) -> None:
    """End a connection in the middle of the frame that carries ``payload``."""
    frame = Frame(Opcode.TEXT, payload).serialize(mask=True)
    socket.transport.write(frame[: len(frame) // 2])
    socket.transport.abort()
