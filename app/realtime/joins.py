"""
Joining a room without a hole and without a buffer.

Register first, check second: the connection has a mute subscription before membership and
head are read in one snapshot, so that a removal or a revocation in between ends the join.
The replay reads up to what has been delivered and never beyond; in the tick in which its
cursor gets there, the subscription goes live.

    subscribe (mute) ─▶ snapshot ─▶ member? ─▶ joined ─▶ replay … cursor == delivered ─▶ live
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..domain.appends import Join
from ..domain.authorization import authorize_read
from ..domain.errors import Banned, Conflict, Gone, RoomNotFound
from ..domain.ids import Millis, RoomId, UserId
from ..domain.limits import DEFAULT_PAGE, MAX_ROOMS_PER_CONNECTION
from ..domain.roles import Kind
from ..domain.views import RoomView
from ..services.log.committer import Committer
from ..services.log.epoch import Epoch
from ..services.rooms.room_directory import RoomDirectory
from ..services.rooms.room_views import RoomViews
from ..wire import answers
from ..wire.rooms import view_body
from . import event_pages as pages
from .connection import Connection, Subscription
from .event_pages import EventPage
from .feed import Feed, RoomFeed
from .hub import Hub
from .presence import Presence
from .replays import Replays
from .resume import ResumeRequest
from .write_coalescer import WriteCoalescer

Confirmed = asyncio.Future[None]
"""Done when a log-in has been confirmed."""


@dataclass(slots=True)
class Entry:
    """A connection that has been let into a room, and has heard nothing of it yet."""

    subscription: Subscription
    room_feed: RoomFeed
    view: RoomView


class Joins:
    """Lets connections into rooms."""

    def __init__(
        self,
        *,
        hub: Hub,
        feed: Feed,
        presence: Presence,
        replays: Replays,
        directory: RoomDirectory,
        room_views: RoomViews,
        committer: Committer,
        coalescer: WriteCoalescer,
        epoch: Epoch,
        now: Callable[[], Millis],
        max_rooms: int = MAX_ROOMS_PER_CONNECTION,
    ) -> None:
        self._max_rooms = max_rooms
        self._hub = hub
        self._feed = feed
        self._presence = presence
        self._replays = replays
        self._directory = directory
        self._room_views = room_views
        self._committer = committer
        self._coalescer = coalescer
        self._epoch = epoch
        self._now = now

    async def enter(
        self,
        connection: Connection,
        name: str,
        confirmed: Confirmed | None = None,
        *,
        read_only: bool = False,
    ) -> Entry:
        """
        Check that the user may listen, and make them a member of a public room.

        Args:
            confirmed: What is waited for before anything is decided or done; the room is read
                meanwhile.
            read_only: They stay what they are; who may read a room may listen to it.

        The first half of a join: what it appends reaches the log before what the connection
        asks next. Safe to cancel.

        Raises:
            RoomNotFound: If there is no such room, or it is not for them to know.
            Banned: From a public room.
            Conflict: If the connection has joined as many rooms as it can, or has left this
                one or joined it anew meanwhile.
            Unavailable: If the database can't be reached now.

        """
        room = self._directory.known(name) or await self._directory.find(name)
        mine = connection.subscriptions
        if room not in mine and len(mine) >= self._max_rooms:
            raise Conflict(f"A connection can join {self._max_rooms} rooms.")
        room_feed = self._feed.acquire(room)
        subscription = self._hub.subscribe(connection, room, name.lower())
        subscription.on_end = partial(self._feed.release, room_feed)
        try:
            view = await self._admit(connection.user, room, confirmed, read_only=read_only)
        except BaseException:  # cancelled or failed: nobody listens on
            self._hub.unsubscribe(subscription)
            raise
        self._feed.seed(room_feed, view.head)
        self._stay(subscription)
        subscription.admitted_at = view.head
        return Entry(subscription, room_feed, view)

    async def replay(self, entry: Entry, resume_request: ResumeRequest) -> None:
        """
        Say ``joined``, replay, and go live; or say ``reset`` and leave it.

        Safe to cancel.

        Raises:
            Unavailable: If the log can't be read now; nothing is joined then.
            Conflict: If the room was left or joined anew before ``joined`` could be said.

        """
        subscription = entry.subscription
        outbox = subscription.connection.outbox
        reason = resume_request.reset_reason(entry.view, self._epoch.name)
        if reason is not None:
            self._hub.unsubscribe(subscription)
            self._reset(entry, entry.view, resume_request, reason)
            return
        self._arrive(entry)
        try:
            body = self._joined(entry)
            if resume_request.since is not None:
                self._coalescer.send(outbox, answers.joined(resume_request.re, body))
                await self._catch_up(entry, resume_request.since, resume_request)
                return
            page = await self._newest(entry, resume_request.limit or DEFAULT_PAGE)
            self._stay(subscription)
            self._coalescer.send(outbox, answers.joined(resume_request.re, body))
            cursor = await self._show(entry, page, resume_request.limit or DEFAULT_PAGE)
            if cursor is not None:
                await self._catch_up(entry, cursor, resume_request)
        except Gone:
            await self._begin_again(entry, resume_request)
        except BaseException:  # cancelled or failed: nobody listens on
            self._hub.unsubscribe(subscription)
            raise

    async def follow(self, entry: Entry, since: int) -> None:
        """
        Replay what came after ``since``, which the log reaches to, and go live.

        Nothing is said of the join itself. A member counts as present, a mere reader doesn't.
        Safe to cancel.

        Raises:
            Gone: If what comes next has just been removed; nothing is joined then.
            Unavailable: If the log can't be read now; nothing is joined then.

        """
        if entry.view.role is not None:
            self._arrive(entry)
        try:
            await self._catch_up(entry, since, ResumeRequest(since))
        except BaseException:  # cancelled or failed: nobody listens on
            self._hub.unsubscribe(entry.subscription)
            raise

    async def _admit(
        self, user: UserId, room: RoomId, confirmed: Confirmed | None, *, read_only: bool
    ) -> RoomView:
        view = await self._room_views.get(room, user)
        if confirmed is not None:
            await confirmed
        if view is None or not view.may_read(self._now()):
            if view is not None and view.kind is Kind.PUBLIC:
                raise Banned
            raise RoomNotFound
        if view.role is None and not read_only:
            await self._committer.append(Join(room=room, by=user, at=self._now()))
            again = await self._room_views.get(room, user)
            if again is None or again.role is None:
                raise RoomNotFound
            return again
        return view

    async def _begin_again(self, entry: Entry, resume_request: ResumeRequest) -> None:
        """Retention has taken what comes next, from under a replay."""
        subscription = entry.subscription
        if subscription.ended is not None:
            self._hub.expel(subscription)
        if not subscription.is_current():
            return
        self._hub.unsubscribe(subscription)
        key = (subscription.room, subscription.connection.user)
        view = authorize_read(await self._room_views.get(*key), self._now())
        self._reset(entry, view, resume_request, "gone")

    def _reset(
        self, entry: Entry, view: RoomView, resume_request: ResumeRequest, reason: str
    ) -> None:
        body = {**self._where(view), "reason": reason}
        entry.subscription.connection.outbox.send(answers.reset(resume_request.re, body))

    def _where(self, view: RoomView) -> dict[str, object]:
        head, first = view.head, view.first
        return {"room": view.name, "head": head, "first": first, "epoch": self._epoch.name}

    def _joined(self, entry: Entry) -> dict[str, object]:
        view, room = entry.view, entry.subscription.room
        role = None if view.role is None else view.role.value
        body = {**self._where(view), "role": role, **view_body(view)}
        body["present_count"] = self._presence.count(room)
        present = self._presence.usernames(room)
        if present is not None:
            body["present"] = present
        return body

    def _arrive(self, entry: Entry) -> None:
        subscription = entry.subscription
        connection, room = subscription.connection, subscription.room
        self._presence.arrive(room, subscription.room_name, connection.user, connection.username)

        def leave() -> None:
            self._feed.release(entry.room_feed)
            self._presence.leave(room, connection.user)
            if subscription.ended is not None:
                self._presence.drop(room, connection.user)

        subscription.on_end = leave

    async def _newest(self, entry: Entry, limit: int) -> EventPage:
        subscription, room_feed = entry.subscription, entry.room_feed
        await self._feed.reach(room_feed, entry.view.head)
        upto = self._upto(subscription, room_feed)
        return await self._replays.newest(room_feed, subscription.room_name, limit, upto)

    async def _show(self, entry: Entry, page: EventPage, limit: int) -> int | None:
        """Write the newest messages. Answers where the client stands; None if it is gone."""
        subscription, room_feed, upto = entry.subscription, entry.room_feed, page.last
        cursor = 0
        while True:
            reached = await self._write(page, entry, cursor)
            if reached is None or reached == upto or not subscription.is_current():
                return reached
            cursor = reached
            page = await self._replays.newest(room_feed, subscription.room_name, limit, upto)

    async def _write(self, page: EventPage, entry: Entry, after: int) -> int | None:
        # With joined and caught_up, if they come in the same turn of the loop.
        send, room_feed = self._coalescer.write, entry.room_feed
        return await pages.write(page, entry.subscription, after, lambda: room_feed.rewrites, send)

    def _stay(self, subscription: Subscription) -> None:
        """Return if the client still waits for this join, and has not left or joined anew."""
        if not subscription.is_current():
            raise Conflict("The room was left, or joined anew, before this was done.")

    def _upto(self, subscription: Subscription, room_feed: RoomFeed) -> int:
        """How far may be replayed now."""
        assert room_feed.delivered is not None
        ended = subscription.ended
        return room_feed.delivered if ended is None else min(room_feed.delivered, ended[1])

    async def _catch_up(self, entry: Entry, cursor: int, resume_request: ResumeRequest) -> None:
        subscription, room_feed = entry.subscription, entry.room_feed
        connection = subscription.connection
        await self._feed.reach(room_feed, entry.view.head)
        while subscription.is_current() and not connection.closed:
            upto = self._upto(subscription, room_feed)
            if cursor >= upto:
                # Nothing awaits from here to the end: no event can come in between.
                subscription.live = True
                if subscription.ended is None:
                    name = subscription.room_name
                    caught_up = answers.caught_up(resume_request.re, name, cursor)
                    self._coalescer.send(connection.outbox, caught_up)
                else:
                    self._hub.expel(subscription)
                return
            page = await self._replays.after(room_feed, cursor, upto)
            # If the room is left meanwhile, its last frame, or the first of another replay,
            # has been sent: nothing of this one follows.
            reached = await self._write(page, entry, cursor)
            if reached is None:
                return
            cursor = reached
            if cursor < self._upto(subscription, room_feed):
                await asyncio.sleep(0)
