"""
The requests that wait for their answer.

A request is written again, with the same ``id``, on every connection until it is answered, so
that it is carried out exactly once. Of the requests that change a room, one is on its way at a
time: the server may refuse one for now and take the one behind it, which would swap them.

Writes nothing itself: a connection takes what is due. Owned by the event loop.
"""

import asyncio
import json
from bisect import insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import RETRIED, BadRequest, Closed, IdReused, NotAcknowledged, Refused, refused
from .limits import Limits
from .pacing import Pacing

_SENDS = frozenset({"send", "edit", "delete", "react", "pin"})
# The longest pause between two tries of a request, unless the server says how long.
_MAX_RETRY_SECONDS = 30.0
# Unless `welcome` says.
_FRAME_BYTES = 64 * 1024


@dataclass(eq=False, slots=True)
class _Pending:
    order: int
    id: str
    room: str
    text: str
    is_send: bool
    deadline: float
    answer: asyncio.Future[Mapping[str, Any]] = field(repr=False)
    not_before: float = 0.0
    tries: int = 0


class Outbox:
    """
    The pending requests of one client.

    Args:
        limits: Bounds of the client.
        wake: Called when something may have become due.
        is_held: Whether requests about a room have to wait.

    """

    def __init__(
        self, limits: Limits, wake: Callable[[], None], is_held: Callable[[str], bool]
    ) -> None:
        self._limits = limits
        self._wake = wake
        self._is_held = is_held
        self._pacing = Pacing()
        self._slots = asyncio.Semaphore(limits.pending_requests)
        self._made = 0
        self._by_id: dict[str, _Pending] = {}
        # Not on its way, in the order of the calls.
        self._waiting: list[_Pending] = []
        self._written: dict[str, _Pending] = {}
        # The server's limit counts all rooms of the user.
        self._paused_until = 0.0
        self._frame_bytes = _FRAME_BYTES
        self._failure: Exception | None = None

    def __len__(self) -> int:
        return len(self._by_id)

    async def request(self, frame: dict[str, Any], *, seconds: float) -> Mapping[str, Any]:
        """
        Have a request carried out; return its answer.

        Safe to cancel: it is not written from then on, but may have been carried out already.

        Args:
            frame: With an ``id``.
            seconds: How long to wait for the answer, reconnects included.

        Raises:
            NotAcknowledged: If there was no answer in time.
            Refused: If the server refused the request, or says to retry it later than that.
            ParleyError: If the client has stopped.

        """
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline), self._slots:
                return await self._answer(frame, deadline)
        except TimeoutError:
            raise NotAcknowledged(frame["id"], seconds) from None

    async def _answer(self, frame: dict[str, Any], deadline: float) -> Mapping[str, Any]:
        if self._failure is not None:
            raise self._failure
        id = frame["id"]
        if id in self._by_id:
            raise IdReused("id_reused", "A request with this id is on its way already.")
        text = encode(frame)
        if len(text.encode()) > self._frame_bytes:
            # The server would close the connection, each time.
            raise BadRequest("too_large", f"A request has at most {self._frame_bytes} bytes.")
        self._made += 1
        pending = self._by_id[id] = _Pending(
            order=self._made,
            id=id,
            room=frame.get("room", ""),
            text=text,
            is_send=frame["type"] in _SENDS,
            deadline=deadline,
            answer=asyncio.get_running_loop().create_future(),
        )
        self._waiting.append(pending)
        self._wake()
        try:
            return await pending.answer
        finally:
            self._remove(pending)

    def _remove(self, pending: _Pending) -> None:
        del self._by_id[pending.id]
        if self._written.pop(pending.id, None) is None and pending in self._waiting:
            self._waiting.remove(pending)
        self._wake()

    # For the connection

    def connected(self, limits: object) -> None:
        """Start a connection: everything unanswered is due again."""
        self._pacing.connected(limits)
        size = limits.get("frame_bytes") if isinstance(limits, Mapping) else None
        self._frame_bytes = size if isinstance(size, int) and size > 0 else _FRAME_BYTES
        for pending in self._written.values():
            insort(self._waiting, pending, key=lambda each: each.order)
        self._written.clear()

    def count_frame(self) -> None:
        """Count a frame that was written besides these requests."""
        self._pacing.spend(is_send=False)

    def take(self, now: float) -> str | float | None:
        """The next text to write; or the seconds until one may be due; or None: nothing waits."""
        if len(self._written) >= self._limits.unanswered_requests or not self._waiting:
            return None
        if now < self._paused_until:
            return self._paused_until - now
        held = {each.room for each in self._written.values() if each.is_send}
        due = float("inf")
        for pending in self._waiting:
            if self._is_held(pending.room) or (pending.is_send and pending.room in held):
                continue
            if pending.not_before > now:
                if pending.is_send:
                    held.add(pending.room)
                due = min(due, pending.not_before)
                continue
            if wait := self._pacing.wait(now, is_send=pending.is_send):
                return wait
            self._pacing.spend(is_send=pending.is_send)
            self._waiting.remove(pending)
            self._written[pending.id] = pending
            return pending.text
        return None if due == float("inf") else due - now

    def on_answer(self, frame: Mapping[str, Any], now: float) -> bool:
        """Handle an ``ack``, ``pong`` or ``error``; return whether it was for one of these."""
        pending = self._written.get(str(frame.get("re")))
        if pending is None:
            return False
        if frame["type"] != "error":
            if not pending.answer.done():
                pending.answer.set_result(frame)
            return True
        error = refused(frame)
        if error.code in RETRIED:
            self._retry(pending, error, now)
        elif not pending.answer.done():
            pending.answer.set_exception(error)
        return True

    def _retry(self, pending: _Pending, error: Refused, now: float) -> None:
        pending.tries += 1
        pause = min(
            self._limits.retry_seconds * 2 ** min(pending.tries - 1, 8), _MAX_RETRY_SECONDS
        )
        if error.retry_after is not None:
            pause = error.retry_after
        if now + pause >= pending.deadline:
            if not pending.answer.done():
                pending.answer.set_exception(error)
            return
        del self._written[pending.id]
        insort(self._waiting, pending, key=lambda each: each.order)
        if error.code == "rate_limited":
            self._paused_until = now + pause
        else:
            pending.not_before = now + pause
        self._wake()

    def end(self, failure: Exception | None) -> None:
        """Fail all requests, present and future."""
        self._failure = failure or Closed("The client is closed.")
        for pending in self._by_id.values():
            if not pending.answer.done():
                pending.answer.set_exception(self._failure)


def encode(frame: Mapping[str, Any]) -> str:
    """
    A frame as text that can be sent.

    Raises:
        TypeError, ValueError: If it holds what JSON has not.

    """
    text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # A lone surrogate can't be sent as UTF-8; escaped, the server can refuse it with a reason.
    return text if _is_utf8(text) else json.dumps(frame, allow_nan=False)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
