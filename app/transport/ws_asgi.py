"""ASGI's ``receive`` and ``send`` over a WebSocket of ours."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from ..domain.connection_limits import CLOSE_SECONDS
from ..wire.websocket_frame import binary_frame, text_frame
from .context import Message
from .control_frames import MAX_REASON_BYTES, may_be_sent
from .header_fields import check_fields

if TYPE_CHECKING:
    from .websocket import WebSocketProtocol

# ASGI requires a code; this one means that there is none (RFC 6455, section 7.1.5).
_NO_CODE = 1005
_OFFER = b"sec-websocket-protocol"


class AsgiSide:
    """
    A WebSocket as its app sees it.

    An app that uses the transport from its scope needs only the first ``receive`` of this. Any
    other app is served here, one message at a time.
    """

    __slots__ = ("_accepted", "_announced", "_events", "_transport", "_wake")

    def __init__(self, transport: "WebSocketProtocol") -> None:
        self._transport = transport
        self._announced = False
        self._accepted = False
        # Both are made by the second ``receive``: an app that uses the transport has none.
        self._events: deque[Message] | None = None
        self._wake: asyncio.Event | None = None

    async def receive(self) -> Message:
        """The next event."""
        if not self._announced:
            self._announced = True
            return {"type": "websocket.connect"}
        if self._events is None or self._wake is None:
            self._events, self._wake = deque(), asyncio.Event()
            self._transport.set_receiver(self._on_message, self._on_close)
        while not self._events:
            self._transport.resume()
            self._wake.clear()
            await self._wake.wait()
        if self._events[0]["type"] == "websocket.disconnect":
            # Not removed: later calls return it again.
            return self._events[0]
        return self._events.popleft()

    async def send(self, message: Message) -> None:
        """
        Do what the app asks.

        Raises:
            OSError: If the peer is gone.
            RuntimeError: If the message is out of order, or not legal.

        """
        kind = message["type"]
        if kind == "websocket.accept" and not self._accepted:
            headers, subprotocol = message.get("headers", ()), message.get("subprotocol")
            offer = [(_OFFER, subprotocol.encode("latin-1"))] if subprotocol else []
            check_fields([*headers, *offer])
            self._transport.write(self._transport.accept(subprotocol, headers))
            self._accepted = True
        elif kind == "websocket.close" and not self._accepted:
            self._transport.refuse(b"403 Forbidden")
            self._on_close()
        elif kind == "websocket.send" and self._accepted:
            if self._transport.is_gone:
                raise ConnectionResetError
            text = message.get("text")
            frame = binary_frame(message["bytes"]) if text is None else text_frame(text.encode())
            self._transport.write(frame)
            await self._transport.drained()
        elif kind == "websocket.close":
            code, reason = message.get("code", 1000), message.get("reason") or ""
            if not may_be_sent(code):
                raise RuntimeError(f"{code} is no close code that may be sent.")
            reason = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
            await self._transport.close(code, reason, CLOSE_SECONDS)
            self._on_close()
        else:
            raise RuntimeError(f"An ASGI app may not send {kind} now.")

    def _on_message(self, message: str | bytes) -> None:
        kind = "text" if isinstance(message, str) else "bytes"
        self._put({"type": "websocket.receive", kind: message})

    def _on_close(self) -> None:
        # Without a receiver nothing waits, and a later one is called at once.
        if self._events is not None:
            self._put({"type": "websocket.disconnect", "code": _NO_CODE})

    def _put(self, event: Message) -> None:
        assert self._events is not None
        assert self._wake is not None
        self._transport.pause()
        self._events.append(event)
        self._wake.set()
