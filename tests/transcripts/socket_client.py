"""A client on one WebSocket that records what it sends and receives."""

import json
from contextlib import suppress
from typing import Any

from tests.transcripts.transcript import Transcript, shortened
from tests.transcripts.websocket import Closed, WebSocket

_ANSWERS = ("ack", "error", "pong")


class SocketClient:
    """One connection. Frames are received, and recorded, only when a test waits for them."""

    def __init__(self, transcript: Transcript, who: str, websocket: WebSocket) -> None:
        self._transcript = transcript
        self._who = who
        self.websocket = websocket
        self.records_presence = False
        """Whether ``presence`` is recorded: when it comes depends on the server's age."""

    # Sending

    def send(self, **request: Any) -> None:
        """Send a request; its answer is not waited for."""
        self._transcript.gap()
        self._record_request(request)
        self.websocket.send(_encoded(request))

    def send_text(self, text: str, *, times: int = 1) -> None:
        """Send a text frame with exactly this text, ``times`` times."""
        self._transcript.gap()
        shown = text if len(text) <= 200 else f"<{len(text)} characters>"
        for line in (shown if times == 1 else f"{shown}  × {times}").split("\n"):
            self._transcript.add(self._who, ">", line)
        for _ in range(times):
            self.websocket.send(text)

    def send_together(self, *requests: dict[str, Any]) -> None:
        """Send requests in one piece. Of more than five, the first and the number is recorded."""
        self._transcript.gap()
        if len(requests) > 5:
            self._record_request(requests[0], f"  × {len(requests)}")
        else:
            for request in requests:
                self._record_request(request)
        self.websocket.send_together([_encoded(request) for request in requests])

    def send_binary(self, data: bytes) -> None:
        """Send a binary frame."""
        self._transcript.gap()
        self._transcript.add(self._who, ">", f"<binary> {data.decode()}")
        self.websocket.send_binary(data)

    def send_raw_bytes(self, description: str, data: bytes) -> None:
        """Send bytes, recorded as ``description``."""
        self._transcript.gap()
        self._transcript.add(self._who, ">", f"<{description}>")
        self.websocket.send_raw(data)

    def request(self, **request: Any) -> Any:
        """Send a request and receive everything up to its answer, which is returned."""
        self.send(**request)
        frame = self._next()
        while frame.get("re") != request.get("id") or frame["type"] not in _ANSWERS:
            frame = self._next()
        return frame

    def join_room(self, room: str, **request: Any) -> None:
        """Join a room and receive everything up to ``caught_up``."""
        self.send(type="join", room=room, **request)
        self.receive("caught_up")

    # Receiving

    def receive(self, *kinds: str) -> Any:
        """Receive up to a frame of each type, one after another; returns the last frame."""
        frame = None
        for kind in kinds:
            frame = self._next()
            while frame["type"] != kind:
                frame = self._next()
        return frame

    def receive_repeated(self, times: int) -> None:
        """Receive so many equal frames, which are recorded once."""
        (frame,) = {self.websocket.receive() for _ in range(times)}
        self._transcript.add_error(self._who, "<", f"{frame}  × {times}")

    def receive_silently(self, kind: str, times: int) -> None:
        """Receive up to so many frames of a type; nothing is recorded."""
        while times:
            times -= json.loads(self.websocket.receive())["type"] == kind

    def expect_silence(self) -> None:
        """Record that nothing comes before the answer to a ping."""
        self.request(type="ping", id="fence")

    # The end

    def expect_close(self, *, record_frames: bool = True) -> None:
        """Receive the rest and record how the server closes the connection."""
        with suppress(Closed):
            while True:
                self._next() if record_frames else self.websocket.receive()
        self._transcript.add(self._who, "<", f"close {self.websocket.close_code}")
        if self.websocket.close_reason:
            self._transcript.add_sentences([self.websocket.close_reason])

    def close(self, code: int | None = 1000) -> None:
        """Close the connection and record the server's close frame."""
        self._transcript.gap()
        self._transcript.add(self._who, ">", f"close {code or ''}".rstrip())
        self.websocket.close(code)
        self._transcript.add(self._who, "<", f"close {self.websocket.close_code or ''}".rstrip())

    def _record_request(self, request: dict[str, Any], suffix: str = "") -> None:
        shown = json.dumps(shortened(request), ensure_ascii=False)
        self._transcript.add(self._who, ">", shown + suffix)

    def _next(self) -> Any:
        while True:
            text = self.websocket.receive()
            frame = json.loads(text)
            if frame["type"] != "presence" or self.records_presence:
                break
        add = self._transcript.add_error if frame["type"] == "error" else self._transcript.add
        add(self._who, "<", text)
        return frame


def _encoded(request: dict[str, Any]) -> str:
    return json.dumps(request, ensure_ascii=False, separators=(",", ":"))
