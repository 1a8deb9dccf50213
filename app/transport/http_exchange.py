"""One HTTP request and the response to it, as the app sees them: ASGI's receive and send."""

import asyncio
from asyncio import Future
from http import HTTPStatus
from typing import TYPE_CHECKING

from .context import Headers, Message
from .header_fields import check_fields, content_length
from .http_request import Request

if TYPE_CHECKING:
    from .http import HttpProtocol

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS_LINES = {s.value: b"HTTP/1.1 %d %s\r\n" % (s.value, s.phrase.encode()) for s in HTTPStatus}
_FRAMING = frozenset((b"connection", b"content-length", b"transfer-encoding"))
# Responses with these statuses have no body, whatever their headers say.
_WITHOUT_BODY = frozenset((204, 304))


class HttpExchange:
    """
    A request that is being answered.

    The connection calls :meth:`wake` and :meth:`disconnect`, and is called when the response is
    complete. After the peer has gone, ``send`` does nothing and raises nothing; ``receive``
    returns ``http.disconnect``.
    """

    __slots__ = (
        "_body_taken",
        "_chunked",
        "_connection",
        "_head",
        "_left",
        "_request",
        "_waiting",
        "complete",
        "disconnected",
        "keep_alive",
        "started",
    )

    def __init__(self, connection: "HttpProtocol", request: Request) -> None:
        self._connection = connection
        self._request = request
        # Whether the app has had all of the request's body.
        self._body_taken = False
        self._waiting: Future[None] | None = None
        # The head of the response, which is sent with the first part of its body.
        self._head = b""
        self._chunked = False
        # Bytes of the response's body still to come; None if the app has not said how many.
        self._left: int | None = None
        self.disconnected = False
        """Whether the peer has gone, or gets nothing more from this exchange."""
        self.started = False
        """Whether the app has begun to answer."""
        self.complete = False
        self.keep_alive = request.keep_alive
        """Whether another request may follow."""

    def wake(self) -> None:
        """Something has changed that ``receive`` may wait for."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set_result(None)

    def disconnect(self) -> None:
        """The peer is gone, or the connection is being closed."""
        self.disconnected = True
        self.wake()

    async def receive(self) -> Message:
        """The body as it arrives; ``http.disconnect`` once answered, or if the peer is gone."""
        request = self._request
        if request.expects_continue and not self.started and not self.disconnected:
            request.expects_continue = False
            self._connection.write(_CONTINUE)
        while not (self.disconnected or self.complete):
            if request.body or (request.complete and not self._body_taken):
                body = bytes(request.body)
                request.body.clear()
                self._body_taken = request.complete
                self._connection.read_on()
                return {"type": "http.request", "body": body, "more_body": not request.complete}
            if self._waiting is None:
                self._waiting = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._waiting)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """
        Answer.

        Raises:
            RuntimeError: If the message is out of order, or the response is not legal. After a
                start that isn't, nothing has been sent, and another may follow.

        """
        if not self._connection.writable.is_open:
            await self._connection.writable.wait()
        if self.disconnected:
            return
        kind = message["type"]
        if kind == "http.response.start" and not self.started:
            self._start(message["status"], message.get("headers", ()))
        elif kind == "http.response.body" and self.started and not self.complete:
            self._continue(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"An ASGI app may not send {kind} now.")

    def _start(self, status: int, headers: Headers) -> None:
        sent = [*self._connection.default_headers, *headers]
        # Before anything changes, so that the app can answer again: with an error.
        check_fields(sent)
        length, chunked, says_close = None, False, False
        lines = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
        for name, value in sent:
            lower = name.lower()
            lines += (lower, b": ", value, b"\r\n")
            if lower not in _FRAMING:
                continue
            if lower == b"content-length":
                length = content_length(value)
            elif lower == b"transfer-encoding":
                chunked = value.lower() == b"chunked"
            elif b"close" in value.lower():
                says_close = True
        self.started = True
        self._request.expects_continue = False
        self._left, self._chunked = length, chunked
        self.keep_alive = self.keep_alive and not says_close
        if self._request.method == "HEAD" or status in _WITHOUT_BODY:
            self._left = 0
            self._chunked = False
        elif self._left is None and not self._chunked:
            self._chunked = self._request.version == "1.1"
            if self._chunked:
                lines.append(b"transfer-encoding: chunked\r\n")
            else:
                self.keep_alive = False
        if not self.keep_alive and not says_close:
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        self._head = b"".join(lines)

    def _continue(self, body: bytes, *, more: bool) -> None:
        head, self._head = self._head, b""
        if self._request.method == "HEAD":
            body = b""
        if self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self._connection.write(head + (chunk if more else chunk + b"0\r\n\r\n"))
        else:
            if self._left is not None:
                self._left -= len(body)
                if self._left < 0:
                    raise RuntimeError("The response is longer than its Content-Length.")
            if head or body:
                self._connection.write(head + body)
        if not more:
            if self._left:
                raise RuntimeError("The response is shorter than its Content-Length.")
            self.complete = True
            self.wake()
            self._connection.on_response()


def whole_response(status: int, headers: Headers, body: bytes) -> bytes:
    """A complete response of our own, after which the connection is closed."""
    lines = [(_STATUS_LINES[status])[:-2]]
    lines += [b"%s: %s" % header for header in headers]
    lines += [b"content-length: %d" % len(body), b"connection: close", b"", body]
    return b"\r\n".join(lines)
