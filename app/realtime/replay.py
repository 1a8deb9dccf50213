"""
Joining a room, second half: ``joined``, the missed events, ``caught_up``, and then live.

A replay reads up to what has been delivered and never beyond. In the turn of the loop in which
it gets there, its subscription becomes live: no event can come in between.
"""

import asyncio
from collections.abc import Callable

from ..domain.authorization import authorize_read
from ..domain.errors import Gone
from ..domain.ids import Millis
from ..domain.limits import DEFAULT_PAGE
from ..domain.views import Present, RoomView
from ..services.log.epoch import Epoch
from ..services.rooms.room_views import RoomViews
from ..wire import answers
from ..wire.rooms import view_body
from .connection import SubscriptionState
from .event_pages import EventPage, write_page
from .feed import Feed
from .hub import Hub
from .joins import Admission
from .presence import Presence
from .replay_pages import ReplayPages
from .resume import ResumeRequest
from .write_coalescer import WriteCoalescer


class Replay:
    """
    Replays rooms to admitted connections, for every connection of a node.

    Used in the event loop. Methods are safe to cancel; when one raises, the subscription has
    ended.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        feed: Feed,
        presence: Presence,
        pages: ReplayPages,
        room_views: RoomViews,
        coalescer: WriteCoalescer,
        epoch: Epoch,
        now: Callable[[], Millis],
    ) -> None:
        self._hub = hub
        self._feed = feed
        self._presence = presence
        self._pages = pages
        self._room_views = room_views
        self._coalescer = coalescer
        self._epoch = epoch
        self._now = now

    async def run(self, admission: Admission, resume_request: ResumeRequest) -> None:
        """
        Send ``joined``, replay and go live; or send ``reset`` and end the subscription.

        Returns early if the subscription ends meanwhile.

        Raises:
            Unavailable: If the log can't be read now.
            Conflict: If the room was left or joined again before ``joined`` could be sent.

        """
        subscription, re = admission.subscription, resume_request.re
        outbox = subscription.connection.outbox
        reason = resume_request.reset_reason(admission.view, self._epoch.name)
        if reason is not None:
            self._hub.unsubscribe(subscription)
            self._send_reset(admission, admission.view, re, reason)
            return
        self._mark_present(admission)
        try:
            body = self._joined_body(admission)
            if resume_request.since is not None:
                self._coalescer.send(outbox, answers.joined(re, body))
                await self._catch_up(admission, resume_request.since, re)
                return
            limit = resume_request.limit or DEFAULT_PAGE
            page = await self._newest_page(admission, limit)
            admission.require_current()
            self._coalescer.send(outbox, answers.joined(re, body))
            cursor = await self._write_newest(admission, page, limit)
            if cursor is not None:
                await self._catch_up(admission, cursor, re)
        except Gone:
            await self._reset_after_retention(admission, re)
        except BaseException:  # failed or cancelled
            self._hub.unsubscribe(subscription)
            raise

    async def follow(self, admission: Admission, since: int) -> None:
        """
        Replay the events after ``since`` and go live, without ``joined``.

        A member counts as present; a user who only reads the room does not.

        Args:
            since: A seq that the log reaches, and that is not older than what it keeps.

        Raises:
            Gone: If retention has just removed the next event.
            Unavailable: If the log can't be read now.

        """
        if admission.view.role is not None:
            self._mark_present(admission)
        try:
            await self._catch_up(admission, since, None)
        except BaseException:  # failed or cancelled
            self._hub.unsubscribe(admission.subscription)
            raise

    # The replay and its end

    async def _catch_up(self, admission: Admission, cursor: int, re: str | None) -> None:
        subscription, room_feed = admission.subscription, admission.room_feed
        connection = subscription.connection
        await room_feed.reach(admission.view.head)
        while not subscription.ended and not connection.closed:
            upto = self._upto(admission)
            if cursor >= upto:
                # Nothing awaits from here to the end: no event can come in between.
                subscription.set_state(SubscriptionState.LIVE)
                if subscription.access_end is None:
                    name = subscription.room_name
                    self._coalescer.send(connection.outbox, answers.caught_up(re, name, cursor))
                else:
                    self._hub.expel(subscription)
                return
            page = await self._pages.after(room_feed, cursor, upto)
            # If the subscription ended meanwhile, its last frame has been sent, perhaps even
            # the first of another replay: nothing of this one may follow.
            reached = await self._write(page, admission, cursor)
            if reached is None:
                return
            cursor = reached
            if cursor < self._upto(admission):
                await asyncio.sleep(0)

    def _upto(self, admission: Admission) -> int:
        """The seq where the replay ends now: of the last delivered event, or of the access end."""
        delivered, access_end = admission.room_feed.delivered, admission.subscription.access_end
        assert delivered is not None
        return delivered if access_end is None else min(delivered, access_end.seq)

    async def _write(self, page: EventPage, admission: Admission, after: int) -> int | None:
        # Through the coalescer: a short replay shares its write with joined and caught_up.
        room_feed = admission.room_feed
        return await write_page(
            page,
            admission.subscription,
            after,
            lambda: room_feed.revision,
            self._coalescer.write,
        )

    # Without since: the newest messages

    async def _newest_page(self, admission: Admission, limit: int) -> EventPage:
        room_feed = admission.room_feed
        await room_feed.reach(admission.view.head)
        name, upto = admission.subscription.room_name, self._upto(admission)
        return await self._pages.newest(room_feed, name, limit, upto)

    async def _write_newest(self, admission: Admission, page: EventPage, limit: int) -> int | None:
        """Write the newest messages; returns as :func:`write_page`. Reads stale pages again."""
        subscription, upto = admission.subscription, page.last
        cursor = 0
        while True:
            reached = await self._write(page, admission, cursor)
            if reached is None or reached == upto or subscription.ended:
                return reached
            cursor = reached
            page = await self._pages.newest(
                admission.room_feed, subscription.room_name, limit, upto
            )

    # Replies

    def _joined_body(self, admission: Admission) -> dict[str, object]:
        view, subscription = admission.view, admission.subscription
        present = self._presence.present(subscription.room)
        role = None if view.role is None else view.role.value
        body = {**self._position(view), "role": role, **view_body(view)}
        if present is None:
            body["present_count"] = self._presence.count(subscription.room)
        else:
            shown = sorted(who for u, who in present.items() if u not in admission.separated)
            body["present_count"] = len(shown)
            body["present"] = [who.username for who in shown]
            body["display_names"] = {
                who.username: who.display_name for who in shown if who.display_name != who.username
            }
        return body

    def _position(self, view: RoomView) -> dict[str, object]:
        head, first = view.head, view.first
        return {"room": view.name, "head": head, "first": first, "epoch": self._epoch.name}

    def _send_reset(
        self, admission: Admission, view: RoomView, re: str | None, reason: str
    ) -> None:
        body = {**self._position(view), "reason": reason}
        admission.subscription.connection.outbox.send(answers.reset(re, body))

    async def _reset_after_retention(self, admission: Admission, re: str | None) -> None:
        """Send ``reset``, because retention has removed the next event during the replay."""
        subscription = admission.subscription
        if subscription.access_end is not None:
            self._hub.expel(subscription)
        if subscription.ended:
            return
        self._hub.unsubscribe(subscription)
        view = await self._room_views.get(subscription.room, subscription.connection.user)
        self._send_reset(admission, authorize_read(view, self._now()), re, "gone")

    # Presence

    def _mark_present(self, admission: Admission) -> None:
        subscription = admission.subscription
        connection, room = subscription.connection, subscription.room
        who = Present(connection.username, connection.display_name)
        self._presence.add(room, subscription.room_name, connection.user, who)

        def on_end() -> None:
            self._feed.release(admission.room_feed)
            self._presence.remove(room, connection.user)
            if subscription.access_end is not None:
                self._presence.remove_now(room, connection.user)

        subscription.on_end = on_end
