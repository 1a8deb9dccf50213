"""
A client's session as a state machine without I/O: text in, effects out.

It never awaits, reads a clock or touches the database, so its tests are plain function calls.
:mod:`app.realtime.message_reader` feeds it and carries out the effects::

    frame ──▶ rate limit ──▶ decode ──▶ rate limit of sends ──▶ Execute
                  │             │                │
                  └─────────────┴────────────────┴──▶ Reply (an error) · Close (repeated abuse)
"""

from collections import deque
from typing import NamedTuple

from ..domain.close_codes import BAD_FRAMES, RATE_LIMITED, Close
from ..domain.connection_limits import (
    MAX_BAD_FRAMES_IN_A_ROW,
    MAX_RATE_LIMITED,
    RATE_LIMITED_WINDOW_SECONDS,
)
from ..domain.errors import BadRequest, Invalid, ParleyError, RateLimited
from ..domain.token_bucket import TokenBucket
from ..wire import answers
from ..wire.errors import error_frame
from ..wire.requests import (
    AnyRequest,
    Delete,
    Edit,
    Pin,
    Ping,
    React,
    Send,
    decode,
    plain_send,
    request_id,
)


class Execute(NamedTuple):
    """Execute a request."""

    request: AnyRequest


class Reply(NamedTuple):
    """Send a payload."""

    payload: bytes


Effect = Execute | Reply | Close

_COUNTED_AS_SENDS = (Send, Edit, Delete, React, Pin)


class ClientSession:
    """
    One client's rate limits and bad frames so far.

    Used in the event loop. Times are seconds of the loop's clock.

    Args:
        room: The room in the path of ``/ws/{room}``: the default of requests, and where plain
            text is sent to.
        frames: The rate limit of this connection's frames.
        sends: The user's rate limit, shared by all of their connections on this node.

    """

    __slots__ = ("_bad", "_frames", "_limited", "_room", "_sends")

    def __init__(self, *, room: str | None, frames: TokenBucket, sends: TokenBucket) -> None:
        self._room = room
        self._frames = frames
        self._sends = sends
        # Bad frames in a row.
        self._bad = 0
        # Times of the last frames that were over a limit.
        self._limited: deque[float] | None = None

    def receive(self, text: str, now: float) -> Effect:
        """Handle a text frame. Never raises."""
        wait = self._frames.take(now)
        if wait:
            return self._too_fast(request_id(text), "frames", wait, now)
        try:
            request = self._request(text)
        except ParleyError as exc:
            return self._bad_frame(exc, text)
        self._bad = 0
        if type(request) in _COUNTED_AS_SENDS:
            wait = self._sends.take(now)
            if wait:
                return self._too_fast(request.id, "messages", wait, now)
        if type(request) is Ping:
            return Reply(answers.pong(request.id))
        return Execute(request)

    def receive_bytes(self, now: float) -> Effect:
        """Handle a binary frame, which the protocol doesn't have. Never raises."""
        wait = self._frames.take(now)
        if wait:
            return self._too_fast(None, "frames", wait, now)
        return self._bad_frame(BadRequest("Frames are text."), "")

    def _request(self, text: str) -> AnyRequest:
        if self._room is not None and not text.startswith("{"):
            # Typed into wscat or websocat, which append a newline.
            typed = text.removesuffix("\n").removesuffix("\r")
            request: AnyRequest = plain_send(typed)
        else:
            request = decode(text)
        if getattr(request, "room", "") is None:
            if self._room is None:
                raise Invalid.field("room", "is missing", kind="missing")
            request.room = self._room  # type: ignore[union-attr]
        return request

    def _bad_frame(self, exc: ParleyError, text: str) -> Effect:
        self._bad += 1
        if self._bad >= MAX_BAD_FRAMES_IN_A_ROW:
            return BAD_FRAMES
        return Reply(error_frame(exc, request_id(text) if text.startswith("{") else None))

    def _too_fast(self, re: str | None, what: str, wait: float, now: float) -> Effect:
        if self._limited is None:
            self._limited = deque(maxlen=MAX_RATE_LIMITED)
        limited = self._limited
        limited.append(now)
        if len(limited) == limited.maxlen and now - limited[0] <= RATE_LIMITED_WINDOW_SECONDS:
            return RATE_LIMITED
        exc = RateLimited(f"You send {what} too fast.", retry_after=wait)
        return Reply(error_frame(exc, re))
