"""
Executes the requests of one client.

Appends are submitted in the order of the requests; their replies may come in another order. A
join has two halves: requests that come during the first, which decides about membership, wait
for it; the replay then runs beside later requests.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from ..domain import appends
from ..domain.close_codes import Close
from ..domain.connection_limits import MAX_PENDING_REQUESTS
from ..domain.errors import (
    Conflict,
    Internal,
    ParleyError,
    Unauthorized,
)
from ..domain.ids import Millis, RoomId
from ..services.accounts.authenticator import Authenticator, Identity
from ..services.log.batch_transaction import AppendResult
from ..services.log.committer import Committer
from ..services.rooms.room_directory import RoomDirectory
from ..wire import answers, requests
from ..wire.errors import close_for, error_frame
from ..wire.rooms import view_body
from .append_requests import AppendRequest, to_append
from .connection import Connection, SubscriptionState
from .hub import Hub
from .joins import Confirmed, Joins
from .presence import Presence
from .read_receipts import ReadReceipts
from .replay import Replay
from .resume import ResumeRequest
from .typing import Typing
from .write_coalescer import WriteCoalescer

log = logging.getLogger("parley.conversation")

Work = Callable[[], Awaitable[None]]
"""Starts the work when called. Not a coroutine: one that is never awaited would warn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestServices:
    """What request handlers need of the server. One per node."""

    hub: Hub
    joins: Joins
    replay: Replay
    committer: Committer
    directory: RoomDirectory
    read_receipts: ReadReceipts
    presence: Presence
    typing: Typing
    authenticator: Authenticator
    coalescer: WriteCoalescer
    now: Callable[[], Millis]
    max_pending: int = MAX_PENDING_REQUESTS


