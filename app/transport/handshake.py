"""
The opening handshake, read on the fast path (RFC 6455, section 4.2).

A plain, valid one is recognised by a regular expression, at a fifth of the cost of an HTTP parser
and websockets. Any other is read as HTTP, and checked by websockets: see
:mod:`app.transport.handshake_slow_path`.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable, Sequence
from hashlib import sha1
from typing import NamedTuple

from websockets.extensions import Extension

from ..domain.connection_limits import MAX_HANDSHAKE_HEADERS, MAX_PLAIN_HANDSHAKE_BYTES
from .http_request import HOST

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16
_OFFERS = b"sec-websocket-protocol"

Headers = Sequence[tuple[bytes, bytes]]

# A token, and a list of them (RFC 9110, sections 5.6.2 and 5.6.1).
_TOKEN = rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_TOKENS = re.compile(_TOKEN + rb"(?:[ \t]*,[ \t]*" + _TOKEN + rb")*")
# A request in which no character needs a second look: of RFC 3986, sections 3.3 and 3.4, in its
# target; tokens as names of headers; printable ones in their values.
_PLAIN = re.compile(
    rb"GET (/[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*) HTTP/1\.1\r\n"
    rb"((?:" + _TOKEN + rb":[\t -~]*\r\n)+)\r\n"
)
# Headers that may occur once...
_ONCE = frozenset(
    (
        b"connection",
        b"host",
        b"origin",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"upgrade",
    )
)
# ...and those that need the slow path.
_NEVER = frozenset({b"content-length", b"transfer-encoding", b"expect"})


class Handshake(NamedTuple):
    """A request for a WebSocket that may be accepted."""

    target: bytes
    headers: list[tuple[bytes, bytes]]
    """Their names are in lower case."""
    accept: bytes
    """The value of ``Sec-WebSocket-Accept`` in the response."""
    extensions: Sequence[Extension] = ()
    """Those that were agreed on..."""
    response_headers: Headers = ()
    """...and how the answer says so."""


def plain_handshake(head: bytes) -> Handshake | None:
    """Parse ``head`` as one whole plain handshake; None if it needs the slow path."""
    if len(head) > MAX_PLAIN_HANDSHAKE_BYTES:
        return None
    found = _PLAIN.fullmatch(head)
    if found is None:
        return None
    headers = []
    for line in found[2][:-2].split(b"\r\n"):
        name, _, value = line.partition(b":")
        headers.append((name.lower(), value.strip()))
    if len(headers) > MAX_HANDSHAKE_HEADERS:
        return None
    accept = _accept_value(headers)
    return None if accept is None else Handshake(found[1], headers, accept)


def _accept_value(headers: Headers) -> bytes | None:
    once: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _ONCE:
            if name in once:
                return None
            once[name] = value
        elif name in _NEVER or (name == _OFFERS and not _TOKENS.fullmatch(value)):
            return None
    if once.get(b"sec-websocket-version") != b"13" or once.get(b"upgrade") != b"websocket":
        return None
    if b"host" not in once or not HOST.fullmatch(once[b"host"]):
        return None
    options = once.get(b"connection", b"")
    if not _TOKENS.fullmatch(options) or b"upgrade" not in _list(options.lower()):
        return None
    key = once.get(b"sec-websocket-key", b"")
    try:
        if len(b64decode(key, validate=True)) != _KEY_BYTES:
            return None
    except Error:
        return None
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


def _list(value: bytes) -> list[bytes]:
    return [member.strip() for member in value.split(b",")]


def offers_compression(headers: Headers) -> bool:
    """Whether the client offers an extension: compression is the only one that there is."""
    return any(name == b"sec-websocket-extensions" for name, _ in headers)


def subprotocols(headers: Headers) -> list[str]:
    """What the client offers, in its order."""
    return [
        offer.decode("ascii")
        for name, value in headers
        if name == _OFFERS
        for offer in _list(value)
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
    """The response that refuses the handshake; ``status`` is its code and phrase."""
    return b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
