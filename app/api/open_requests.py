"""
Holds HTTP requests open as connections: :mod:`app.api.streams` has what they answer.

Such a connection is registered before its log-in is read, counted, and ended by the same rules
with the same close codes as a socket.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from ..domain.close_codes import TOKEN_EXPIRED, TOO_MANY_CONNECTIONS, UNAUTHORIZED, Close
from ..domain.errors import RateLimited, TokenExpired, Unauthorized, Unavailable
from ..domain.ids import UserId
from ..domain.limits import STREAM_PING_SECONDS
from ..realtime.connection import Connection
from ..realtime.outbox import Outbox
from ..realtime.token_expiry import TokenExpiry
from ..runtime import Runtime
from ..transport.sse import SseTransport

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Cursor(NamedTuple):
    """The last ``seq`` that a client has, and the epoch that it belongs to, if it says so."""

    since: int
    epoch: str | None


class OpenRequest(NamedTuple):
    """A request that is held open as a connection."""

    connection: Connection
    user: UserId
    transport: SseTransport
    ending: "asyncio.Future[Close | None]"
    """Done when the connection has to end; its result is None if the client is gone."""

    def raise_if_ended(self) -> None:
        """Raise the error that corresponds to the close code, if the connection has to end."""
        why = self.ending.result() if self.ending.done() else None
        if why is None:
            return
        if why == TOKEN_EXPIRED:
            raise TokenExpired
        if why == UNAUTHORIZED:
            raise Unauthorized
        if why == TOO_MANY_CONNECTIONS:
            raise RateLimited("You have too many connections.", retry_after=STREAM_PING_SECONDS)
        raise Unavailable


@asynccontextmanager
async def held_open(
    runtime: Runtime, receive: Receive, token: str, room: str
) -> AsyncIterator[OpenRequest]:
    """
    Hold a request open as a connection until the block ends.

    Raises:
        Unauthorized: If the token is not valid or its log-in has ended.
        Unavailable: If the database can't be read now.

    """
    loop = asyncio.get_running_loop()
    ending: asyncio.Future[Close | None] = loop.create_future()

    def end(why: Close | None) -> None:
        if not ending.done():
            ending.set_result(why)

    connections = runtime.realtime.connections
    transport = SseTransport(runtime.log.epoch.name)
    outbox = Outbox(transport, runtime.realtime.slow_consumer, end)
    connection = connections.open(
        token,
        outbox=outbox,
        close=end,
        probe=_is_present,
        path_room=room.lower(),
        transport="http",
    )
    watching = asyncio.create_task(_end_on_disconnect(receive, end))
    expiry = TokenExpiry(connection, runtime.now, runtime.realtime.token_timer, announce_seconds=0)
    try:
        identity, refusal = await connections.admit(connection)
        expiry.start(identity.expires_at)
        if refusal is not None:
            end(refusal)
        yield OpenRequest(connection, identity.user, transport, ending)
    finally:
        expiry.stop()
        watching.cancel()
        connections.end(connection, ending.result() if ending.done() else None)


async def _is_present(_seconds: float) -> bool:
    """Waits and exports end by themselves; see :meth:`SseTransport.probe` for streams."""
    return True


async def _end_on_disconnect(receive: Receive, end: Callable[[None], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    end(None)
