"""
Reads the messages of one socket and handles them in order.

Nearly every message is handled in the call that delivers it. If one has to wait, for a join or
a slow log, those behind it queue up and reading pauses.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ..domain.close_codes import INTERNAL, Close
from ..transport.base import WebSocketTransport
from .client_session import ClientSession, Execute, Reply
from .outbox import Outbox
from .request_handler import RequestHandler, Work

log = logging.getLogger("parley.ws")

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class MessageReader:
    """
    Feeds messages to the client's session, and carries out the effects.

    Used in the event loop.

    Args:
        close: Called with the close code when the client or a bug of ours ends the connection.

    """

    __slots__ = (
        "_backlog",
        "_close",
        "_handler",
        "_ws_transport",
        "_outbox",
        "_client_session",
        "_time",
        "_waiting",
    )

    def __init__(
        self,
        client_session: ClientSession,
        handler: RequestHandler,
        outbox: Outbox,
        close: Callable[[Close], None],
    ) -> None:
        self._client_session = client_session
        self._handler = handler
        self._outbox = outbox
        self._close = close
        self._time = asyncio.get_running_loop().time
        self._ws_transport: WebSocketTransport | None = None
        # The messages behind a request that has to wait, and the task that waits.
        self._backlog: list[str | None] = []
        self._waiting: asyncio.Task[None] | None = None

    def open(self, ws_transport: WebSocketTransport, on_close: Callable[[], None]) -> None:
        """Receive messages from the transport, which calls ``on_close`` when the peer is gone."""
        self._ws_transport = ws_transport
        ws_transport.set_receiver(self._take, on_close)

    async def read(self, receive: Receive, on_close: Callable[[], None]) -> None:
        """Receive messages over plain ASGI, until the peer is gone."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                on_close()
                return
            self._take(message.get("text"))
            if self._waiting is not None:
                await asyncio.wait([self._waiting])

    async def close(self) -> None:
        """Stop: the requests that wait are dropped. Idempotent."""
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)

    def _take(self, text: str | None) -> None:
        if self._waiting is not None:
            self._backlog.append(text)
            return
        try:
            wait = self._handle(text)
        except Exception:  # a bug of ours ends this connection, and no other
            log.exception("inbox.failed")
            self._close(INTERNAL)
            return
        if wait is not None:
            if self._ws_transport is not None:
                self._ws_transport.pause()
            self._waiting = asyncio.create_task(self._go_on(wait))

    def _handle(self, text: str | None) -> Work | None:
        if text is None:
            effect = self._client_session.receive_bytes()
        else:
            effect = self._client_session.receive(text, self._time())
        if type(effect) is Execute:
            return self._handler.execute(effect.request)
        if type(effect) is Reply:
            self._outbox.send(effect.payload)
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
        if self._ws_transport is not None and not self._outbox.closed:
            self._ws_transport.resume()
