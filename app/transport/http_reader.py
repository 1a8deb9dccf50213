"""
HTTP/1.1 requests out of a byte stream, one at a time (RFC 9112). No I/O.

httptools parses: it gets every byte once, in order, and only it knows where a request ends. What
it leaves to its caller is here: checking ``Host``, versions and sizes, and reading one request at
a time while what follows waits unread.

The parser can't be stopped within the bytes that it is fed. So it is fed short pieces that are cut
after each empty line, where a header may end. Whatever the bytes mean, a piece then completes at
most one header, and ends with it.

One count bounds what a request has beside its body: empty lines before it, its header, the sizes
and extensions of chunks, trailers. A piece is counted as a whole, less what the parser says is
body. The only bytes in it that may belong to another request are the end of the previous one's
body, since a body in chunks ends with an empty line, and so with its piece.
"""

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from ..domain.connection_limits import (
    CHUNK_FRAMING_FACTOR,
    MAX_PIPELINED_BYTES,
    READ_PIECE_BYTES,
    READ_PIECES_PER_TURN,
)
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
        "_headers",
        "_ignored_offer",
        "_has_dropped",
        "_in_head",
        "_limits",
        "_other_bytes",
        "_parser",
        "_parts",
        "_piece_other_bytes",
        "_requests",
        "_tail",
        "_target",
    )

    def __init__(self, limits: TransportLimits) -> None:
        self._limits = limits
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        # The current one, and the next if its header was in the piece with the current one's end.
        self._requests: list[Request] = []
        self._error: InvalidRequest | None = None
        self._ahead = b""
        self._has_dropped = False
        # The last bytes that were parsed: an empty line may begin in them.
        self._tail = b""
        # Pieces and parts of bodies that were parsed in this turn.
        self._parts = 0
        self._in_head = True
        # Of the request that is being parsed, which may be the next one.
        self._target = b""
        self._headers: Headers = []
        self._body_bytes = 0
        # What it has beside its body: in the pieces before, and in the one that is being parsed.
        self._other_bytes = 0
        self._piece_other_bytes = 0
        # A header to parse again without its offer to upgrade, which is ignored.
        self._ignored_offer: bytes | None = None

    @property
    def request(self) -> Request | None:
        """The current request; None until its header is complete."""
        return self._requests[0] if self._requests else None

    @property
    def has_ahead(self) -> bool:
        """Whether received bytes wait that have not been parsed, or some were dropped."""
        return bool(self._ahead) or self._has_dropped

    @property
    def wants_more(self) -> bool:
        """Whether :meth:`receive` has anything to do: not once the current request is complete."""
        return not self._requests or not self._requests[0].complete

    def receive(self, data: bytes) -> None:
        """
        Parse up to the end of the current request, or as much as one turn of the loop may.

        Raises:
            InvalidRequest: If it can't be answered. Nothing more can be read then.

        """
        if self._ahead:
            data = self._ahead + data
            self._ahead = b""
        start = self._parts = 0
        while start < len(data) and self.wants_more and self._parts < READ_PIECES_PER_TURN:
            self._parts += 1
            start += self._feed(data[start : self._end_of_piece(data, start)])
        self._ahead = data[start:]

    def drop_excess(self) -> bool:
        """
        Drop what waits behind the current request, if it is more than MAX_PIPELINED_BYTES.

        Returns:
            Whether it was. The current request is the last one then.

        """
        is_complete = not self.wants_more and not self._requests[0].wants_websocket
        if is_complete and len(self._ahead) > MAX_PIPELINED_BYTES:
            self._ahead, self._has_dropped = b"", True
        return self._has_dropped

    def next_request(self) -> None:
        """
        Drop the current request, which has been answered, and make the next one current.

        Raises:
            InvalidRequest: If what came after it is not a request.

        """
        del self._requests[0]
        if self._error is not None and not self._requests:
            raise self._error

    def take_ahead(self) -> bytes:
        """Take what came after a request to upgrade: bytes of the other protocol."""
        ahead, self._ahead = self._ahead, b""
        return ahead

    def close(self) -> None:
        """Break the reference cycle here instead of leaving it to the GC."""
        self._parser = None

    def _end_of_piece(self, data: bytes, start: int) -> int:
        """Where the piece of ``data`` ends that begins there."""
        if data[start] in EMPTY_LINE:
            across = self._tail + data[start : start + len(EMPTY_LINE) - 1]
            found = across.find(EMPTY_LINE)
            if found >= 0:
                return start + found + len(EMPTY_LINE) - len(self._tail)
        most = start + READ_PIECE_BYTES
        found = data.find(EMPTY_LINE, start, most)
        return found + len(EMPTY_LINE) if found >= 0 else min(most, len(data))

    def _feed(self, piece: bytes) -> int:
        """Parse a piece; return how many of its bytes were parsed."""
        assert self._parser is not None
        self._tail = piece[-3:] if len(piece) >= 3 else (self._tail + piece)[-3:]
        parsed = self._piece_other_bytes = len(piece)
        try:
            self._parser.feed_data(piece)
            if self._other_bytes + self._piece_other_bytes > self._limits.max_header_bytes:
                self._check_size()
        except HttpParserUpgrade as upgrade:
            parsed = upgrade.args[0]
        except (HttpParserError, InvalidRequest) as exc:
            self._fail(_reason(exc))
            return parsed
        if self._ignored_offer is not None:
            self._parse_without_offer(self._ignored_offer)
        self._other_bytes += self._piece_other_bytes
        return parsed

    def _check_size(self) -> None:
        """Limit what the request has beside its body."""
        allowed = self._limits.max_header_bytes + CHUNK_FRAMING_FACTOR * self._body_bytes
        if self._other_bytes + self._piece_other_bytes <= allowed:
            return
        if self._in_head:
            raise InvalidRequest("The header of the request is too large.")
        raise InvalidRequest("The chunks of the body are too small, or no chunks.")

    def _fail(self, error: InvalidRequest) -> None:
        self._error = error
        # A complete request before it is answered first; then next_request raises the error.
        if not self._requests or not self._requests[0].complete:
            raise error

    def _parse_without_offer(self, head: bytes) -> None:
        """
        Parse a header again without its offer to upgrade, which is ignored.

        With the offer, httptools stops after the header and reads no body.
        RFC 9110, section 7.8: the request is answered as if it had none.

        This begins a message for the parser, so that of the header only the last piece is counted
        with what follows. What came before it was limited when the header was complete: in all,
        such a request may have up to twice as much beside its body.
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
        self._body_bytes = self._other_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A part of its target."""
        self._target += url
        if len(self._target) > self._limits.max_target_bytes:
            raise InvalidRequest("The target of the request is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of its header or, after the body, a trailer, which is dropped."""
        if not self._in_head:
            return
        # RFC 9112, section 5: white space behind a value is none of it. llhttp keeps it.
        self._headers.append((name.lower(), value.rstrip(b" \t")))
        if len(self._headers) > self._limits.max_headers:
            raise InvalidRequest("The request has too many headers.")

    def on_headers_complete(self) -> None:
        """The header is whole."""
        parser = self._parser
        assert parser is not None
        # Before the request is known: a header ends with its piece.
        self._check_size()
        self._in_head = False
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
        self._parts += 1
        self._body_bytes += len(body)
        self._piece_other_bytes -= len(body)
        self._requests[-1].body += body

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._ignored_offer is None:
            self._requests[-1].complete = True


def _reason(error: HttpParserError | InvalidRequest) -> InvalidRequest:
    """Why the parser has stopped: one of our checks, or its own."""
    reason = error.__context__ if isinstance(error, HttpParserError) else error
    if isinstance(reason, InvalidRequest):
        return reason
    return InvalidRequest(f"This is not HTTP/1.1: {error}.")
