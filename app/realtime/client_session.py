"""
One client's conversation with us, without a socket.

A state machine: text in, effects out. It never awaits, reads a clock or touches the
database, so its tests are plain function calls. ``app.realtime.socket`` does the I/O.

    frame ──▶ bucket ──▶ decode ──▶ bucket for sends ──▶ Perform
                │           │              │
                └───────────┴──────────────┴──▶ Answer (an error) · Close (repeated abuse)
"""

from collections import deque
from typing import NamedTuple

from ..domain.close_codes import BAD_FRAMES, RATE_LIMITED, Close
from ..domain.errors import BadRequest, Invalid, ParleyError, RateLimited
from ..domain.limits import (
    AUTH_EXPIRING_SECONDS,
    MAX_BAD_FRAMES_IN_A_ROW,
    MAX_RATE_LIMITED,
    RATE_LIMITED_WINDOW_SECONDS,
)
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
    """Do what the client asks."""

    request: AnyRequest


class Reply(NamedTuple):
    """Send this payload."""

    payload: bytes


Effect = Execute | Reply | Close

_COUNTED_AS_SENDS = (Send, Edit, Delete, React, Pin)


class ClientSession:
    """
    What one client has said so far, and until when it may.

    Args:
        room: The room of the path on ``/ws/{room}``: the default of requests, and the one
            that plain text is said in.
        expires_at: When the access token ends, in seconds of the same clock as ``now``.
        frames: This connection's bucket.
        sends: The user's bucket, shared by all of their connections on this node.

    """

    __slots__ = ("_bad", "_expires_at", "_frames", "_limited", "_room", "_sends", "_warned")

    def __init__(
        self, *, room: str | None, expires_at: float, frames: TokenBucket, sends: TokenBucket
    ) -> None:
        self._room = room
        self._expires_at = expires_at
        self._frames = frames
        self._sends = sends
        # Frames in a row that could not be understood.
        self._bad = 0
        # When the last rate limits were hit.
        self._limited: deque[float] | None = None
        self._warned = False

    def receive(self, text: str, now: float) -> Effect:
        """One inbound text frame. Never raises."""
        wait = self._frames.take(now)
        if wait:
            return self._too_fast(request_id(text), "frames", wait, now)
        try:
            request = self._request(text)
        except ParleyError as exc:
            return self._misunderstood(exc, text)
        self._bad = 0
        if type(request) in _COUNTED_AS_SENDS:
            wait = self._sends.take(now)
            if wait:
                return self._too_fast(request.id, "messages", wait, now)
        if type(request) is Ping:
            return Reply(answers.pong(request.id))
        return Execute(request)

    def receive_bytes(self, now: float) -> Effect:
        """One inbound binary frame, which is refused. Never raises."""
        wait = self._frames.take(now)
        if wait:
            return self._too_fast(None, "frames", wait, now)
        return self._misunderstood(BadRequest("Frames are text."), "")

    def extend(self, expires_at: float) -> None:
        """The client has shown a fresh token."""
        self._expires_at = expires_at
        self._warned = False

    def next_deadline(self) -> float:
        """When :meth:`tick` wants to be called."""
        if self._warned:
            return self._expires_at
        return self._expires_at - AUTH_EXPIRING_SECONDS

    def tick(self, now: float) -> bool | None:
        """
        Whether the token has ended.

        Returns:
            True once it has, False if it is about to (said once), None if neither.

        """
        if now >= self._expires_at:
            return True
        if not self._warned and now >= self._expires_at - AUTH_EXPIRING_SECONDS:
            self._warned = True
            return False
        return None

    def _request(self, text: str) -> AnyRequest:
        if self._room is not None and not text.startswith("{"):
            # What a person types into wscat or websocat, with its newline.
            said = text.removesuffix("\n").removesuffix("\r")
            request: AnyRequest = plain_send(said)
        else:
            request = decode(text)
        if getattr(request, "room", "") is None:
            if self._room is None:
                raise Invalid.field("room", "is missing", kind="missing")
            request.room = self._room  # type: ignore[union-attr]
        return request

    def _misunderstood(self, exc: ParleyError, text: str) -> Effect:
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
