"""
Reads the messages of one socket and handles them in order.

Nearly every message is handled in the call that delivers it. If one has to wait, for a join or
a slow log, those behind it queue up and reading pauses.
"""

import asyncio
import logging
from collections.abc import Callable

from ..domain.close_codes import INTERNAL, Close
from ..transport.base import WebSocketTransport
from .client_session import ClientSession, Execute, Reply
from .outbox import Outbox
from .request_handler import RequestHandler, Work

log = logging.getLogger("parley.ws")


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
        "_ended",
        "_handler",
        "_transport",
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
        self._transport: WebSocketTransport | None = None
        self._ended = False
        # The messages behind a request that has to wait, and the task that waits.
        self._backlog: list[str | bytes] = []
        self._waiting: asyncio.Task[None] | None = None

    def open(self, transport: WebSocketTransport, on_close: Callable[[], None]) -> None:
        """Receive messages from the transport, which calls ``on_close`` when the peer is gone."""
        self._transport = transport
        transport.set_receiver(self._take, on_close)

    async def close(self) -> None:
        """Stop: the requests that wait are dropped. Idempotent."""
        self._ended = True
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)

    def _take(self, message: str | bytes) -> None:
        if self._ended:
            return
        if self._waiting is not None:
            self._backlog.append(message)
            return
        try:
            wait = self._handle(message)
        except Exception:  # a bug of ours ends this connection, and no other
            log.exception("inbox.failed")
            self._end(INTERNAL)
            return
        if wait is not None:
            assert self._transport is not None
            self._transport.pause()
            self._waiting = asyncio.create_task(self._go_on(wait))

    def _handle(self, message: str | bytes) -> Work | None:
        if type(message) is str:
            effect = self._client_session.receive(message, self._time())
        else:
            effect = self._client_session.receive_bytes(self._time())
        if type(effect) is Execute:
            return self._handler.execute(effect.request)
        if type(effect) is Reply:
            self._outbox.send(effect.payload)
        else:
            assert isinstance(effect, Close)
            self._end(effect)
        return None

    def _end(self, why: Close) -> None:
        """Close the connection: messages behind this one are dropped, and no more are read."""
        self._ended = True
        self._backlog.clear()
        if self._transport is not None:
            self._transport.pause()
        self._close(why)

    async def _go_on(self, wait: Work) -> None:
        try:
            await wait()
            while self._backlog:
                backlog, self._backlog = self._backlog, []
                for message in backlog:
                    if self._ended:
                        return
                    further = self._handle(message)
                    if further is not None:
                        await further()
        except Exception:  # as in _take
            log.exception("inbox.failed")
            self._end(INTERNAL)
        finally:
            self._waiting = None
        if self._transport is not None and not self._ended and not self._outbox.closed:
            self._transport.resume()
