"""
The endpoint of ``/ws`` and ``/ws/{room}``: the life of one WebSocket.

Plain ASGI: a FastAPI endpoint takes twice the memory and three times as long. A refused
connection is accepted first and then closed with a code, because a browser reports a close
before that as 1006, without a reason.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..domain.close_codes import (
    INTERNAL,
    SLOW_CONSUMER,
    UNAVAILABLE,
    Close,
)
from ..domain.connection_limits import HEARTBEAT_SECONDS
from ..domain.errors import ParleyError
from ..domain.ids import Millis, RoomId
from ..domain.limits import MAX_WELCOME_ROOMS
from ..domain.token_bucket import TokenBucket, UserTokenBuckets
from ..observability.logs import event, name_connection, new_id
from ..services.accounts.authenticator import Identity
from ..services.log.epoch import Epoch
from ..services.rooms.membership_loader import MembershipLoader
from ..transport.asgi import AsgiTransport
from ..transport.base import EXTENSION, WebSocketTransport
from ..wire import answers
from ..wire.errors import close_for
from ..wire.rooms import room_body
from ..wire.websocket_frame import text_frame
from .client_session import ClientSession
from .connect_request import (
    ConnectRequest,
    is_socket_path,
    read_connect_request,
)
from .connection import Connection
from .joins import Confirmed
from .message_reader import MessageReader
from .outbox import Outbox
from .parts import RealtimeParts
from .request_handler import RequestHandler
from .resume import ResumeRequest
from .token_expiry import TokenExpiry

log = logging.getLogger("parley.ws")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketServices:
    """What sockets need of the server. One per node."""

    realtime: RealtimeParts
    memberships: MembershipLoader
    send_buckets: UserTokenBuckets
    epoch: Epoch
    now: Callable[[], Millis]
    request_handler: Callable[..., RequestHandler] = RequestHandler
    """Makes the handler of a connection's requests."""


