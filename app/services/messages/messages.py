"""Sending and changing messages over HTTP, with the same appends as on a socket."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from ...domain.appends import Append, Committed, Delete, Edit, Pin, React, Send
from ...domain.errors import MessageNotFound, RateLimited
from ...domain.ids import Millis, RoomId, Seq, UserId
from ...domain.mentions import mention_fields
from ...domain.token_bucket import UserTokenBuckets
from ...domain.views import MessageView
from ...store import messages
from ...store import room_views as room_view_store
from ...store.database import Database, DbConnection
from ..accounts.authenticator import Identity
from ..log.committer import Committer
from ..rooms.room_directory import RoomDirectory


class Sent(NamedTuple):
    """A message as it is now, and whether an earlier request with the same key has sent it."""

    message: MessageView
    duplicate: bool


class Messages:
    """
    Sends, edits, deletes, reacts and pins. Used in the event loop.

    Each method returns after the commit; whether it is allowed is decided there, in
    :mod:`app.domain.decide`. Each counts against the user's send rate, which their sockets share,
    and raises ``RateLimited`` beyond it. ``key`` makes a retry safe, like ``id`` on a socket.
    """

    def __init__(
        self,
        database: Database,
        *,
        committer: Committer,
        directory: RoomDirectory,
        buckets: UserTokenBuckets,
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._committer = committer
        self._directory = directory
        self._buckets = buckets
        self._now = now
        self.present: Callable[[RoomId], Collection[UserId]] = lambda _room: ()
        """Who is present in a room. Set by those who know. It must not await or raise."""

    async def send(
        self,
        me: Identity,
        name: str,
        text: str,
        *,
        reply_to: int | None = None,
        data: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Sent:
        """
        Send a message. A new one is returned as it was committed, without another read.

        Raises:
            ParleyError: Why it was refused.

        """
        room = await self._admit(me.user, name)
        append = Send(
            **self._fields(me.user, room, key),
            text=text,
            reply_to=reply_to,
            data=data,
            **mention_fields(text, lambda: self.present(room)),
        )
        committed = await self._committer.append(append)
        assert committed.seq is not None
        if committed.duplicate or append.mentions:
            # Others may have changed it; and only the log knows which mentions are of members.
            view = await self._read(me.user, room, committed.seq)
        else:
            view = _new_message(append, committed.seq, committed.at, me.username)
        return Sent(view, committed.duplicate)

    async def edit(
        self, me: UserId, name: str, seq: int, text: str, *, key: str | None = None
    ) -> MessageView:
        """
        Change the text of one of the caller's messages.

        Raises:
            ParleyError: Why it was refused.

        """
        room = await self._admit(me, name)
        fields = self._fields(me, room, key)
        mentions = mention_fields(text, lambda: self.present(room))
        append = Edit(**fields, **mentions, ref=seq, text=text)
        return await self._append_and_read(me, room, seq, append)

    async def delete(
        self, me: UserId, name: str, seq: int, *, key: str | None = None
    ) -> Committed:
        """
        Blank a message.

        Raises:
            ParleyError: Why it was refused.

        """
        room = await self._admit(me, name)
        return await self._committer.append(Delete(**self._fields(me, room, key), ref=seq))

    async def react(
        self,
        me: UserId,
        name: str,
        seq: int,
        emoji: str,
        *,
        on: bool,
        key: str | None = None,
    ) -> MessageView:
        """
        Add a reaction to a message, or remove it.

        Raises:
            ParleyError: Why it was refused.

        """
        room = await self._admit(me, name)
        append = React(**self._fields(me, room, key), ref=seq, emoji=emoji, on=on)
        return await self._append_and_read(me, room, seq, append)

    async def pin(
        self, me: UserId, name: str, seq: int, *, on: bool, key: str | None = None
    ) -> MessageView:
        """
        Pin a message, or unpin it.

        Raises:
            ParleyError: Why it was refused.

        """
        room = await self._admit(me, name)
        return await self._append_and_read(
            me, room, seq, Pin(**self._fields(me, room, key), ref=seq, on=on)
        )

    async def _admit(self, me: UserId, name: str) -> RoomId:
        """Count the request against the send rate, and find its room."""
        now = asyncio.get_running_loop().time()
        wait = self._buckets.of(me, now).take(now)
        if wait:
            raise RateLimited("You send messages too fast.", retry_after=wait)
        return await self._directory.find(name)

    def _fields(self, me: UserId, room: RoomId, key: str | None) -> dict[str, Any]:
        return {"room": room, "by": me, "at": self._now(), "client_id": key}

    async def _append_and_read(
        self, me: UserId, room: RoomId, seq: int, append: Append
    ) -> MessageView:
        await self._committer.append(append)
        return await self._read(me, room, seq)

    async def _read(self, me: UserId, room: RoomId, seq: int) -> MessageView:
        at = self._now()

        def work(connection: DbConnection) -> MessageView:
            found = messages.one(connection, room, seq)
            if found is None:
                raise MessageNotFound
            key = room_view_store.RoomViewKey(room, me)
            view = room_view_store.load(connection, [key]).get(key)
            may_read = view is not None and view.may_read(at)
            return found if may_read else _without_responses(found)

        return await self._database.read(work)


def _new_message(append: Send, seq: int, at: Millis, by: str) -> MessageView:
    """A message without mentions, as it was committed."""
    return MessageView(
        room=append.room,
        seq=Seq(seq),
        at=at,
        by=by,
        text=append.text,
        data=append.data,
        reply_to=append.reply_to,
        client_id=append.client_id,
        edited_at=None,
        deleted_at=None,
        pinned=False,
    )


def _without_responses(message: MessageView) -> MessageView:
    """For an author who may no longer read the room: the message without what others added."""
    message.pinned = False
    message.reactions, message.mentions, message.mentions_room = {}, [], None
    message.reply_count, message.last_reply = 0, None
    return message
