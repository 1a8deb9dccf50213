"""
Carrying out what one client asks on its socket.

Requests that append are queued at once, in the order in which they came; their answers may
overtake each other. A join has two halves: the first decides on membership, and whatever is
asked meanwhile waits for it; the replay then takes as long as it takes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from ..domain import appends
from ..domain.close_codes import Close
from ..domain.errors import (
    Conflict,
    Internal,
    ParleyError,
    Unauthorized,
)
from ..domain.ids import Millis, RoomId
from ..domain.limits import MAX_PENDING_REQUESTS
from ..domain.text import mentioned
from ..services.accounts.authenticator import Authenticator, Identity
from ..services.log.committer import AppendResult, Committer
from ..services.rooms.room_directory import RoomDirectory
from ..wire import answers, requests
from ..wire.errors import close_for, error_frame
from ..wire.rooms import view_body
from .connection import Connection
from .hub import Hub
from .joins import Confirmed, Joins
from .read_receipts import ReadReceipts
from .resume import ResumeRequest
from .typing import Typing
from .write_coalescer import WriteCoalescer

log = logging.getLogger("parley.conversation")

Work = Callable[[], Awaitable[None]]
"""Not begun yet: where it never is, nothing is left behind that nobody awaited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestServices:
    """What a conversation needs of the server. One per node."""

    hub: Hub
    joins: Joins
    committer: Committer
    directory: RoomDirectory
    read_receipts: ReadReceipts
    typing: Typing
    authenticator: Authenticator
    coalescer: WriteCoalescer
    now: Callable[[], Millis]
    max_pending: int = MAX_PENDING_REQUESTS


