"""
The WebSocket: sockets in, conversations out.

A bare ASGI endpoint, half the memory of a FastAPI one and a third of the time. We always
accept and then close with a code, because a close before that reaches a browser as a bare
1006.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import uniform
from typing import Any

from ..domain.close_codes import (
    INTERNAL,
    SLOW_CONSUMER,
    TOKEN_EXPIRED,
    UNAVAILABLE,
    Close,
)
from ..domain.errors import ParleyError
from ..domain.ids import Millis, RoomId
from ..domain.limits import (
    HEARTBEAT_SECONDS,
    MAX_WELCOME_ROOMS,
)
from ..domain.token_bucket import TokenBucket, UserTokenBuckets
from ..observability.logs import event, name_connection, new_id
from ..services.accounts.authenticator import Identity
from ..services.log.epoch import Epoch
from ..services.rooms.membership_loader import MembershipLoader
from ..transport.asgi import AsgiTransport
from ..transport.base import EXTENSION, WebSocketTransport
from ..wire import answers
from ..wire.errors import close_for
from ..wire.frames import text_frame
from ..wire.rooms import room_body
from .client_session import ClientSession
from .connect_request import ConnectRequest, is_ours, read_connect_request
from .connection import Connection
from .joins import Confirmed
from .message_reader import MessageReader
from .outbox import Outbox
from .parts import RealtimeParts
from .request_handler import RequestHandler
from .resume import ResumeRequest

log = logging.getLogger("parley.ws")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketServices:
    """What a socket asks of the server."""

    realtime: RealtimeParts
    memberships: MembershipLoader
    send_buckets: UserTokenBuckets
    epoch: Epoch
    now: Callable[[], Millis]


async def websocket(services: SocketServices, scope: Scope, receive: Receive, send: Send) -> None:
    """``/ws`` and ``/ws/{room}``."""
    if (await receive())["type"] != "websocket.connect":
        return
    if not is_ours(scope):
        # Refused before it is accepted: the server answers 403.
        await send({"type": "websocket.close"})
        return
    name_connection(new_id())
    await Socket(services, scope, receive, send).run()


class Socket:
    """One WebSocket, and the task that reads from it. Nobody else receives."""

    def __init__(
        self, services: SocketServices, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._services = services
        self._realtime = services.realtime
        self._scope = scope
        self._loop = asyncio.get_running_loop()
        self._ending: asyncio.Future[Close | None] = self._loop.create_future()
        # Those who may end the connection hold no more of it than this.
        self._end = partial(_end, self._ending)
        self._timer: asyncio.TimerHandle | None = None
        self._connection: Connection | None = None
        offered: WebSocketTransport | None = scope.get("extensions", {}).get(EXTENSION)
        self._asgi_transport = AsgiTransport(receive, send) if offered is None else None
        self._transport: WebSocketTransport = offered or self._asgi_transport  # type: ignore[assignment]
        overflow = partial(self._end, SLOW_CONSUMER)
        limits = self._realtime.limits
        self._outbox = Outbox(
            self._transport,
            limits.max_unsent_bytes,
            overflow,
            stall_seconds=limits.replay_stall_seconds,
        )

    async def run(self) -> None:
        """From the handshake to the close. Never raises."""
        try:
            origins = self._realtime.limits.allowed_origins
            handshake = read_connect_request(self._scope, origins)
        except ParleyError as exc:
            handshake, refusal = None, exc
        # Kept for as long as the connection; nobody reads them again.
        self._scope["headers"] = []
        protocol = None if handshake is None else handshake.subprotocol
        # The answer goes out with the first frames.
        self._outbox.prefix_first_write(partial(self._transport.accept, protocol))
        # It writes until the connection is closed.
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
            # The peer went while we were writing: there is nobody to tell.
            close = None
        except Exception:  # the root of a connection: logged, and the client told
            log.exception("connection.failed")
            close = INTERNAL
        try:
            if close is not None:
                await self._close(close)
        finally:
            if plain is not None:
                plain.cancel()
            if self._connection is not None:
                self._realtime.connections.end(self._connection)

    async def _serve(self, handshake: ConnectRequest) -> Close | None:
        realtime = self._realtime
        connection = realtime.connections.open(
            handshake.token,
            outbox=self._outbox,
            close=self._end,
            path_room=handshake.room,
        )
        connection.held_until_welcome = []
        self._connection = connection
        handler = RequestHandler(realtime.request_services, connection, self._renewed)
        reader: MessageReader | None = None
        try:
            # All that is read for it is asked for at once, and so is read at once.
            confirmed: Confirmed = self._loop.create_future()
            if handshake.room is not None:
                resume_request = ResumeRequest(handshake.since, handshake.limit, handshake.epoch)
                handler.join(handshake.room, resume_request, confirmed=confirmed)
            self._services.memberships.of(connection.user).add_done_callback(self._watch)
            identity, refusal = await realtime.connections.admit(connection)
            if refusal is not None:
                return refusal
            self._client_session = self._new_client_session(handshake, identity)
            await self._welcome(handshake, identity)
            connection.mark_welcomed()
            self._set_timer()
            confirmed.set_result(None)
            # Behind what the join has to say, if that is known by then.
            self._loop.call_soon(self._outbox.flush)
            reader = MessageReader(self._client_session, handler, self._outbox, self._end)
            # The peer has closed the connection, or is lost.
            reader.open(self._transport, partial(self._end, None))
            return await self._ending
        finally:
            # It is decided how this ends: what comes now is not carried out.
            self._transport.pause()
            if self._timer is not None:
                self._timer.cancel()
            realtime.connections.retire(connection)
            await handler.close()
            if reader is not None:
                await reader.close()

    # The token's life

    def _new_client_session(self, handshake: ConnectRequest, identity: Identity) -> ClientSession:
        limits, now = self._realtime.limits, self._loop.time()
        return ClientSession(
            room=handshake.room,
            expires_at=self._ends_at(identity),
            frames=TokenBucket(limits.frames_per_second, limits.frame_burst, now),
            sends=self._services.send_buckets.of(identity.user, now),
        )

    def _ends_at(self, identity: Identity) -> float:
        return self._loop.time() + (identity.expires_at - self._services.now()) / 1000

    def _renewed(self, identity: Identity) -> None:
        self._client_session.extend(self._ends_at(identity))
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._client_session.next_deadline(), self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        ended = self._client_session.tick(now)
        if ended:
            self._end(TOKEN_EXPIRED)
            return
        if ended is False:
            left = max(0, round(self._client_session.next_deadline() - now))
            self._outbox.send(answers.signal("auth_expiring", expires_in=left))
        self._set_timer()

    # Opening and closing

    async def _welcome(self, handshake: ConnectRequest, identity: Identity) -> None:
        services = self._services
        rooms = None
        if handshake.room is None:
            shown = await services.memberships.room_views(identity.user, MAX_WELCOME_ROOMS)
            rooms = [room_body(view) for view in shown]
        now = services.now()
        welcome = answers.welcome(
            user=identity.username,
            epoch=services.epoch.name,
            now=now,
            heartbeat_seconds=HEARTBEAT_SECONDS,
            expires_in=max(0, (identity.expires_at - now) // 1000),
            limits=self._realtime.limits.told_to_clients,
            rooms=rooms,
        )
        self._outbox.write_later(text_frame(welcome))

    def _watch(self, read: asyncio.Future[Sequence[RoomId] | None]) -> None:
        """Hear what happens in the user's other rooms."""
        connection = self._connection
        if connection is None or connection.closed or read.cancelled():
            return
        if read.exception() is None:
            self._realtime.activity.watch(connection, read.result() or ())
        else:
            # Without it, news of other rooms would be missing unseen.
            self._end(UNAVAILABLE)

    async def _close(self, why: Close) -> None:
        """Say why, after what has been sent."""
        if why is SLOW_CONSUMER:
            event(log, logging.INFO, "connection.slow", unsent=self._outbox.unsent)
        self._outbox.finish()
        event(log, logging.DEBUG, "connection.closing", code=why.code)
        limits = self._realtime.limits
        within = limits.close_seconds
        if why is SLOW_CONSUMER:
            # Dropping a peer takes a millisecond, and many stall at the same moment.
            within = limits.slow_close_seconds * uniform(0.5, 1.5)
        await self._transport.close(why.code, why.reason, within)


def _end(ending: asyncio.Future[Close | None], why: Close | None) -> None:
    """End a connection; None: its peer has gone. The first reason counts."""
    if not ending.done():
        ending.set_result(why)
