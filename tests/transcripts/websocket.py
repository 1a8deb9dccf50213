"""A WebSocket client without a thread: it reads only while a test waits for a frame."""

import socket
from collections.abc import Iterable, Iterator, Sequence

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from tests.transcripts.http_client import READ_SECONDS


class Closed(Exception):
    """The server has closed the connection."""


class WebSocket:
    """
    One connection.

    Args:
        headers: Further headers of the handshake.
        receive_buffer: Size of the kernel's receive buffer in bytes; None: the default.
        answers_pings: False: pings and close frames stay unanswered.
        read_seconds: How long to wait for the next bytes.

    """

    def __init__(
        self,
        address: str,
        path: str,
        headers: Iterable[tuple[str, str]] = (),
        subprotocols: Sequence[str] = (),
        receive_buffer: int | None = None,
        answers_pings: bool = True,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._answers_pings = answers_pings
        self._protocol = ClientProtocol(
            parse_uri(f"ws://{address}{path}"),
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
            max_size=None,
        )
        host, _, port = address.partition(":")
        self._socket = socket.socket()
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(read_seconds)
        self._socket.connect((host, int(port)))
        request = self._protocol.connect()
        for name, value in headers:
            request.headers[name] = value
        self._protocol.send_request(request)
        self._flush()
        self._events = self._arriving()
        response = next(self._events)
        assert isinstance(response, Response), response
        self.response = response

    def send(self, text: str) -> None:
        """Send a text frame."""
        self._protocol.send_text(text.encode("utf-8", "surrogatepass"))
        self._flush()

    def send_together(self, texts: Iterable[str]) -> None:
        """Send text frames in one piece."""
        for text in texts:
            self._protocol.send_text(text.encode())
        self._socket.sendall(b"".join(self._protocol.data_to_send()))

    def send_binary(self, data: bytes) -> None:
        """Send a binary frame."""
        self._protocol.send_binary(data)
        self._flush()

    def send_raw(self, data: bytes) -> None:
        """Send bytes, which need not be a frame."""
        self._socket.sendall(data)

    def receive(self) -> str:
        """
        The next text frame.

        Raises:
            Closed: If there are no more.

        """
        text = b""
        for event in self._events:
            assert isinstance(event, Frame), event
            assert event.opcode is not Opcode.BINARY, event
            if event.opcode in (Opcode.TEXT, Opcode.CONT):
                text += event.data
                if event.fin:
                    return text.decode()
        raise Closed

    @property
    def close_code(self) -> int | None:
        """The code of the server's close frame; None if there was none."""
        received = self._protocol.close_rcvd
        return None if received is None else received.code

    @property
    def close_reason(self) -> str:
        """The reason text of the server's close frame."""
        received = self._protocol.close_rcvd
        return "" if received is None else received.reason

    def close(self, code: int | None = 1000) -> None:
        """Send a close frame and wait for the server's; frames in between are dropped."""
        self._protocol.send_close(code)
        self._flush()
        for _ in self._events:
            pass
        self._socket.close()

    def abort(self) -> None:
        """Close the TCP connection. May be called at any time, more than once."""
        self._socket.close()

    def _arriving(self) -> Iterator[Response | Frame]:
        while True:
            for event in self._protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.CLOSE:
                    continue
                yield event  # type: ignore[misc]
            if self._protocol.handshake_exc is not None and self._protocol.close_expected():
                return
            try:
                data = self._socket.recv(65_536)
            except ConnectionResetError:
                data = b""
            if data:
                self._protocol.receive_data(data)
                if self._answers_pings:
                    self._flush()
            else:
                self._protocol.receive_eof()
                yield from self._protocol.events_received()  # type: ignore[misc]
                return

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                try:
                    self._socket.sendall(data)
                except (BrokenPipeError, ConnectionResetError):
                    return