class RequestHandler:
    """
    The requests of one client. Used in the event loop.

    Args:
        on_fresh_token: Called with the identity of a token that an ``auth`` request has shown.

    """

    def __init__(
        self,
        services: RequestServices,
        connection: Connection,
        on_fresh_token: Callable[[Identity], None],
    ) -> None:
        self._services = services
        self._connection = connection
        self._on_fresh_token = on_fresh_token
        self._tasks: set[asyncio.Task[None]] = set()
        # Joins whose first half is running.
        self._joining: set[asyncio.Future[None]] = set()
        # Appends without a reply yet, and what resumes the reader when there are fewer.
        self._pending = 0
        self._below_max_pending: asyncio.Future[None] | None = None

    def execute(self, request: requests.AnyRequest) -> Work | None:
        """
        Execute one request. Its reply, an error as well, may be sent later.

        Returns:
            Work to await before the next request is given: to keep appends in order, or because
            too many have no reply yet. Nearly always None.

        """
        try:
            match request:
                case requests.Join():
                    resume_request = ResumeRequest(
                        request.since, request.limit, request.epoch, request.id
                    )
                    self.join(request.room or "", resume_request)
                case requests.Leave():
                    if self._joining:
                        return partial(self._leave_in_turn, request)
                    self._leave(request)
                case requests.Typing():
                    self._typing(request)
                case requests.Read():
                    self._start(partial(self._read, request), request.id)
                case requests.Auth():
                    self._start(partial(self._auth, request), request.id)
                case requests.Ping():
                    self._connection.outbox.send(answers.pong(request.id))
                case _:
                    return self._append(request)
        except ParleyError as exc:
            self._send_error(exc, request.id)
        return None

    def join(
        self, room: str, resume_request: ResumeRequest, *, confirmed: Confirmed | None = None
    ) -> None:
        """
        Start joining a room.

        Args:
            confirmed: For the room in the path, which is read while the log-in is: nothing is
                appended or sent before this is done. Failing to join closes the connection.

        """
        decided: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._joining.add(decided)
        decided.add_done_callback(self._joining.discard)
        work = partial(self._join, room, resume_request, decided, confirmed)
        self._start(work, resume_request.re, closes=confirmed is not None)

    async def close(self) -> None:
        """Cancel what is running. Appends that were submitted are committed all the same."""
        if self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # Appends

    def _append(self, request: AppendRequest) -> Work | None:
        room = self._room_at_once(request.room or "")
        if room is None or self._joining or self._pending >= self._services.max_pending:
            return partial(self._append_in_turn, request)
        self._submit(request, room)
        return None

    def _room_at_once(self, name: str) -> RoomId | None:
        """The room of this exact name, if it is public and known, or joined here."""
        known = self._services.directory.known(name)
        if known is None and (joined := self._connection.subscription_to(name)) is not None:
            return joined.room
        return known

    async def _append_in_turn(self, request: AppendRequest) -> None:
        try:
            await self._joins_decided()
            if self._pending >= self._services.max_pending:
                self._below_max_pending = asyncio.get_running_loop().create_future()
                await self._below_max_pending
            name: str = request.room  # type: ignore[assignment]
            self._submit(request, await self._services.directory.find(name))
        except ParleyError as exc:
            self._send_error(exc, request.id)

    def _submit(self, request: AppendRequest, room: RoomId) -> None:
        services = self._services
        user, present = self._connection.user, services.presence.users
        append = to_append(request, room, user, services.now(), present)
        services.committer.submit(append, self._result_of(request.id))
        self._pending += 1

    def _result_of(self, re: str | None) -> Callable[[AppendResult], None]:
        """What is called with the result of an append that was asked for by ``re``."""
        return partial(self._on_outcome, re)

    def _on_outcome(self, re: str | None, outcome: AppendResult) -> None:
        """Reply to an append: ``ack``, also for a duplicate, or ``error``."""
        self._pending -= 1
        if self._below_max_pending is not None and not self._below_max_pending.done():
            self._below_max_pending.set_result(None)
        coalescer, outbox = self._services.coalescer, self._connection.outbox
        if isinstance(outcome, appends.Committed):
            coalescer.write_with_replies(outbox, outcome.room, answers.append_ack(re, outcome))
        else:
            coalescer.send(outbox, error_frame(outcome, re))

    # Other requests

    async def _join(
        self,
        room: str,
        resume_request: ResumeRequest,
        decided: asyncio.Future[None],
        confirmed: Confirmed | None,
    ) -> None:
        try:
            admission = await self._services.joins.admit(self._connection, room, confirmed)
        except ParleyError:
            if confirmed is not None:
                # A client whose log-in has ended must not learn which rooms exist.
                await confirmed
            raise
        finally:
            decided.set_result(None)
        await self._services.replay.run(admission, resume_request)

    async def _joins_decided(self) -> None:
        # By the time that this runs, there may be none left.
        if self._joining:
            await asyncio.wait(self._joining)

    async def _leave_in_turn(self, request: requests.Leave) -> None:
        await self._joins_decided()
        self._leave(request)

    def _leave(self, request: requests.Leave) -> None:
        subscription = self._connection.subscription_to((request.room or "").lower())
        if subscription is not None:
            self._services.hub.unsubscribe(subscription)
        self._connection.outbox.send(answers.ack(request.id))

    def _typing(self, request: requests.Typing) -> None:
        subscription = self._connection.subscription_to((request.room or "").lower())
        if subscription is None or subscription.state is not SubscriptionState.LIVE:
            raise Conflict("Join the room first.")
        if request.on:
            self._start(partial(self._services.typing.begin, subscription), None)
        else:
            self._services.typing.end(subscription)

    async def _read(self, request: requests.Read) -> None:
        services, user = self._services, self._connection.user
        name = request.room or ""
        room = self._room_at_once(name) or await services.directory.find(name)
        receipts = services.read_receipts
        move = receipts.place if request.force else receipts.move
        view = await move(room, user, self._connection.username, request.seq, but=self._connection)
        self._connection.outbox.send(answers.ack(request.id, **view_body(view)))

    async def _auth(self, request: requests.Auth) -> None:
        identity = await self._services.authenticator.authenticate(request.token)
        if identity.user != self._connection.user:
            raise Unauthorized("This token belongs to another user.")
        self._connection.session = identity.session
        self._connection.expires_at = identity.expires_at
        self._on_fresh_token(identity)
        expires_in = (identity.expires_at - self._services.now()) // 1000
        self._connection.outbox.send(answers.ack(request.id, expires_in=expires_in))

    # Internal

    def _start(self, work: Work, re: str | None, *, closes: bool = False) -> None:
        task = asyncio.create_task(self._guard(work, re, closes=closes))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Work, re: str | None, *, closes: bool) -> None:
        try:
            await work()
        except ParleyError as exc:
            close = close_for(exc) if closes else None
            if close is not None:
                self._connection.close(close)
            else:
                self._send_error(exc, re)
        except Exception:  # the root of a task: a bug of ours, reported to the client
            log.exception("conversation.failed")
            self._connection.close(Close(4100, Internal.default_detail))

    def _send_error(self, exc: ParleyError, re: str | None) -> None:
        self._connection.outbox.send(error_frame(exc, re))
