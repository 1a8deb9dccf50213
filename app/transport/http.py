"""
The HTTP protocol of ``parley serve``: uvicorn's own, with an end to waiting.

uvicorn waits for ever for the rest of a request, and httptools keeps a header of any size.
"""

from asyncio import TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..domain.limits import MAX_HEADER_BYTES, REQUEST_SECONDS


class HttpProtocol(HttpToolsProtocol):
    """Requests arrive within :data:`REQUEST_SECONDS`, behind a header of bounded size."""

    deadline: TimerHandle | None = None
    """Of the request that is on its way; of the first, whoever took the connection sets it."""
    # Bytes since the request began; None while its body comes, which the app limits.
    _header_bytes: int | None = 0

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._stop_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As uvicorn, while the header is not too large."""
        if self._header_bytes is not None:
            self._header_bytes += len(data)
        if self.deadline is None and not self.transport.is_closing():
            self.deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)
        super().data_received(data)
        if self._header_bytes is not None and self._header_bytes > MAX_HEADER_BYTES:
            self.send_400_response("The header of the request is too large.")

    def handle_websocket_upgrade(self) -> None:
        """From here on the socket is another protocol's."""
        self._stop_deadline()
        # It holds the protocol, which nobody needs any more: as uvicorn when a connection ends.
        self.parser = None  # type: ignore[assignment]
        super().handle_websocket_upgrade()

    def on_headers_complete(self) -> None:
        """What follows is the body."""
        self._header_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is here. A next one begins with another header."""
        self._header_bytes = 0
        self._stop_deadline()
        super().on_message_complete()

    def _stop_deadline(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
