"""
What happens now and is not stored: typing, presence, rooms that come and go, the connection.

Signals may be lost. Nothing that matters for a room's state is one.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """
    One signal. ``type`` is that of the frame, and ``raw`` the whole frame (docs/protocol.md, 2.2).

    The client adds two of its own: ``connected`` and ``disconnected``.
    """

    type: str
    room: str | None = None
    by: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Signals:
    """
    The signals of a client, for one reader: ``async for signal in chat.signals``.

    Unread signals are bounded; the oldest are dropped. Ends when the client is closed.
    """

    def __init__(self, limits: Limits) -> None:
        self._waiting: deque[Signal] = deque(maxlen=limits.buffered_signals)
        self._changed = asyncio.Event()
        self._failure: Exception | None = None
        self._ended = False

    def add(self, frame: Mapping[str, Any]) -> None:
        """Add the signal of a frame."""
        room, by = frame.get("room"), frame.get("by")
        self._waiting.append(
            Signal(
                type=str(frame.get("type")),
                room=room if isinstance(room, str) else None,
                by=by if isinstance(by, str) else None,
                raw=frame,
            )
        )
        self._changed.set()

    def end(self, failure: Exception | None) -> None:
        """End the iteration, with an exception if there is one."""
        self._failure = failure
        self._ended = True
        self._changed.set()

    def __aiter__(self) -> "Signals":
        return self

    async def __anext__(self) -> Signal:
        """The next signal. Safe to cancel."""
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()
