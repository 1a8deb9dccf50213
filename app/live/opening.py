"""
The opening handshake, read the short way (RFC 6455, section 4.2).

uvicorn parses it as HTTP, writes it down again, and has websockets parse that: a sixth of what
a connection costs. One in which everything is as it should be is answered here; any other goes
that way, and websockets says what is wrong with it.
"""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable, Sequence
from hashlib import sha1

from app.domain.limits import MAX_HANDSHAKE_HEADERS, MAX_HANDSHAKE_LINE_BYTES

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16

Headers = Sequence[tuple[bytes, bytes]]


def accept_value(method: str, version: str, target: bytes, headers: Headers) -> bytes | None:
    """What ``Sec-WebSocket-Accept`` has to be; None where websockets is to judge."""
    if (method, version) != ("GET", "1.1") or len(headers) > MAX_HANDSHAKE_HEADERS:
        return None
    if not target.startswith(b"/") or not target.isascii():
        return None
    if max([len(target), *(len(n) + len(v) for n, v in headers)]) > MAX_HANDSHAKE_LINE_BYTES:
        return None
    return _accept_value(headers)


def _accept_value(headers: Headers) -> bytes | None:
    once: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in (b"sec-websocket-key", b"sec-websocket-version", b"upgrade"):
            if name in once:
                return None
            once[name] = value
    key = once.get(b"sec-websocket-key", b"")
    try:
        if len(b64decode(key, validate=True)) != _KEY_BYTES:
            return None
    except Error:
        return None
    if once.get(b"sec-websocket-version") != b"13" or once.get(b"upgrade") != b"websocket":
        return None
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


def offers_compression(headers: Headers) -> bool:
    """Whether the client names any extension: there is but this one."""
    return any(name == b"sec-websocket-extensions" for name, _ in headers)


def subprotocols(headers: Headers) -> list[str]:
    """What the client offers, in its order."""
    return [
        offer.strip()
        for name, value in headers
        if name == b"sec-websocket-protocol"
        for offer in value.decode("latin-1").split(",")
    ]


def switching(accept: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The answer that opens the connection, with ``headers`` added."""
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept,
        *(name + b": " + value for name, value in headers),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def refusal(status: bytes) -> bytes:
    """The answer that does not; ``status`` is its code and phrase."""
    return b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
