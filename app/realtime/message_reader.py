"""
What comes in on one socket, handled in order.

Nearly every frame is handled in the call that brings it. Where one has to wait (for a join,
for a slow log), what follows waits behind it, and reading pauses.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from app.domain.closing import INTERNAL, Close
from app.realtime.client_session import Answer, Execute, Protocol
from app.realtime.outbox import Outbox
from app.realtime.request_handler import RequestHandler, Work
from app.transport.base import WebSocketTransport

log = logging.getLogger("parley.ws")

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class MessageReader:
    """Feeds texts to the protocol, and does what comes of it."""

    __slots__ = (
        "_backlog",
        "_close",
        "_conversation",
        "_fast",
        "_outbox",
        "_protocol",
        "_time",
        "_waiting",
    )

    def __init__(
        self,
        protocol: Protocol,
        conversation: RequestHandler,
        outbox: Outbox,
        close: Callable[[Close], None],
    ) -> None:
        self._protocol = protocol
        self._conversation = conversation
        self._outbox = outbox
        self._close = close
        self._time = asyncio.get_running_loop().time
        self._fast: WebSocketTransport | None = None
        # What came while a request waits its turn, and the task that waits.
        self._backlog: list[str | None] = []
        self._waiting: asyncio.Task[None] | None = None

    def open(self, fast: WebSocketTransport, gone: Callable[[], None]) -> None:
        """Be called with each text as it is read."""
        self._fast = fast
        fast.listen(self._take, gone)

    async def read(self, receive: Receive, gone: Callable[[], None]) -> None:
        """The same over plain ASGI."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                gone()
                return
            self._take(message.get("text"))
            if self._waiting is not None:
                await asyncio.wait([self._waiting])

    async def close(self) -> None:
        """Handle nothing more."""
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)

    def _take(self, text: str | None) -> None:
        if self._waiting is not None:
            self._backlog.append(text)
            return
        try:
            wait = self._handle(text)
        except Exception:  # a fault of ours must end this connection, and no other
            log.exception("inbox.failed")
            self._close(INTERNAL)
            return
        if wait is not None:
            if self._fast is not None:
                self._fast.pause()
            self._waiting = asyncio.create_task(self._go_on(wait))

    def _handle(self, text: str | None) -> Work | None:
        if text is None:
            effect = self._protocol.receive_bytes()
        else:
            effect = self._protocol.receive(text, self._time())
        if type(effect) is Execute:
            return self._conversation.perform(effect.request)
        if type(effect) is Answer:
            self._outbox.say(effect.payload)
        else:
            assert isinstance(effect, Close)
            self._close(effect)
        return None

    async def _go_on(self, wait: Work) -> None:
        try:
            await wait()
            while self._backlog:
                backlog, self._backlog = self._backlog, []
                for text in backlog:
                    further = self._handle(text)
                    if further is not None:
                        await further()
        except Exception:  # as in _take
            log.exception("inbox.failed")
            self._close(INTERNAL)
        finally:
            self._waiting = None
        if self._fast is not None and not self._outbox.closed:
            self._fast.resume()
