"""An HTTP/1.1 request, and the checks of its header that httptools doesn't make (RFC 9112)."""

import re

from httptools import HttpParserError, parse_url

from ..domain.connection_limits import MAX_UNREAD_BODY_BYTES
from .context import Headers

EMPTY_LINE = b"\r\n\r\n"
_CHECKED = frozenset((b"expect", b"host", b"transfer-encoding", b"upgrade"))
_VERSIONS = frozenset(("1.0", "1.1"))
# llhttp also reads RTSP and Icecast's protocol, and doesn't say so. These methods are theirs
# alone; a GET, POST or OPTIONS of RTSP is framed like one of HTTP, and answered as such.
_OTHER_PROTOCOLS = frozenset(
    (
        "ANNOUNCE",
        "DESCRIBE",
        "FLUSH",
        "GET_PARAMETER",
        "PAUSE",
        "PLAY",
        "RECORD",
        "REDIRECT",
        "SETUP",
        "SET_PARAMETER",
        "SOURCE",
        "TEARDOWN",
    )
)
# RFC 9110, section 7.2: a name or an address, and a port; it may be empty.
HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Za-z:.%_~-]+\])(?::[0-9]*)?")


class InvalidRequest(Exception):
    """The request is invalid. The text is a sentence for its sender."""


class Request:
    """A request whose header is complete; its body may still be arriving."""

    __slots__ = (
        "body",
        "complete",
        "expects_continue",
        "headers",
        "keep_alive",
        "method",
        "path",
        "query",
        "target",
        "version",
        "wants_websocket",
    )

    def __init__(
        self, method: str, target: bytes, version: str, headers: Headers, *, keep_alive: bool
    ) -> None:
        self.method = method
        self.target = target
        self.path = self.query = b""
        """Of the target, when :func:`check` has split it."""
        self.version = version
        self.headers = headers
        """Their names are in lower case."""
        self.keep_alive = keep_alive
        self.wants_websocket = False
        self.expects_continue = False
        self.body = bytearray()
        """What has arrived and has not been taken by the app."""
        self.complete = False

    @property
    def is_long(self) -> bool:
        """Whether the app has left so much of the body that reading pauses."""
        return len(self.body) > MAX_UNREAD_BODY_BYTES

    def split_target(self) -> None:
        """
        Set path and query.

        Raises:
            InvalidRequest: If the target is neither a path nor a URL with one.

        """
        target = self.target
        if target.startswith(b"/"):
            self.path, _, self.query = target.partition(b"#")[0].partition(b"?")
            return
        try:
            url = parse_url(target)
        except HttpParserError:
            raise InvalidRequest("The target of the request is no path.") from None
        self.path, self.query = url.path or b"/", url.query or b""

    def origin_form(self) -> bytes:
        """Path and query in one (RFC 9112, section 3.2.1), whichever form was sent."""
        return b"%s?%s" % (self.path, self.query) if self.query else self.path


def check(request: Request) -> bytes | None:
    """Check what httptools doesn't; return the value of ``Upgrade``, if there is one."""
    version = request.version
    if version not in _VERSIONS:
        raise InvalidRequest(f"HTTP/{version} is not spoken here.")
    if request.method in _OTHER_PROTOCOLS:
        raise InvalidRequest("This is not HTTP/1.1: a method of another protocol.")
    hosts = 0
    offered = None
    for name, value in request.headers:
        if name not in _CHECKED:
            continue
        if name == b"host":
            hosts += 1
            if not HOST.fullmatch(value):
                raise InvalidRequest("The Host header is no host.")
        elif name == b"upgrade":
            offered = value
        elif name == b"transfer-encoding":
            if version == "1.0":
                # RFC 9112, section 6.1: its framing can't be trusted.
                raise InvalidRequest("HTTP/1.0 has no Transfer-Encoding.")
            if value.lower() != b"chunked":
                raise InvalidRequest("No transfer coding but chunked is understood here.")
        elif name == b"expect" and value.lower() == b"100-continue":
            request.expects_continue = version == "1.1"
    # RFC 9112, section 3.2.
    if hosts > 1 or (not hosts and version == "1.1"):
        raise InvalidRequest("A request has exactly one Host header.")
    if not request.target.isascii():
        raise InvalidRequest("The target of the request is not ASCII.")
    if request.method == "CONNECT":
        raise InvalidRequest("The target of the request is no path.")
    request.split_target()
    return offered


def without_offer(request: Request) -> bytes:
    """The header as bytes, without its offer to upgrade."""
    lines = [
        b"%s %s HTTP/%s" % (request.method.encode(), request.target, request.version.encode())
    ]
    lines += [b"%s: %s" % header for header in request.headers if header[0] != b"upgrade"]
    return b"\r\n".join(lines) + EMPTY_LINE
