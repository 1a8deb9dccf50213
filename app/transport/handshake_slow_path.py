"""
The slow path of handshakes, by websockets: those with compression, and invalid ones.

The HTTP protocol has parsed the request; here only what makes it a handshake is checked.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from websockets.datastructures import Headers
from websockets.exceptions import WebSocketException
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request
from websockets.server import ServerProtocol

from ..domain.connection_limits import MAX_HANDSHAKE_HEADER_BYTES
from .context import Headers as RawHeaders
from .handshake import Handshake

_EXTENSIONS = "Sec-WebSocket-Extensions"
# 4 KiB windows: a chat's messages are short, and each connection pays for its own.
_DEFLATE = ServerPerMessageDeflateFactory(
    server_max_window_bits=12,
    client_max_window_bits=12,
    compress_settings={"memLevel": 5},
)
_NO_BODY = b"0"
# RFC 9110, sections 15.5.6 and 15.5.22.
_NEEDED: dict[int, RawHeaders] = {
    405: [(b"allow", b"GET")],
    426: [(b"upgrade", b"websocket"), (b"connection", b"upgrade")],
}

# The library logs each handshake at a lower level.
_log = logging.getLogger("parley.ws.handshakes")
_log.setLevel(logging.WARNING)


class Rejection(NamedTuple):
    """Why a handshake is refused: an HTTP status, a sentence, and headers that belong to it."""

    status: int
    detail: str
    headers: Sequence[tuple[bytes, bytes]] = ()


def check_handshake(
    method: str, target: bytes, headers: RawHeaders, *, compression: bool
) -> Handshake | Rejection:
    """Check an HTTP request as a handshake. The names of ``headers`` are in lower case."""
    for name, value in headers:
        if name == b"transfer-encoding" or (name == b"content-length" and value != _NO_BODY):
            return Rejection(400, "A handshake has no body.")
        if len(name) + len(value) > MAX_HANDSHAKE_HEADER_BYTES:
            return Rejection(431, "A header of the handshake is too large.")
    server = ServerProtocol(extensions=[_DEFLATE] if compression else [], logger=_log)
    try:
        given = Headers(
            [(name.decode("ascii"), value.decode("latin-1")) for name, value in headers]
        )
    except (ValueError, WebSocketException):
        return Rejection(400, "A header of the handshake is not legal.")
    response = server.accept(Request(target.decode("ascii"), given, method))
    if response.status_code != 101:
        # RFC 6455, section 4.4: a client of another version learns which one is spoken.
        needed = [*_NEEDED.get(response.status_code, ()), (b"sec-websocket-version", b"13")]
        return Rejection(response.status_code, _sentence(response.body), needed)
    accept = response.headers["Sec-WebSocket-Accept"].encode("ascii")
    agreed = response.headers.get(_EXTENSIONS)
    added = [] if agreed is None else [(_EXTENSIONS.encode(), agreed.encode("ascii"))]
    return Handshake(target, headers, accept, server.extensions, added)


def _sentence(body: object) -> str:
    text = bytes(body).decode() if isinstance(body, bytes | bytearray) else ""
    return text.partition("\n")[0] or "This is no handshake of a WebSocket."
