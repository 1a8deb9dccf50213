"""Responses that take long: exports, event streams and long polls."""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from fastapi import Request, Response

from ..domain.close_codes import (
    DRAINING,
    INTERNAL,
    UNAVAILABLE,
    Close,
)
from ..domain.errors import ParleyError
from ..domain.limits import REPLAY_PAGE_EVENTS, STREAM_RETRY_MS
from ..realtime.joins import Admission
from ..runtime import Runtime
from ..services.messages.history import LogPage, check_cursor, check_epoch
from ..transport.base import UNACKNOWLEDGED
from ..transport.sse import SseTransport
from ..wire.errors import close_for
from ..wire.event_encoding import event_json
from .open_requests import Cursor, OpenRequest, Receive, Scope, Send, held_open
from .problems import answer

log = logging.getLogger("parley.streams")

EPOCH_HEADER = "X-Epoch"
"""Of a stream or an export, which has no page that could hold the epoch."""


async def long_poll(
    runtime: Runtime,
    request: Request,
    token: str,
    room: str,
    cursor: Cursor,
    *,
    limit: int,
    seconds: float,
) -> LogPage:
    """
    Wait for events after the cursor; return an empty page after ``seconds``.

    Holds no database connection while it waits. Safe to cancel.

    Raises:
        ParleyError: As :meth:`app.services.messages.history.History.events`; also if the log-in
            ends meanwhile or the user has too many connections.

    """
    feed = runtime.realtime.feed
    since, epoch = cursor
    read = partial(
        runtime.messages.history.events, name=room, since=since, epoch=epoch, limit=limit
    )
    async with held_open(runtime, request.receive, token, room) as open_:
        open_.raise_if_ended()
        # Acquire before the read, so that events in between are not missed.
        room_feed = feed.acquire(await runtime.rooms.directory.find(room))
        reaching: asyncio.Task[None] | None = None
        try:
            page = await read(open_.user)
            room_feed.seed(page.head)
            if page.batch is not None:
                return page
            reaching = asyncio.create_task(room_feed.reach(since + 1))
            await asyncio.wait(
                (reaching, open_.ending), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if reaching is not None:
                reaching.cancel()
            feed.release(room_feed)
        if open_.ending.done() and open_.ending.result() == DRAINING:
            return page
        open_.raise_if_ended()
        return await read(open_.user)


class Stream(Response):
    """A response whose body is written as it is produced."""

    def __init__(self, runtime: Runtime, token: str, room: str, cursor: Cursor) -> None:
        self._epoch = runtime.log.epoch.name
        super().__init__(
            headers={"Vary": "Accept", "X-Accel-Buffering": "no", EPOCH_HEADER: self._epoch}
        )
        del self.headers["Content-Length"]
        self._runtime = runtime
        self._token = token
        self._room = room
        self._cursor = cursor
        # None on a server that isn't ours, where a stream can't be probed.
        self._unacknowledged: Callable[[], int] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond. An error before the first byte is answered like that of any endpoint."""
        self._unacknowledged = scope.get("extensions", {}).get(UNACKNOWLEDGED)
        try:
            async with held_open(self._runtime, receive, self._token, self._room) as open_:
                await self._stream(open_, send)
        except ParleyError as exc:
            await answer(exc)(scope, receive, send)

    @abstractmethod
    async def _stream(self, open_: OpenRequest, send: Send) -> None:
        """Write the response. Raises a ``ParleyError`` only before the first byte."""

    async def _start(self, send: Send) -> None:
        headers = self.raw_headers
        await send({"type": "http.response.start", "status": 200, "headers": headers})


class Export(Stream):
    """
    The log from ``since`` to its head at the time of the request: one event per line.

    An export that is cut short ends with a line of ``type`` ``end``, with ``code`` and
    ``reason``.
    """

    media_type = "application/x-ndjson"

    async def _stream(self, open_: OpenRequest, send: Send) -> None:
        open_.raise_if_ended()
        check_epoch(self._cursor.epoch, self._epoch)
        page = await self._page(open_, self._cursor.since, None)
        upto = page.head
        await self._start(send)
        try:
            while page.batch is not None and not open_.ending.done():
                batch = page.batch
                lines = [event_json(event, batch.room_name, batch.names) for event in batch.events]
                await send(_body(b"\n".join(lines) + b"\n"))
                if page.last >= upto:
                    break
                page = await self._page(open_, page.last, upto)
        except ParleyError as exc:
            await send(_body(_end(close_for(exc) or UNAVAILABLE) + b"\n"))
        else:
            if open_.ending.done() and page.last < upto:
                why = open_.ending.result()
                if why is None:
                    return
                await send(_body(_end(why) + b"\n"))
        await send(_body(b"", more=False))

    async def _page(self, open_: OpenRequest, since: int, upto: int | None) -> LogPage:
        return await self._runtime.messages.history.events(
            open_.user, self._room, since, epoch=self._epoch, limit=REPLAY_PAGE_EVENTS, upto=upto
        )


class EventStream(Stream):
    """The log from ``since`` and then live, as server-sent events; the last is named ``end``."""

    media_type = "text/event-stream"

    async def _stream(self, open_: OpenRequest, send: Send) -> None:
        realtime, transport, ending = self._runtime.realtime, open_.transport, open_.ending
        admission = await realtime.joins.admit(open_.connection, self._room, read_only=True)
        check_epoch(self._cursor.epoch, self._epoch)
        check_cursor(admission.view, self._cursor.since)
        await self._start(send)
        if self._unacknowledged is not None:
            open_.connection.probe = partial(transport.probe, self._unacknowledged)
        writing = asyncio.create_task(_write(transport, send, realtime.limits.stream_ping_seconds))
        following = asyncio.create_task(self._follow(open_, admission))
        try:
            await asyncio.wait((writing, ending), return_when=asyncio.FIRST_COMPLETED)
            why = ending.result() if ending.done() else None
            if why is not None:
                realtime.hub.retire(open_.connection)
                # Events that wait for the fan-out must not follow the end.
                open_.connection.outbox.finish()
                transport.finish(_end(why))
                # A client that doesn't take the end in time is disconnected without it.
                await asyncio.wait((writing,), timeout=realtime.limits.close_seconds)
        finally:
            for task in (writing, following):
                task.cancel()
            await asyncio.gather(writing, following, return_exceptions=True)

    async def _follow(self, open_: OpenRequest, admission: Admission) -> None:
        try:
            if not open_.ending.done():
                await self._runtime.realtime.replay.follow(admission, self._cursor.since)
        except ParleyError as exc:
            open_.connection.close(close_for(exc) or UNAVAILABLE)
        except Exception:  # the root of a task: a bug of ours, reported to the client
            log.exception("stream.failed")
            open_.connection.close(INTERNAL)


async def _write(transport: SseTransport, send: Send, ping_seconds: float) -> None:
    """Write what the transport has, and a comment when there has been nothing for a while."""
    await send(_body(b"retry: %d\n\n" % STREAM_RETRY_MS))
    while not transport.finished or transport.unsent():
        try:
            async with asyncio.timeout(ping_seconds):
                chunk = await transport.take()
        except TimeoutError:
            chunk = b": ping\n\n"
        await send(_body(chunk))
        transport.sent()
    await send(_body(b"", more=False))


def _body(chunk: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": chunk, "more_body": more}


def _end(why: Close) -> bytes:
    return orjson.dumps({"type": "end", "code": why.code, "reason": why.reason})
