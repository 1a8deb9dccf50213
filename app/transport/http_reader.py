"""
HTTP/1.1 requests out of a byte stream, one at a time (RFC 9112). No I/O.

httptools parses: it sees every byte once, in order, and it alone knows where a request ends. What
it leaves to its caller is here: ``Host``, versions, sizes, and that one request is read while
the next ones wait unread.

The parser can't be stopped in what it is fed. So it is fed pieces that end where a header may
end, with an empty line: however the bytes are meant, at most one header more than the present
request's is complete within a piece.
"""

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from ..domain.limits import CHUNK_FRAMING_FACTOR, READ_PIECES_PER_TURN
from .context import Headers, TransportLimits
from .http_request import (
    EMPTY_LINE,
    InvalidRequest,
    Request,
    check,
    without_offer,
)


class RequestReader:
    """
    Reads a connection's requests.

    :meth:`receive` reads on until :attr:`request` is complete; what came behind it waits until
    :meth:`next_request`.
    """

    __slots__ = (
        "_ahead",
        "_body_bytes",
        "_error",
        "_framing_bytes",
        "_head_bytes",
        "_headers",
        "_ignored_offer",
        "_in_head",
        "_limits",
        "_parser",
        "_piece_body",
        "_piece_bytes",
        "_requests",
        "_target",
    )

    def __init__(self, limits: TransportLimits) -> None:
        self._limits = limits
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        # The present one, and one whose header came in the same piece as its end.
        self._requests: list[Request] = []
        self._error: InvalidRequest | None = None
        self._ahead = b""
        self._in_head = True
        # Of the request whose header or body comes.
        self._target = b""
        self._headers: Headers = []
        self._head_bytes = 0
        self._body_bytes = 0
        self._framing_bytes = 0
        # The piece that is parsed, and what of it is body.
        self._piece_bytes = 0
        self._piece_body = 0
        # A header with an offer to upgrade that is as if it were not there.
        self._ignored_offer: bytes | None = None

    @property
    def request(self) -> Request | None:
        """The present request; None until its header is complete."""
        return self._requests[0] if self._requests else None

    @property
    def has_ahead(self) -> bool:
        """Whether bytes wait that have not been looked at."""
        return bool(self._ahead)

    def receive(self, data: bytes) -> None:
        """
        Read on, as far as the present request goes and as a turn of the loop may take.

        Raises:
            InvalidRequest: If it can't be answered. Nothing more can be read then.

        """
        if self._ahead:
            data = self._ahead + data
            self._ahead = b""
        start = 0
        for _ in range(READ_PIECES_PER_TURN):
            if start == len(data) or (self._requests and self._requests[0].complete):
                break
            stop = data.find(EMPTY_LINE, start) + len(EMPTY_LINE)
            if stop < len(EMPTY_LINE):
                stop = len(data)
            start += self._feed(data[start:stop])
        self._ahead = data[start:]

    def next_request(self) -> None:
        """
        The present request has been answered: the next one becomes it.

        Raises:
            InvalidRequest: If what came behind it is none.

        """
        del self._requests[0]
        if self._error is not None and not self._requests:
            raise self._error

    def take_ahead(self) -> bytes:
        """What came behind a request for another protocol."""
        ahead, self._ahead = self._ahead, b""
        return ahead

    def close(self) -> None:
        """Break the reference cycle here instead of leaving it to the GC."""
        self._parser = None

    def _feed(self, piece: bytes) -> int:
        """Have a piece parsed; how much of it was."""
        assert self._parser is not None
        self._piece_bytes, self._piece_body = len(piece), 0
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade as upgrade:
            parsed: int = upgrade.args[0]
        except HttpParserError as exc:
            self._fail(_reason(exc))
            return len(piece)
        else:
            self._count(len(piece) - self._piece_body)
            return len(piece)
        if self._ignored_offer is not None:
            self._parse_without_offer(self._ignored_offer)
        return parsed

    def _count(self, size: int) -> None:
        """Bound what comes and is no body: of a header that does not end, and beside a body."""
        if self._in_head:
            self._head_bytes += size
            if self._head_bytes > self._limits.max_header_bytes:
                self._fail(InvalidRequest("The header of the request is too large."))
        elif self._requests and not self._requests[-1].complete:
            self._framing_bytes += size
            allowed = self._limits.max_header_bytes + CHUNK_FRAMING_FACTOR * self._body_bytes
            if self._framing_bytes > allowed:
                self._fail(InvalidRequest("The chunks of the body are too small, or no chunks."))

    def _fail(self, error: InvalidRequest) -> None:
        self._error = error
        # Behind a request that is whole, it is answered after that.
        if not self._requests or not self._requests[0].complete:
            raise error

    def _parse_without_offer(self, head: bytes) -> None:
        """
        Read a header anew, without an offer to upgrade that we don't take up.

        With it, httptools takes what follows for the other protocol, and there is no body.
        RFC 9110, section 7.8: it is ignored, and the request answered as it is.
        """
        self._ignored_offer = None
        self._parser = HttpRequestParser(self)
        try:
            self._parser.feed_data(head)
        except HttpParserError as exc:
            self._fail(_reason(exc))

    # What httptools calls

    def on_message_begin(self) -> None:
        """Another request."""
        self._in_head = True
        self._target = b""
        self._headers = []
        self._head_bytes = self._body_bytes = self._framing_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A part of its target."""
        self._target += url
        if len(self._target) > self._limits.max_target_bytes:
            raise InvalidRequest("The target of the request is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of its header, or, behind the body, of its trailers: those have no meaning."""
        if not self._in_head:
            return
        self._headers.append((name.lower(), value))
        if len(self._headers) > self._limits.max_headers:
            raise InvalidRequest("The request has too many headers.")

    def on_headers_complete(self) -> None:
        """The header is whole."""
        parser = self._parser
        assert parser is not None
        self._in_head = False
        if self._head_bytes + self._piece_bytes > self._limits.max_header_bytes:
            # In the piece may be the end of a body, too.
            size = sum(len(name) + len(value) for name, value in self._headers)
            if size > self._limits.max_header_bytes:
                raise InvalidRequest("The header of the request is too large.")
        version = parser.get_http_version()
        request = Request(
            parser.get_method().decode("ascii"),
            self._target,
            version,
            self._headers,
            keep_alive=version == "1.1" and parser.should_keep_alive(),
        )
        offered = check(request)
        if parser.should_upgrade():
            # Without CONNECT, which is refused, httptools only says so of a header with an offer.
            assert offered is not None
            # RFC 9110, section 7.8: one in HTTP/1.0 is ignored.
            if offered.lower() != b"websocket" or version == "1.0":
                self._ignored_offer = without_offer(request)
                return
            request.wants_websocket = True
        self._requests.append(request)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        self._piece_body += len(body)
        self._requests[-1].body += body

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._ignored_offer is None:
            self._requests[-1].complete = True


def _reason(error: HttpParserError) -> InvalidRequest:
    """Why the parser has stopped: one of our checks, or its own."""
    reason = error.__context__
    if isinstance(reason, InvalidRequest):
        return reason
    return InvalidRequest(f"This is not HTTP/1.1: {error}.")
