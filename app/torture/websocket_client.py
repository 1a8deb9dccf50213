"""
A client on a WebSocket: it sends, receives, suffers faults, reconnects and resumes.

It follows the protocol as any client should: a retry has the ``id`` of the first try, a join has
``since``, and the hundreds of a close code decide whether and when to reconnect. The faults are
those that real clients meet.
"""

import asyncio
import time
from collections.abc import Sequence
from random import Random

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.protocol import State

from . import faults
from .api_client import Account, TortureError
from .findings import Promise
from .history import Frame, History
from .pending_requests import PendingRequests
from .plan import (
    BACKOFF_MAX_SECONDS,
    BACKOFF_MIN_SECONDS,
    BURST_EVERY,
    BURST_REQUESTS,
    MAX_STALL_SECONDS,
    MEAN_SECONDS_BETWEEN_FAULTS,
    NEWEST_MESSAGES,
    SENDS_PER_SECOND,
    SHARE_OF_LIMIT,
    WINDOW_REQUESTS,
)
from .request_generator import PendingRequest, RequestGenerator
from .subscription import Subscription

# Percentage of connections that join without `since`, like a client with an empty cache.
_RESET_PERCENT = 10


class WebSocketClient:
    """One simulated WebSocket client. ``run`` owns its connections, one at a time."""

    def __init__(
        self,
        name: str,
        account: Account,
        rooms: Sequence[str],
        history: History,
        rng: Random,
        *,
        clients_per_user: int,
        in_path: bool,
    ) -> None:
        self.name = name
        self.subscriptions = {room: Subscription(history, room, name) for room in rooms}
        self._account = account
        self._history = history
        self._rng = rng
        self._generator = RequestGenerator(history, account.name, self.subscriptions, rng)
        self._clients_per_user = clients_per_user
        # The room of a `/ws/{room}` connection; None for `/ws`, where rooms are joined by frames.
        self._path_room = rooms[0] if in_path else None
        self._pending = PendingRequests(name, history, self._generator, rng)
        self._winding_down = False
        self._pace = SENDS_PER_SECOND * rng.uniform(0.2, 1.0)
        self._stalled_until = 0.0
        self._failures = 0
        self._return_at: float | None = None

    @property
    def settled(self) -> bool:
        """Whether every request is answered and every room has caught up."""
        return not self._pending and all(sub.caught_up for sub in self.subscriptions.values())

    def wind_down(self) -> None:
        """Stop injecting faults and making requests; only finish the pending ones."""
        self._winding_down = True

    async def run(self) -> None:
        """Connect and reconnect until cancelled, or until the server refuses it for good."""
        while True:
            token = self._account.token
            try:
                code, reason = await self._run_connection(token)
                await self._follow_close_code(code, reason, token)
            except TortureError as exc:
                self._history.findings.add(Promise.SETTLED, "", f"{self.name} stopped: {exc}")
                return

    # Connections

    async def _run_connection(self, token: str) -> tuple[int, str]:
        """Run one connection from its handshake to its end; returns the close code and reason."""
        path = f"/ws/{self._path_room}{self._query()}" if self._path_room else "/ws"
        try:
            # Plain settings: no compression, no proxy, so that faults reach the server directly.
            socket = await connect(
                self._account.api.socket_url(path),
                additional_headers={"Authorization": f"Bearer {token}"},
                compression=None,
                proxy=None,
                close_timeout=2,
            )
        except (OSError, InvalidHandshake, TimeoutError, ConnectionClosed):
            self._history.counts["attempts without a connection"] += 1
            return 1006, ""
        self._history.counts["connections"] += 1
        self._pending.on_connect(give_up=not self._winding_down)
        try:
            async with asyncio.TaskGroup() as tasks:
                doing = [tasks.create_task(self._send_loop(socket))]
                doing.append(tasks.create_task(self._inject_faults(socket)))
                await self._receive_loop(socket)
                for task in doing:
                    task.cancel()
        finally:
            faults.reset(socket)
            self._pending.check_order()
        self._history.counts[f"ended with {socket.close_code}"] += 1
        return socket.close_code or 1006, socket.close_reason or ""

    def _query(self) -> str:
        assert self._path_room is not None
        since = self._start_join(self.subscriptions[self._path_room])
        return f"?limit={NEWEST_MESSAGES}" if since is None else f"?since={since}"

    def _start_join(self, subscription: Subscription) -> int | None:
        subscription.on_connect()
        if not self._winding_down and self._rng.randrange(100) < _RESET_PERCENT:
            subscription.forget()
        return subscription.start_join(NEWEST_MESSAGES)

    async def _follow_close_code(self, code: int, reason: str, token: str) -> None:
        """React to a close code as docs/protocol.md demands, and wait before reconnecting."""
        hundreds = code // 100
        if hundreds == 40 and code != 4001:
            raise TortureError(f"the server closed with {code} {reason!r}")
        if hundreds == 43 or code == 4001:
            await self._account.renew(token, log_in=code == 4001)
        self._failures += 1
        if self._return_at is not None:
            pause, self._return_at = self._return_at - time.monotonic(), None
        elif hundreds == 42 and self._failures == 1:
            pause = 0.0
        else:
            backoff = BACKOFF_MIN_SECONDS * 2 ** min(self._failures, 10)
            pause = min(BACKOFF_MAX_SECONDS, backoff) * self._rng.uniform(0.5, 1.0)
        await asyncio.sleep(max(0.0, pause))

    # Sending

    async def _send_loop(self, socket: ClientConnection) -> None:
        try:
            if self._path_room is None:
                for subscription in self.subscriptions.values():
                    await self._join(socket, subscription, self._start_join(subscription))
            while True:
                now = time.monotonic()
                if due := self._pending.due(now):
                    for request in due[:WINDOW_REQUESTS]:
                        await self._send(socket, request)
                elif not self._winding_down:
                    burst = self._rng.randrange(BURST_EVERY) == 0
                    for _ in range(BURST_REQUESTS if burst else 1):
                        if len(self._pending) < (BURST_REQUESTS if burst else WINDOW_REQUESTS):
                            await self._send(socket, self._pending.create())
                if self._pending.is_overdue(now, self._stalled_until):
                    faults.reset(socket)
                pause = 0.05 if self._winding_down else self._rng.expovariate(self._pace)
                await asyncio.sleep(min(pause, 2.0))
        except ConnectionClosed:
            return

    async def _send(self, socket: ClientConnection, request: PendingRequest) -> None:
        self._pending.mark_sent(request, time.monotonic())
        await socket.send(request.payload, text=True)

    async def _join(
        self, socket: ClientConnection, subscription: Subscription, since: int | None
    ) -> None:
        room = subscription.room
        where = {"limit": NEWEST_MESSAGES} if since is None else {"since": since}
        body = {"type": "join", "id": f"join {room}", "room": room, **where}
        await socket.send(orjson.dumps(body), text=True)

    # Receiving

    async def _receive_loop(self, socket: ClientConnection) -> None:
        try:
            while True:
                frame = orjson.loads(await socket.recv(decode=False))
                self._handle(frame, socket)
                stall = self._stalled_until - time.monotonic()
                if stall > 0:
                    await asyncio.sleep(stall)
        except ConnectionClosed:
            return

    def _handle(self, frame: Frame, socket: ClientConnection) -> None:
        match frame["type"]:
            case "welcome":
                self._apply_limits(frame["limits"])
            case "joined":
                self.subscriptions[frame["room"]].on_joined()
            case "caught_up":
                self.subscriptions[frame["room"]].on_caught_up(frame["seq"])
                self._failures = 0
            case "reset":
                self.subscriptions[frame["room"]].on_reset(frame["reason"], frame["head"])
                faults.reset(socket)
            case "ack":
                self._pending.on_ack(frame)
            case "error":
                if not self._pending.on_error(frame, time.monotonic()):
                    # A join failed: reconnect and join again.
                    self._history.counts[f"errors: {frame['code']}"] += 1
                    faults.reset(socket)
            case "drain":
                self._return_at = time.monotonic() + frame["reconnect_in_ms"] / 1000
            case "auth_expiring":
                # The connection will end with 4301, which _follow_close_code handles.
                pass
            case _ if "seq" in frame and "at" in frame:
                self.subscriptions[frame["room"]].on_event(frame)

    def _apply_limits(self, limits: Frame) -> None:
        allowed = limits.get("sends_per_second") or 0
        if allowed:
            self._pace = min(self._pace, SHARE_OF_LIMIT * allowed / self._clients_per_user)

    # Faults

    async def _inject_faults(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / MEAN_SECONDS_BETWEEN_FAULTS))
            if self._winding_down or socket.state is not State.OPEN:
                return
            fault = self._rng.choice(faults.ALL)
            self._history.counts[f"fault: {fault}"] += 1
            if fault == faults.STALL:
                self._stalled_until = time.monotonic() + self._rng.uniform(0.2, MAX_STALL_SECONDS)
            elif fault == faults.REJOIN:
                for subscription in self.subscriptions.values():
                    if subscription.caught_up:
                        await self._rejoin(socket, subscription)
            else:
                self._failures = 0
                if fault == faults.CUT:
                    request = self._pending.create()
                    self._pending.mark_sent(request, time.monotonic())
                    faults.cut(socket, request.payload)
                else:
                    await faults.end(socket, fault)
                return

    async def _rejoin(self, socket: ClientConnection, subscription: Subscription) -> None:
        try:
            await self._join(socket, subscription, subscription.start_join(NEWEST_MESSAGES))
        except ConnectionClosed:
            return
