"""
What carries a connection: the contract between the chat and the bytes below it.

======================  ====================================================================
``WebSocketProtocol``   a socket of ``parley serve``; an app finds it in its scope's extensions,
                        by :data:`EXTENSION`
``AsgiTransport``       a WebSocket where a server offers nothing but ASGI
``SseTransport``        an event stream over plain HTTP, which only writes
======================  ====================================================================

Every method is called on the event loop's thread and, unless it is a coroutine, returns at once
without awaiting. Callbacks are called from there too, one at a time.

What is written is a sequence of finished frames (:mod:`app.wire.websocket_frame`), encoded once
for any number of connections; a transport never changes them. It promises order, and that what it
has taken is sent as soon as the peer takes it. It does not promise that anything arrives: when a
peer is lost, what is unsent is dropped, and a client reads it from the log later.

A transport does not limit what it is given: the :class:`app.realtime.outbox.Outbox` in front of
it does, by :meth:`Transport.unsent`. A transport limits what a *peer* can send or cause, by
:mod:`app.domain.connection_limits`.
"""

from collections.abc import Callable
from typing import Protocol

EXTENSION = "parley.transport"
"""The key of the :class:`WebSocketTransport` in a scope's ``extensions``."""

UNACKNOWLEDGED = "parley.unacknowledged"
"""The key of a function in the ``extensions`` of an HTTP scope: bytes of this connection that the
peer has not acknowledged; where the kernel does not say, those that it has not taken."""

OnMessage = Callable[[str | bytes], None]
"""Called with each whole message: texts, which are valid Unicode, and binary ones as bytes."""

OnClose = Callable[[], None]
"""Called once when the peer has closed the connection or is lost."""


class Transport(Protocol):
    """Where finished frames go."""

    def write(self, frames: bytes) -> None:
        """
        Take finished frames.

        Raises:
            OSError: If the peer is gone; or a RuntimeError, as asyncio's transports do. Neither
                is guaranteed: the loss of a peer may be noticed later.

        """

    def unsent(self) -> int:
        """Bytes taken that have not left, beyond what the kernel holds."""

    async def drained(self) -> object:
        """
        Wait until at most WRITE_HIGH_WATER_BYTES are unsent, or the peer is gone. Safe to cancel.
        """

    def abort(self) -> None:
        """Drop the peer and whatever is unsent. Idempotent."""


class WebSocketTransport(Transport, Protocol):
    """
    Both directions of a WebSocket whose handshake has been read and not been answered.

    ::

        set_receiver ──▶ accept ──▶ write … ──▶ close

    Nothing is read before the handshake is accepted; what a client sends early is read then.
    """

    def accept(self, subprotocol: str | None) -> bytes:
        """
        Accept the handshake.

        Returns:
            What to write first, before all frames and in this turn of the loop: the answer,
            so that it can share a write with them.

        Raises:
            OSError: If the peer is gone.

        """

    def set_receiver(self, on_message: OnMessage, on_close: OnClose) -> None:
        """
        Deliver messages to ``on_message``, in order, and the end to ``on_close``.

        A bounded number is delivered in one turn of the loop. Nothing is delivered after
        ``on_close``, nor after :meth:`close` or :meth:`abort`; these don't call it.
        """

    def pause(self) -> None:
        """Read no more for now. The rest of this turn's messages may still be delivered."""

    def resume(self) -> None:
        """Read on."""

    async def probe(self, within: float) -> bool:
        """
        Whether the peer answers a ping ``within`` so many seconds. Safe to cancel.

        A peer that does not is dropped. Where no ping can be sent, it counts as answered.
        """

    async def close(self, code: int, reason: str, within: float) -> None:
        """
        Close the connection, after all that was written. Never raises.

        A handshake that has not been accepted is refused instead.

        Nothing that comes later is read. A peer that does not take what is unsent ``within``
        so many seconds is dropped.

        Args:
            reason: At most 123 bytes in UTF-8.

        """
