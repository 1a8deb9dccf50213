"""
Joining a room, first half: who may, and becoming a member of a public room.

The subscription is registered before access is checked, so that a removal or a revocation in
between ends the join. The second half is :mod:`app.realtime.replay`; the two together leave
neither a gap nor a duplicate between replayed and live events, without a buffer::

    subscribe (replaying) ─▶ snapshot ─▶ may read? ─▶ joined ─▶ replay … caught up ─▶ live
    └───────────────── joins ────────────────────┘   └─────────────── replay ────────────┘
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from ..domain.appends import Join
from ..domain.connection_limits import MAX_ROOMS_PER_CONNECTION
from ..domain.errors import Banned, Conflict, RoomNotFound
from ..domain.ids import Millis, RoomId, UserId
from ..domain.roles import Kind
from ..domain.views import RoomView
from ..services.log.committer import Committer
from ..services.rooms.room_directory import RoomDirectory
from ..services.rooms.room_views import RoomViews
from .connection import Connection, Subscription
from .feed import Feed
from .hub import Hub
from .room_feed import RoomFeed
from .separation import Separation

Confirmed = asyncio.Future[None]
"""Done once the connection's log-in has been confirmed."""


@dataclass(slots=True)
class Admission:
    """A subscription whose access has been checked, and nothing of whose room has been sent."""

    subscription: Subscription
    room_feed: RoomFeed
    view: RoomView
    """The room as the user sees it, in the snapshot that showed access."""
    separated: Collection[UserId]
    """Users whom a block separates from this one, in the same snapshot."""

    def require_current(self) -> None:
        """
        Check that the client still waits for this join.

        Raises:
            Conflict: If it has left the room or joined it again meanwhile.

        """
        if self.subscription.ended:
            raise Conflict("The room was left or joined again before this join was done.")


class Joins:
    """Admits connections to rooms, for every connection of a node. Used in the event loop."""

    def __init__(
        self,
        *,
        hub: Hub,
        feed: Feed,
        directory: RoomDirectory,
        room_views: RoomViews,
        committer: Committer,
        separation: Separation,
        now: Callable[[], Millis],
        max_rooms: int = MAX_ROOMS_PER_CONNECTION,
    ) -> None:
        self._max_rooms = max_rooms
        self._hub = hub
        self._feed = feed
        self._directory = directory
        self._room_views = room_views
        self._committer = committer
        self._separation = separation
        self._now = now

    async def admit(
        self,
        connection: Connection,
        name: str,
        confirmed: Confirmed | None = None,
        *,
        read_only: bool = False,
    ) -> Admission:
        """
        Subscribe to a room, check access, and make the user a member of a public room.

        What this appends reaches the log before what the connection asks next. Safe to cancel;
        if it raises, nothing is subscribed.

        Args:
            confirmed: Awaited before anything is decided or appended; the room is read
                meanwhile.
            read_only: Don't become a member; reading the room is enough.

        Raises:
            RoomNotFound: If there is no such room, or the user may not know of it.
            Banned: If the user is banned from this public room.
            Conflict: If the connection has joined as many rooms as it may, or has left this
                one or joined it again meanwhile.
            Unavailable: If the database can't be reached now.

        """
        room = self._directory.known(name) or await self._directory.find(name)
        subscriptions = connection.subscriptions
        if room not in subscriptions and len(subscriptions) >= self._max_rooms:
            raise Conflict(f"A connection can join {self._max_rooms} rooms.")
        room_feed = self._feed.acquire(room)
        subscription = self._hub.subscribe(connection, room, name.lower())
        subscription.on_end = partial(self._feed.release, room_feed)
        user = connection.user
        try:
            # Asked for at once, so that one snapshot answers both.
            separating = self._separation.of(user)
            view = await self._check(user, room, confirmed, read_only=read_only)
            separated = await separating
        except BaseException:  # failed or cancelled
            self._hub.unsubscribe(subscription)
            raise
        room_feed.seed(view.head)
        admission = Admission(subscription, room_feed, view, separated)
        admission.require_current()
        subscription.admitted_at = view.head
        return admission

    async def _check(
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
            view = await self._room_views.get(room, user)
            if view is None or view.role is None:
                raise RoomNotFound
        return view