async def websocket(services: SocketServices, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one WebSocket until it is closed. Never raises."""
    if (await receive())["type"] != "websocket.connect":
        return
    if not is_socket_path(scope):
        # Closed before it is accepted: the server answers 403.
        await send({"type": "websocket.close"})
        return
    name_connection(new_id())
    await Socket(services, scope, receive, send).run()


class Socket:
    """One WebSocket, in the task that the server runs for it. Only this calls ``receive``."""

    def __init__(
        self, services: SocketServices, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._services = services
        self._realtime = services.realtime
        self._scope = scope
        self._loop = asyncio.get_running_loop()
        self._ending: asyncio.Future[Close | None] = self._loop.create_future()
        # Hand out only this callback, so that nothing else keeps the socket alive.
        self._end = partial(_end, self._ending)
        self._connection: Connection | None = None
        offered: WebSocketTransport | None = scope.get("extensions", {}).get(EXTENSION)
        self._asgi_transport = AsgiTransport(receive, send) if offered is None else None
        self._transport: WebSocketTransport = offered or self._asgi_transport  # type: ignore[assignment]
        self._outbox = Outbox(self._transport, self._realtime.slow_consumer, self._end)

    async def run(self) -> None:
        """From the handshake to the close. Never raises."""
        try:
            origins = self._realtime.limits.allowed_origins
            handshake = read_connect_request(self._scope, origins)
        except ParleyError as exc:
            handshake, refusal = None, exc
        # The scope lives as long as the connection. Under our own transport nothing else reads it.
        if self._asgi_transport is None:
            self._scope.clear()
        else:
            self._scope["headers"] = []
        protocol = None if handshake is None else handshake.subprotocol
        # The answer shares a write with the first frames.
        self._outbox.prefix_first_write(partial(self._transport.accept, protocol))
        # Writes until the connection is closed.
        plain = (
            None
            if self._asgi_transport is None
            else asyncio.create_task(self._asgi_transport.run())
        )
        try:
            if handshake is None:
                close = close_for(refusal)
            else:
                close = await self._serve(handshake)
        except ParleyError as exc:
            close = close_for(exc) or UNAVAILABLE
        except (OSError, RuntimeError):
            # The peer went away during a write: there is nothing to close.
            close = None
        except Exception:  # the root of a connection: logged, and reported to the client
            log.exception("connection.failed")
            close = INTERNAL
        try:
            if close is not None:
                await self._close(close)
        finally:
            if plain is not None:
                plain.cancel()
            if self._connection is not None:
                self._realtime.connections.end(self._connection, close)

    async def _serve(self, handshake: ConnectRequest) -> Close | None:
        realtime = self._realtime
        connection = realtime.connections.open(
            handshake.token,
            outbox=self._outbox,
            close=self._end,
            probe=self._transport.probe,
            path_room=handshake.room,
            transport="websocket" if self._asgi_transport is None else "asgi",
        )
        connection.held_until_welcome = []
        self._connection = connection
        expiry = TokenExpiry(
            connection,
            self._services.now,
            realtime.token_timer,
            announce_seconds=self._realtime.limits.auth_expiring_seconds,
        )
        handler = self._services.request_handler(
            realtime.request_services,
            connection,
            on_fresh_token=lambda identity: expiry.start(identity.expires_at),
        )
        reader: MessageReader | None = None
        try:
            # Ask for everything at once, so that one read of the database answers it.
            confirmed: Confirmed = self._loop.create_future()
            if handshake.room is not None:
                resume_request = ResumeRequest(handshake.since, handshake.limit, handshake.epoch)
                handler.join(handshake.room, resume_request, confirmed=confirmed)
            self._services.memberships.of(connection.user).add_done_callback(self._watch_rooms)
            identity, refusal = await realtime.connections.admit(connection)
            if refusal is not None:
                return refusal
            client_session = self._new_client_session(handshake, identity)
            await self._welcome(handshake, identity)
            connection.mark_welcomed()
            expiry.start(identity.expires_at)
            confirmed.set_result(None)
            # A turn later, so that the join's reply shares the write if it is known by then.
            self._loop.call_soon(self._outbox.flush)
            reader = MessageReader(client_session, handler, self._outbox, self._end)
            # None: the peer has closed the connection or is lost.
            reader.open(self._transport, partial(self._end, None))
            return await self._ending
        finally:
            # The connection is closing: nothing more is handled.
            self._transport.pause()
            expiry.stop()
            realtime.connections.retire(connection)
            await handler.close()
            if reader is not None:
                await reader.close()

    # Opening and closing

    def _new_client_session(self, handshake: ConnectRequest, identity: Identity) -> ClientSession:
        limits, now = self._realtime.limits, self._loop.time()
        return ClientSession(
            room=handshake.room,
            frames=TokenBucket(
                limits.frames_per_second, limits.frame_burst, now, self._realtime.frame_refusals
            ),
            sends=self._services.send_buckets.of(identity.user, now),
        )

    async def _welcome(self, handshake: ConnectRequest, identity: Identity) -> None:
        services = self._services
        rooms = None
        if handshake.room is None:
            shown = await services.memberships.room_views(identity.user, MAX_WELCOME_ROOMS)
            rooms = [room_body(view) for view in shown]
        now = services.now()
        welcome = answers.welcome(
            user=identity.username,
            display_name=identity.display_name,
            epoch=services.epoch.name,
            now=now,
            heartbeat_seconds=HEARTBEAT_SECONDS,
            expires_in=max(0, (identity.expires_at - now) // 1000),
            limits=self._realtime.limits.told_to_clients,
            rooms=rooms,
        )
        self._outbox.write_later(text_frame(welcome))

    def _watch_rooms(self, read: asyncio.Future[Sequence[RoomId] | None]) -> None:
        """Notify the connection of activity in the user's rooms, now that they have been read."""
        connection = self._connection
        if connection is None or connection.closed or read.cancelled():
            return
        if read.exception() is None:
            self._realtime.activity.watch(connection, read.result() or ())
        else:
            # Otherwise it would miss activity without noticing.
            self._end(UNAVAILABLE)

    async def _close(self, why: Close) -> None:
        """Send what is left and the close frame; abort if the peer doesn't take them in time."""
        if why is SLOW_CONSUMER:
            event(log, logging.INFO, "connection.slow", unsent=self._outbox.unsent)
        self._outbox.finish()
        event(log, logging.DEBUG, "connection.closing", code=why.code)
        if why is SLOW_CONSUMER:
            within = self._realtime.slow_consumer.close_timeout()
        else:
            within = self._realtime.limits.close_seconds
        await self._transport.close(why.code, why.reason, within)


def _end(ending: asyncio.Future[Close | None], why: Close | None) -> None:
    """End a connection, with a code or because its peer is gone. The first call counts."""
    if not ending.done():
        ending.set_result(why)