class RequestHandler:
    """
    One client's requests.

    Args:
        renewed: Called with the identity of a fresh token.

    """

    def __init__(
        self,
        server: RequestServices,
        connection: Connection,
        renewed: Callable[[Identity], None],
    ) -> None:
        self._server = server
        self._connection = connection
        self._renewed = renewed
        self._tasks: set[asyncio.Task[None]] = set()
        # First halves of joins that are under way.
        self._entering: set[asyncio.Future[None]] = set()
        self._pending = 0
        self._room_for_more: asyncio.Future[None] | None = None

    def execute(self, request: requests.AnyRequest) -> Work | None:
        """
        Carry out one request; it may be answered later. Never raises a ``ParleyError``.

        Returns:
            What to carry out before the next request is given, where the order of appends needs
            it or too many are unanswered; None nearly always.

        """
        try:
            match request:
                case requests.Join():
                    resume_request = ResumeRequest(
                        request.since, request.limit, request.epoch, request.id
                    )
                    self.join(request.room or "", resume_request)
                case requests.Leave():
                    if self._entering:
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
            self._fail(exc, request.id)
        return None

    def join(
        self, room: str, resume_request: ResumeRequest, *, confirmed: Confirmed | None = None
    ) -> None:
        """
        Join a room.

        Args:
            confirmed: For the room of the path, which is looked at while the log-in is: nothing
                is done or said before this is done. Failing to join it ends the connection.

        """
        entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._entering.add(entered)
        entered.add_done_callback(self._entering.discard)
        work = partial(self._enter, room, resume_request, entered, confirmed)
        self._start(work, resume_request.re, closes=confirmed is not None)

    async def close(self) -> None:
        """Drop what is under way. Appends that are queued are carried out all the same."""
        self._server.typing.forget(self._connection)
        if self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # Appends

    def _append(self, request: requests.AnyRequest) -> Work | None:
        room = self._server.directory.known(request.room)  # type: ignore[union-attr, arg-type]
        if room is None or self._entering or self._pending >= self._server.max_pending:
            return partial(self._append_in_turn, request)
        self._submit(request, room)
        return None

    async def _append_in_turn(self, request: requests.AnyRequest) -> None:
        try:
            await self._entered()
            if self._pending >= self._server.max_pending:
                self._room_for_more = asyncio.get_running_loop().create_future()
                await self._room_for_more
            name: str = request.room  # type: ignore[union-attr, assignment]
            self._submit(request, await self._server.directory.find(name))
        except ParleyError as exc:
            self._fail(exc, request.id)

    def _submit(self, request: requests.AnyRequest, room: RoomId) -> None:
        server = self._server
        at, by = server.now(), self._connection.user
        append: appends.Append
        match request:
            case requests.Send():
                append = appends.Send(
                    room=room,
                    by=by,
                    at=at,
                    client_id=request.id,
                    text=request.text,
                    reply_to=request.reply_to,
                    data=request.data,
                    mentions=mentioned(request.text),
                )
            case requests.Edit(ref=ref, text=text):
                append = appends.Edit(
                    room=room,
                    by=by,
                    at=at,
                    client_id=request.id,
                    ref=ref,
                    text=text,
                    mentions=mentioned(text),
                )
            case requests.Delete(ref=ref):
                append = appends.Delete(room=room, by=by, at=at, client_id=request.id, ref=ref)
            case requests.React(ref=ref, emoji=emoji, on=on):
                append = appends.React(
                    room=room, by=by, at=at, client_id=request.id, ref=ref, emoji=emoji, on=on
                )
            case requests.Pin(ref=ref, on=on):
                append = appends.Pin(room=room, by=by, at=at, client_id=request.id, ref=ref, on=on)
            case _:
                raise AssertionError(request)
        server.committer.submit(append, partial(self._answer, request.id))
        self._pending += 1

    def _answer(self, re: str | None, outcome: AppendResult) -> None:
        self._pending -= 1
        if self._room_for_more is not None and not self._room_for_more.done():
            self._room_for_more.set_result(None)
        coalescer, outbox = self._server.coalescer, self._connection.outbox
        if isinstance(outcome, appends.Committed):
            coalescer.write_with_replies(outbox, outcome.room, answers.append_ack(re, outcome))
        else:
            coalescer.send(outbox, error_frame(outcome, re))

    # Everything else

    async def _enter(
        self,
        room: str,
        resume_request: ResumeRequest,
        entered: asyncio.Future[None],
        confirmed: Confirmed | None,
    ) -> None:
        try:
            entry = await self._server.joins.enter(self._connection, room, confirmed)
        except ParleyError:
            if confirmed is not None:
                # Whoever may not be here learns nothing of rooms.
                await confirmed
            raise
        finally:
            entered.set_result(None)
        await self._server.joins.replay(entry, resume_request)

    async def _entered(self) -> None:
        # By the time that this runs, all of them may be through.
        if self._entering:
            await asyncio.wait(self._entering)

    async def _leave_in_turn(self, request: requests.Leave) -> None:
        await self._entered()
        self._leave(request)

    def _leave(self, request: requests.Leave) -> None:
        name = (request.room or "").lower()
        room = self._server.directory.known(name)
        subscription = None if room is None else self._connection.subscriptions.get(room)
        if subscription is not None:
            self._server.hub.unsubscribe(subscription)
        self._connection.outbox.send(answers.ack(request.id))

    def _typing(self, request: requests.Typing) -> None:
        name = (request.room or "").lower()
        room = self._server.directory.known(name)
        subscription = None if room is None else self._connection.subscriptions.get(room)
        if subscription is None or not subscription.live:
            raise Conflict("Join the room first.")
        self._server.typing.signal(subscription, on=request.on)

    async def _read(self, request: requests.Read) -> None:
        server, user = self._server, self._connection.user
        name = request.room or ""
        room = server.directory.known(name) or await server.directory.find(name)
        view = await server.read_receipts.move(
            room, user, self._connection.username, request.seq, but=self._connection
        )
        self._connection.outbox.send(answers.ack(request.id, **view_body(view)))

    async def _auth(self, request: requests.Auth) -> None:
        identity = await self._server.authenticator.authenticate(request.token)
        if identity.user != self._connection.user:
            raise Unauthorized("This token is another user's.")
        self._connection.session = identity.session
        self._connection.expires_at = identity.expires_at
        self._renewed(identity)
        expires_in = (identity.expires_at - self._server.now()) // 1000
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
                self._fail(exc, re)
        except Exception:  # the root of a task: a fault of ours, which its client hears of
            log.exception("conversation.failed")
            self._connection.close(Close(4100, Internal.default_detail))

    def _fail(self, exc: ParleyError, re: str | None) -> None:
        self._connection.outbox.send(error_frame(exc, re))
